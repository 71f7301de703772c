/** Every bound of discovery, with why. */
export const discoveryLimits = {
  /** Files of nodes and inventories: a million nodes of 200 bytes, facts included for a tenth of them. */
  sourceBytesMax: 256 * 1024 * 1024,
  /** STDIN is held in memory before it is known what it is. */
  stdinBytesMax: 256 * 1024 * 1024,
  /** Nodes of one answer; ten times the largest fleet this program is built for. */
  nodesMax: 500_000,
  /** Answers of an external command, its reply file and its output. */
  externalReplyBytesMax: 64 * 1024 * 1024,
  externalOutputBytesMax: 1024 * 1024,
  /** A query over a whole fleet takes PuppetDB seconds; one that takes longer is not going to end. */
  puppetDbTimeoutMs: 60_000,
  /** 500,000 names with their state, 130 bytes each. */
  puppetDbReplyBytesMax: 64 * 1024 * 1024,
  /** PuppetDB servers of one SRV record that are tried. */
  puppetDbServersMax: 3,
  /** The reference forces shorter times to this. */
  externalTimeoutMsMin: 1_000,
  /** How long after an answer a sliding window stays open. */
  windowMs: 300,
  /** The longest name of a node. */
  identityBytesMax: 512,
  /** Problems of an inventory file that are listed. */
  problemsMax: 50,
  /** When the time is up and known nodes are outstanding, answers this close to each other are waited on. */
  starvedGapMs: 500,
  /** The same while more than a few, and more than one in a hundred, are outstanding: a machine without processor time pauses longer. */
  starvedManyGapMs: 3_000,
  deadMax: 10,
  /** How long at most, beyond the discovery timeout. */
  starvedMsMax: 30_000,
} as const;
