/** Bounds of an expression. They come from the network before any authorisation, so a dear one has to stop early. */

/** Characters of source; filters people write are below 500. */
export const exprSourceCharactersMax = 65_536;

/** Nodes of the parsed expression, as in the Go program. */
export const exprNodesMax = 10_000;

/** Nesting of the source: each level costs host stack. */
export const exprDepthMax = 200;

/** Operations of one evaluation: some tens of milliseconds at the worst. */
export const exprStepsMax = 200_000;

/** Elements and characters made by one evaluation. */
export const exprMemoryMax = 1_000_000;

/** Different calls to slow functions (data plugins) of one evaluation. */
export const exprAsyncCallsMax = 32;
