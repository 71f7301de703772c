/** Every bound of this area, and why. */
export const provisionLimits = {
  /** Tokens with long lists of brokers and extensions stay below. */
  tokenBytesMax: 64 * 1024,
  /** Who began to configure a node has it for this long after the last word. */
  lockMs: 120_000,
  /** Settings that one `configure` may bring; the registry has fewer than 200. */
  settingsMax: 5_000,
  /** Policy files of one kind, and the bytes of one. */
  policyFilesMax: 1_000,
  policyBytesMax: 1024 * 1024,
  /** Bits of the RSA key of a signing request; every certificate authority in use accepts them. */
  rsaBits: 2048,
  /** The node says yes to a restart, and goes this much later, so that the answer is on its way. */
  restartDelayMs: 2_000,
  /** Random seconds on top where the request names none. */
  restartSplaySeconds: 10,
  /** More would look like a node that hangs. */
  restartSplaySecondsMax: 3_600,
  /** A private key that is kept for a `configure` that never comes is forgotten with the process only; there is one. */
  nonceBytesMax: 1_024,
  /** A server token or seed that decides whether this node is provisioned. */
  credentialBytesMax: 64 * 1024,
  /** The configuration file that is read again before a restart. */
  srvTimeoutMs: 5_000,
  /** What describes a release, and what a program that is tried may say. */
  releaseDescriptionBytesMax: 64 * 1024,
  /** A release, packed and unpacked: ours has 5 MiB, the reference's 60. */
  releaseBytesMax: 128 * 1024 * 1024,
  programBytesMax: 256 * 1024 * 1024,
  /** The action has 20 seconds for everything, its caller not many more. */
  releaseFetchMs: 15_000,
  /** A start of Node on a slow machine, several times over. */
  releaseTrialMs: 15_000,
  upgradeNoteBytesMax: 4_096,
  /** Starts of a new release that never reach a broker before the old one is put back. */
  upgradeStartsMax: 3,
} as const;
