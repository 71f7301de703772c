/** Every bound of the library layer, with why. */

/** Compiled size grows with the text; no policy, filter or DDL comes near this. */
export const regexPatternLengthMax = 8_192;

/** Instructions of a compiled pattern: matching costs time and memory in proportion, per character of input. */
export const regexProgramSizeMax = 20_000;

/** Matches that one `findAll` gives back: `a*` on a megabyte must not fill the memory with empty matches. */
export const regexMatchesMax = 100_000;

/** Patterns that one cache keeps: an agent's policies and a client's filters fit many times over. */
export const regexCacheEntriesMax = 512;

/** JSON of one document when the caller names no bound of its own: well above the largest NATS payload in use (1 MiB). */
export const jsonBytesMax = 16 * 1024 * 1024;

/** Containers within containers. Honest documents stay below 20; recursive readers of the value stay far from the stack's end. */
export const jsonDepthMax = 512;

/** A longer line of a child's output reaches `onLine` in pieces of this size, so that a child without line ends can't fill memory. */
export const processLineBytesMax = 64 * 1024;

/** Between the polite and the final signal to a process group: time to write a state file, not to go on working. */
export const processKillGraceMs = 2_000;

/** After a child's end, how long its pipes may stay open in the hands of a daemon it left behind. */
export const processPipeGraceMs = 250;

/** setTimeout's own limit; longer timers are chained. */
export const timerDelayMsMax = 2_147_483_647;

/** One message or field of a log line; the rest is cut and its length told. */
export const logValueLengthMax = 32 * 1024;
