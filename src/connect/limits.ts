/** Every bound of a middleware connection, and why it is that number. */
export const connectLimits = {
  /** Bytes kept for publishing while there is no broker; the reference keeps as many, and what is older is stale anyway. */
  reconnectBufferBytesMax: 10 * 1024,
  /** Bytes that may wait for a slow broker: what a stock broker lets wait for a slow client. */
  writeQueueBytesMax: 64 * 1024 * 1024,
  /** The first line of a broker; a stock INFO is below 1 KiB, a cluster of many URLs below 16 KiB. */
  infoBytesMax: 64 * 1024,
  /** Subject, reply subject and their lengths must fit a control line of 4,096 bytes, with room for verb and sizes. */
  subjectsBytesMax: 4000,
  /** A line or message beyond these ends the connection: the broker's own limits are 4 KiB and 1 MiB; a site may raise them. */
  controlLineBytesMax: 64 * 1024,
  payloadBytesMax: 64 * 1024 * 1024,
  /** Assumed until INFO says otherwise. */
  defaultMaxPayloadBytes: 1024 * 1024,
  connectTimeoutMs: 2000,
  /** For a client's TLS and first words with a broker that accepted the connection: it is there, and may be busy. */
  clientStartTimeoutMs: 10_000,
  /** A broker that refuses a certificate does so within this time; later it may as well be too busy. */
  promptRefusalMs: 1_000,
  /** Above this the configuration is refused, as in the reference. */
  connectTimeoutMsMax: 120_000,
  /** Servers; interactive clients use `clientPingIntervalMs`. */
  pingIntervalMs: 120_000,
  clientPingIntervalMs: 30_000,
  /** Unanswered PINGs before a connection counts as stale. */
  pingsOutstandingMax: 2,
  /** Spread of the heartbeats of many connections over one interval. */
  heartbeatSlots: 16,
  /** Requests waiting for an answer on one connection. */
  pendingRequestsMax: 10_000,
  /** Callers waiting for a PONG. */
  pendingFlushesMax: 10_000,
  /** Refused subjects that are remembered: the targets of one large request. */
  refusalsMax: 20_000,
  subscriptionsMax: 100_000,
  /** The last flush of a drain. */
  drainTimeoutMs: 5000,
  /** All look-ups of one resolution of the server list together. */
  resolveTimeoutMs: 5000,
  /** `puppet apply --configprint ssldir`; Puppet loads slowly. */
  puppetTimeoutMs: 20_000,
  /** More brokers than this in one list is a broken list. */
  serversMax: 1000,
  /** First size of the buffer in which the writes of one turn are joined, and the size at which it is sent at once. */
  writeChunkBytes: 1024,
  writeChunkBytesMax: 64 * 1024,
  /** A broker that knows who listens answers in a few milliseconds; one that is silent costs this once. */
  interestTimeoutMs: 250,
  /** How often a running process looks whether its certificates and tokens were renewed. */
  credentialsReadMs: 10_000,
  /** A token that ends is renewed on the connection this long before, and looked for again at this interval; no timer waits longer than a day. */
  renewLeadMs: 60_000,
  renewRetryMs: 5_000,
  renewTimerMsMax: 86_400_000,
  /** One question to the Kubernetes API, and how long cert-manager may take to sign: as the reference. */
  certManagerTimeoutMs: 10_000,
  certManagerWaitMs: 60_000,
  certManagerPollMsMin: 250,
  certManagerPollMsMax: 5_000,
  certManagerBytesMax: 1_048_576,
  /** How often the list of revocations is read: what is revoked is cut within a second. */
  revocationsReadMs: 500,
  /** About 100,000 entries; the list is read whole twice a second. */
  revocationsBytesMax: 8_388_608,
  /** How long an enrolment waits for a person to sign, and how often it asks. */
  enrollMs: 250_000,
  enrollPollMs: 10_000,
  enrollRequestMs: 30_000,
  /** A login checks a password that is hashed slowly on purpose. */
  loginMs: 30_000,
  loginResponseBytesMax: 262_144,
  /** A signing service asks its policies and writes its audit trail before it signs. */
  signMs: 10_000,
  signResponseBytesMax: 4 * 1024 * 1024,
  /** While both brokers have our subscriptions, before the old one loses them: time for the new one to tell its cluster. */
  moveOverlapMs: 300,
  /** Waiting for either broker during a move. */
  moveAnswerMs: 2000,
  /** Messages of one move that are remembered, so that none is given twice. */
  moveMessagesMax: 50_000,
} as const;
