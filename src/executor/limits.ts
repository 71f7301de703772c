/** Every bound of background jobs, and why. */
export const executorLimits = {
  /** One file of a job that is read whole. */
  jobFileBytesMax: 256 * 1024,
  /** Jobs looked at for one list, and kept: a spool that is full takes no more until some are removed. */
  jobsMax: 5_000,
  /** Kept of each output of a job; a command that never stops talking must not fill the disk. */
  outputBytesMax: 32 * 1024 * 1024,
  /** Output that is published travels in messages of at most this, once a second. */
  publishedBytesMax: 256 * 1024,
  publishIntervalMs: 1_000,
  /** Sent every so often while a job runs, unless told otherwise. */
  heartbeatMs: 300_000,
  heartbeatMsMin: 1_000,
  /** One `/proc/PID/stat`. */
  procStatBytesMax: 4_096,
  /** Characters of an id, which `executor#status` takes at most. */
  idLength: 20,
} as const;
