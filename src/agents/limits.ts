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

/** How long a worker may take to load its agent: Puppet takes two seconds on a busy machine. */
export const workerStartTimeoutMs = 30_000;

/** After a call was cancelled, how long its worker may take to end it before the worker itself is killed. */
export const workerCancelGraceMs = 5_000;

/** After a worker was told to stop. */
export const workerStopGraceMs = 2_000;

/** Between attempts to start a worker that does not start; doubled each time up to the second. */
export const workerRestartDelayMs = 30_000;
export const workerRestartDelayMaxMs = 600_000;

/** The head of the program that runs Ruby agents, which names its interpreter. */
export const shimBytesMax = 1024 * 1024;

/** Problems of files that are remembered so as to be told once. */
export const reportedProblemsMax = 10_000;

/** A description; the largest in use have some 50 KiB. */
export const ddlFileBytesMax = 2 * 1024 * 1024;

/** How often the memory of a worker is looked at while calls run in it. */
export const workerMemoryLookMs = 1_000;

/** One frame of the process of an agent: a reply as text within JSON, and what comes with it. */
export const hostFrameBytesMax = replyBytesMax * 6 + 1024 * 1024;

/** Agents in TypeScript are saved by people while the server runs: half a second of quiet is the end of a save. */
export const moduleSettleMs = 500;

/** Files of one agent that are watched, and how deep they may lie. */
export const moduleFilesMax = 500;
export const moduleDepthMax = 4;

/** An agent's process tells at once that it stopped waiting for a call; one that does not is in a loop. */
export const moduleCancelGraceMs = 500;

/** Programs of one data plugin that run at the same time, and questions that wait: filters of many requests may ask at once. */
export const dataConcurrentMax = 4;
export const dataWaitingMax = 256;

/** A filter that asks a data plugin holds up the requests behind it, so no description may claim more. */
export const dataTimeoutMaxSeconds = 10;

/** Data plugins taken from one node's disk. */
export const dataPluginsMax = 200;
