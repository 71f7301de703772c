/** Bounds of the client library, with why. */
export const clientConnectLimits = {
  /** Two rounds over all brokers: enough for one that is just restarting, and a missing one is told in about half a second. */
  attemptsMax: 2,
  /** However short the time for answers is: a connection takes a moment on a busy machine. Where nobody listens it is known at once. */
  connectMsMin: 5_000,
  /** The longest time that discovery, one batch or a ping may be given: a day. */
  timeoutMsMax: 86_400_000,
  /** For the agent that signs requests: as long as its description says. */
  signMs: 10_000,
  /** Answers to a ping that are kept for its statistics. */
  pingAnswersMax: 1_000_000,
  /** Requests that are remembered: some days of a person's work. */
  recordsMax: 50,
  /** Nodes that are remembered of one request; more are counted. */
  recordTroublesMax: 2_000,
  /** Of a node's own message. */
  recordTextMax: 500,
  /** What is read of one record: 2,000 nodes with long messages fit. */
  recordBytesMax: 4 * 1024 * 1024,
  /** What is read of a ramp's file: half a million names fit. */
  rampBytesMax: 64 * 1024 * 1024,
} as const;
