/** The bounds of running a nats-server. */
export const supervisedLimits = {
  /** `--version` and `-t`. */
  checkTimeoutMs: 20_000,
  outputBytesMax: 65_536,
  /** It asks again about every connection, one after the other, before it says that it is done. */
  reloadTimeoutMs: 120_000,
  /** From the start of the program to its ports file. JetStream reads its store first. */
  startTimeoutMs: 60_000,
  pollMs: 20,
  portsFileBytesMax: 16_384,
  /** Waits before a further start of a program that ended by itself: doubled each time, back to the first after `healthyMs`. */
  restartMsMin: 200,
  restartMsMax: 30_000,
  healthyMs: 60_000,
  /** After SIGTERM. */
  killGraceMs: 5000,
  /** How long a program whose parent is gone has to end by itself, in seconds. */
  orphanGraceSeconds: 5,
  /** nats-server refuses a shorter one. */
  lameDuckMsMin: 30_000,
  /** Between telling clients to go and closing the first. */
  lameDuckGraceMs: 2000,
  /** Connections of ours to it. */
  linkTimeoutMs: 5000,
  linkRetryMsMax: 2000,
  /** INFO of the server, which may name every broker of a cluster. */
  infoBytesMax: 65_536,
  /** Decisions of the auth callout under way at once; the rest is refused by its time-out. */
  decisionsMax: 10_000,
  /** Answers of the members of a cluster to a question about connections. */
  membersMax: 64,
  /** A page each; a member that tens of thousands answer through at the same time takes a second for one. */
  memberAnswerMs: 5000,
  /** Connections in the first page of all, from which it is seen how many fit into one, and at most. */
  connectionsFirstPage: 256,
  connectionsPageMax: 65_536,
  /** A quarter of what nats-server lets wait for one connection, and of what ours reads as one message. */
  connectionsPageBytes: 16 * 1_048_576,
  /** Connections of a member fit into a few; more are asked for only when many end meanwhile. */
  connectionPagesMax: 64,
  streamRequestMs: 5000,
  streamRetryMsMin: 500,
  streamRetryMsMax: 30_000,
} as const;
