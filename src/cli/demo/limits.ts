/** How long one program of the demo may take until it is ready; a cold start on a busy machine needs a few seconds. */
export const readyTimeoutMs = 45_000;
/** How long a program may take to stop before it is killed. */
export const stopTimeoutMs = 8_000;
/** One command of the demo, such as a ping. */
export const commandTimeoutMs = 60_000;
/** How often the fleet is counted while it comes up, and for how long. */
export const countIntervalMs = 250;
export const countTimeoutMs = 45_000;
/** How long the nodes may take to answer the request that is replayed later, and how long it lives: the replay must be refused as a replay, not as too old. */
export const answersTimeoutMs = 10_000;
export const replayTtlSeconds = 60;
/** How long the demo waits for an answer to the replayed request before it calls it refused. */
export const replayQuietMs = 1_500;
/** A demo is for one machine; the study of large fleets has its own command. */
export const nodesMin = 4;
export const nodesMax = 2_000;
