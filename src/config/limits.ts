/** Bounds of the configuration, with why. */

/** Real files stay below 100 KiB; the bound keeps a wrong path from filling the memory. */
export const configFileBytesMax = 4 * 1024 * 1024;

/** A longer line (its end included) stops the reading of its file: the Go program's own limit, kept because it changes what is read. */
export const configLineBytesMax = 65_536;

/** Files of plugin.d that are read. */
export const pluginFilesMax = 1_000;

/** Warnings that are kept; a file of noise must not fill the memory or the log. */
export const configWarningsMax = 200;

/** Longest wait for the host's own name in DNS. */
export const identityLookupMs = 2_000;

/** Longest wait for Facter: it is known to take seconds on a cold start. */
export const facterTimeoutMs = 10_000;

/** What Facter may print: one fact is one short line. */
export const facterOutputBytesMax = 64 * 1024;
