/** Every bound of this area, and why. */

/** A reply travels in one message of at most a few MiB, so more could not be sent. */
export const replyBytesMax = 8 * 1024 * 1024;

/** Levels of nesting in a reply: deeper ones could not be encoded again without risking the stack. */
export const replyDepthMax = 500;

/** Output of one call that is kept; it is logged line by line and never part of the reply. */
export const outputBytesMax = 1024 * 1024;

/** Lines of one call that reach the log: a talking agent must not fill the disk. */
export const loggedLinesMax = 1_000;

/** Programs of one agent that run at the same time. */
export const concurrentCallsMax = 16;

/** Calls of one agent that wait for a turn; later ones are refused with a word. */
export const waitingCallsMax = 256;

/** How long an agent may think about whether it wants to run here. */
export const activationTimeoutMs = 2_000;

/** A description that changed less than this ago may still be written; it waits for the next scan. */
export const settleMs = 5_000;

/** Pauses between scans grow to this. */
export const scanIntervalMaxMs = 20_000;
export const scanIntervalStartMs = 500;

/** Agents taken from one node's disk. */
export const agentFilesMax = 1_000;

/** Rules of one goss request. */
export const gossResourcesMax = 1_000;

/** One file of a job in the executor's spool that is read whole. */
export const jobFileBytesMax = 256 * 1024;

/** Jobs looked at for one list. */
export const jobsMax = 5_000;
