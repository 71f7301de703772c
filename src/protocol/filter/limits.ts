/** Bounds of judging one filter. A filter is judged before any authorisation, so everything in it is cheap or refused. */
export const filterLimits = {
  /** Different regular expressions of one filter; each costs memory and a pass over what it is tried on. */
  patternsMax: 256,
  /** Characters of one pattern: people write tens, tools hundreds. */
  patternCharactersMax: 4_096,
  /** Compound expressions of one filter; clients send one. */
  compoundsMax: 16,
  /** Characters of facts in which a filter looks; larger facts match nothing but filters without facts. */
  factsCharactersMax: 8 * 1_024 * 1_024,
  /** Compiled variants of one filter, one for each set of data plugins among the nodes of this process. */
  variantsMax: 16,
} as const;
