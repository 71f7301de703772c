/** Bounds of the command line. */

/** Lines taken from one `@file` argument: more than any fleet's list of nodes, little enough to stay in memory. */
export const expandedLinesMax = 100_000;

/** Size of one `@file`, one configuration aid or one plugin description read by a command. */
export const inputFileBytesMax = 16 * 1024 * 1024;

/** Everything read from standard input. */
export const stdinBytesMax = 64 * 1024 * 1024;

/** Arguments of one command line after `@file` expansion. */
export const argumentsMax = 200_000;

/** How long a command may take to end after an interrupt before the process ends itself; Choria's client default. */
export const softShutdownMs = 2_000;

/** Columns below which help stops narrowing, so that a column of one letter never appears. */
export const helpColumnsMin = 40;

/** Columns beyond which help is no longer widened. */
export const helpColumnsMax = 1_000;

/** Files of one directory that `tool sha256` takes; their paths are held in memory. */
export const checksumFilesMax = 1_000_000;

/** One file that `tool sha256` reads at once. */
export const checksumFileBytesMax = 1024 * 1024 * 1024;

/** A server's status file is one line; a larger file is none. */
export const statusFileBytesMax = 64 * 1024;

/** Letters of one typed answer: names and passwords are shorter. */
export const typedBytesMax = 4096;

/** Vault answers at once; its largest answers hold a few keys. */
export const vaultTimeoutMs = 10_000;
export const vaultResponseBytesMax = 1_048_576;
/** The body of one message that `broker publish` and `broker request` take from standard input; brokers accept at most this much. */
export const messageBytesMax = 64 * 1024 * 1024;

/** One message that `tool protocol` reads from a file; the protocol's own limit then decides. */
export const protocolMessageBytesMax = 128 * 1024 * 1024;

/** One application definition of `tool builder`, and how many of a directory are looked at. */
export const definitionBytesMax = 4 * 1024 * 1024;
export const definitionsMax = 1_000;
/** Commands inside of commands; what is deeper is no definition that anybody wrote. */
export const definitionDepthMax = 32;

/** Actions, inputs and outputs that one interview for a description adds. */
export const describedItemsMax = 1_000;

/** One certificate file that is only shown. */
export const certificateFileBytesMax = 1024 * 1024;

/** How long a program may take to describe itself as a plugin, and how long the description may be. */
export const introspectTimeoutMs = 10_000;
export const introspectBytesMax = 4 * 1024 * 1024;
