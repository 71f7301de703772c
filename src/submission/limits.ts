/** Every bound of the spool, and why. */
export const submissionLimits = {
  priorities: 5,
  /** A message must fit a broker's default limit with its headers; the file holds it in base64. */
  payloadBytesMax: 900 * 1024,
  fileBytesMax: 2 * 1024 * 1024,
  /** 31 days: what the reference accepts. */
  ttlMsMax: 744 * 3_600_000,
  ttlMs: 7 * 86_400_000,
  triesMax: 500,
  headersMax: 100,
  /** Between two looks at the directories. */
  intervalMs: 1_000,
  /** Files of one priority that one look handles: the others get their turn. */
  filesPerPass: 500,
  /** How long a stream may take to confirm. */
  ackMs: 2_000,
  /** The longest wait between two tries: one and a half of the last of the waits, 5 s. What says more was written under another clock. */
  retryMsMax: 7_500,
  /** Temporary files of writers that died are removed when this old. */
  litterMs: 3_600_000,
} as const;
