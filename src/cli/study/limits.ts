/** Bounds of the fleet study. */

export const sizesMax = 8;
export const serversMax = 200_000;
export const runsMax = 50;
/** A process opens at most some 20,000 files: connections of one broker, and of one emulator process. */
export const connectionsPerBroker = 17_000;
export const serversPerProcess = 17_000;
/** Up to here more than one process is not worth what each of them costs to warm up. */
export const serversOfOneProcess = 2_000;
export const brokersMax = 16;
/** From the start of the first emulated server to the last connected one. */
export const startTimeoutMsEach = 60;
export const startTimeoutMsLeast = 60_000;
/** A program of ours until it says that it is ready. */
export const readyTimeoutMs = 60_000;
export const stopTimeoutMs = 40_000;
/** One command of a client: waited for longest. */
export const commandTimeoutMs = 180_000;
/** From here on the answers alone take long. */
export const largeFleet = 20_000;
/** A scenario begins no further run after this. */
export const scenarioTimeoutMs = 420_000;
/** How often a fleet that starts says how far it is. */
export const startWordMs = 15_000;
export const outputBytesMax = 256 * 1_048_576;
/** After kill -9 of the brokers until everybody is back. */
export const settleTimeoutMsEach = 30;
export const settleTimeoutMsLeast = 90_000;
/** How often the emulators tell their counters. */
export const metricsIntervalMs = 500;
/** Connections that subscribe to everything and read nothing. */
export const slowReaders = 20;
export const slowReaderTries = 5;
/** Nodes that the registration storm adds at most. */
export const registrationServersMax = 5_000;
export const registrationTimeoutMs = 60_000;
/** Requests under way at once in the background load, and nodes each of them asks. */
export const backgroundRequests = 4;
export const backgroundTargets = 50;
/** Spans of the drawn histograms. */
export const histogramBuckets = 60;
