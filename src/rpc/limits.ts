/** Every bound of the agent side, and why. */

/** Levels of nesting in a request's data: deeper ones cost stack in whatever handles them and no agent needs them. */
export const bodyDepthMax = 500;

/** One audit line; larger requests are written with their data left out and their size told. */
export const auditDataBytesMax = 1024 * 1024;
/** A group of the host is found in files or a directory service. */
export const groupLookupMs = 5000;
