/** Bounds of the service: it stands where everybody may talk to it. */
export const aaaLimits = {
  /** Bytes of the configuration and of a file of users. */
  configBytesMax: 16 * 1_024 * 1_024,
  /** Bytes of a login or of a request to sign; the agent takes as much. */
  bodyBytesMax: 256 * 1_024,
  /** Bytes of a password; hashing a longer one would only cost time. */
  passwordBytesMax: 256,
  userNameCharactersMax: 128,
  /** Seconds that the clock of who logs in may be behind. */
  loginAgeSecondsMax: 60,
  /** Password checks at the same time: each costs a core 50 to 500 ms. */
  passwordChecksMax: 4,
  /** Logins that wait for a check; more are refused. */
  loginsWaitingMax: 64,
  /** Callers and addresses that are counted; when there are more, the one that was quiet longest is forgotten. */
  ratedNamesMax: 10_000,
  loginsPerMinute: 20,
  signaturesPerSecond: 50,
  /** Milliseconds for an external program or a web login. */
  authenticatorMs: 20_000,
  authenticatorOutputBytesMax: 64 * 1_024,
  /** Milliseconds for handing an audit message to the broker. */
  auditFlushMs: 5_000,
} as const;
