/** Every bound of a server, and why it is that number. */
export const serverLimits = {
  /** Messages received and not yet opened; a burst of 1,000 in one write fits several times. */
  inboxMessagesMax: 5000,
  /** Bytes of those messages. */
  inboxBytesMax: 64 * 1024 * 1024,
  /** Opened requests whose filter waits to be judged, and how many of these one caller may have. */
  judgingMax: 5000,
  judgingPerCallerMax: 2500,
  /** Filters judged at once: they mostly wait for the facts to be read. */
  judgingConcurrency: 4,
  /** Actions of one agent that run at once, unless configured, and that wait. */
  agentConcurrency: 64,
  agentWaitingMax: 2000,
  /** How long opening and judging may hold the event loop before other work gets a turn. */
  turnMs: 20,
  /** No request lives longer than this, whatever it says, unless configured: replay memory stays bounded (fault 77). */
  ttlCeilingSeconds: 3600,
  /** After the stop signal: how long running actions may go on. */
  stopGraceMs: 2000,
  /** The broker's word that it has the subscriptions of a server that starts. */
  subscribedTimeoutMs: 5000,
  /** The last flush and the close. */
  closeTimeoutMs: 2000,
  /** Largest reply body; above it the caller gets an error instead. A broker's default message limit is 1 MiB, base64 takes a third. */
  replyBytesMax: 16 * 1024 * 1024,
  /** The lock file of one identity holds a line for each start that did not end well. */
  lockFileBytesMax: 64 * 1024,
  procStatBytesMax: 4096,
  /** Seeds and tokens. */
  credentialBytesMax: 64 * 1024,
  /** Reverse look-ups and facter when the identity is not configured. */
  identityTimeoutMs: 5000,
  /** A file that is published as registration data, before compression; a fact file may be as large. */
  registrationFileBytesMax: 8 * 1024 * 1024,
  /** The random wait before the first registration, after the splay. */
  registrationFirstWaitMsMin: 1000,
  registrationFirstWaitMsMax: 4000,
  /** Registration data is looked at no more often than this, whatever is configured. */
  registrationPollMsMin: 1000,
  /** Some 11 days: with the splay before it, still within what a timer can wait. */
  registrationIntervalMsMax: 1_000_000_000,
  /** One log line a second for each kind of refusal; the rest are counted in the next. */
  refusalLogIntervalMs: 1000,
  /** A call that lasts this long tells callers who asked for notes that it waits or runs; most end before. */
  progressNoteMs: 1000,
  /** Answers kept to be given once more: how long, how many and how large in one server, and how large in a process of many. */
  sentReplyMs: 120_000,
  sentRepliesMax: 128,
  sentReplyBytesMax: 2 * 1024 * 1024,
  sentRepliesProcessBytesMax: 64 * 1024 * 1024,
  /**
   * A link that broke may have swallowed what was sent this long before. When it is back, answers are given once more at these times after: the
   * broker it now goes to may not have heard yet who waits for them.
   */
  resendWithinMs: 2000,
  resendAfterMs: [0, 1000, 4000],
  /** Notes to callers whose signature was not accepted: enough for a person with the wrong certificate. */
  unprovenNotesPerSecondMax: 20,
} as const;
