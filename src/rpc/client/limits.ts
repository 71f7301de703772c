/** Every bound of the request side, with why. */
export const clientLimits = {
  /** A reply larger than this is dropped and reported: ten thousand such nodes would otherwise fill the operator's memory. */
  replyBytesMax: 8 * 1024 * 1024,
  /** Answers kept in one result; what comes beyond is streamed and counted but not kept. */
  retainedBytesMax: 2 * 1024 * 1024 * 1024,
  /** Nodes one request may name; ten times the largest fleet this program is built for. */
  targetsMax: 500_000,
  /** Distinct names kept of each kind of stray answer: a flood is counted, its names are only sampled. */
  strayNamesMax: 1_000,
  /** Up to this many targets are written into the signed filter, so that a request cannot be sent on to another node (design 6). */
  pinnedTargetsMax: 100,
  /** Requests on their way to the broker at once: at some kilobytes each well below what a connection queues. */
  publishAtOnceMax: 4_000,
  publishFlushMs: 30_000,
  /** Targets of one federated message, as the reference groups them. */
  federatedTargetsMax: 200,
  /** Longest identity that can be a part of a subject. */
  identityBytesMax: 512,
  /** A batch may sleep a day, not for ever. */
  batchSleepMsMax: 86_400_000,
  /** Answers waiting for a slow reader of the async iterable; more means that the reader has gone. */
  queuedRepliesMax: 1_000_000,
  /** How long the last flush and the farewell to the broker may take. */
  flushMsMax: 1_000,
  /** When a request that waits looks first whether brokers and nodes come and go, the longest interval later, and how long one question may take. */
  againLookMs: 700,
  againLookMsMax: 5000,
  againInterestMs: 1000,
  /** After so many looks, some minutes, nothing is sent again any more and the looks become rarer still. */
  againLooksMax: 40,
  againLaterMs: 30_000,
  /** A look comes after so many times what the last one took, so that those who wait take little of a broker's time. */
  againRestFactor: 20,
  /** A node that lost its connection comes back in about a second when it can. While one is away the next look comes after this. */
  lostGraceMs: 3_000,
  lostLookMs: 1_500,
  /** So many that are silent, of which this share answered since the last look, are still on their way. */
  comingInMin: 1_000,
  comingInShare: 0.05,
  /** Nodes that are asked again at once. */
  againTargetsMax: 10_000,
  /** How often a request looks whether a link that broke is back. */
  linkLookMs: 50,
  /** In a cluster a node that is connected and gives no sign for some looks is asked again so often. */
  overdueFromLook: 3,
  overdueMax: 3,
  /** After a broker went or our link broke: nodes need some seconds to come back, and messages may be lost meanwhile. */
  shakenMs: 10_000,
  /** So many servers fewer at once, and this share of all, are a broker that went. */
  shakenServersMin: 3,
  shakenShare: 0.05,
  /** How long nodes that gave no sign may take to answer a knock: a live one needs some milliseconds. */
  knockMs: 400,
} as const;
