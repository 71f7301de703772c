/** Bounds of the plugins of the autonomous agents. */

/** Packed it grows by a third and has to fit a value of a bucket, which is one message of at most 1 MiB. */
export const manifestBytesMax = 700 * 1024;

/** A packed list: the base64 of the largest list, a signature and what stands around them. */
export const specificationBytesMax = 1024 * 1024;

/** Plugins of one list: each is a folder and a state machine on every node that it matches. */
export const manifestPluginsMax = 1_000;

/** With a prefix it becomes the name of a folder; file systems take 255 bytes. */
export const pluginNameLengthMax = 128;
