/** Bounds of a path look-up. A path comes from the network before any authorisation, so each has to be cheap to refuse. */

/** Characters of a path. Real paths are below 200. */
export const gjsonPathCharactersMax = 4_096;

/** Characters looked at in one look-up, over all nested queries: some tens of milliseconds at most. */
export const gjsonStepsMax = 8_000_000;

/** Characters built by modifiers, queries and multipaths in one look-up. */
export const gjsonOutputCharactersMax = 4_000_000;

/** Nesting of pipes, queries and multipaths, and of values that modifiers walk. */
export const gjsonDepthMax = 100;

/** Steps of one wildcard comparison; beyond it does not match. */
export const wildcardStepsMax = 10_000;
