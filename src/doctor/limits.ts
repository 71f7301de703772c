/** Every bound of this area, with its reason. */
export const doctorLimits = {
  /** Certificates, keys and tokens: the largest real ones are CA bundles. */
  credentialBytesMax: 1_048_576,
  /** Lists of authorities that have revoked hundreds of thousands. */
  revocationBytesMax: 16 * 1_048_576,
  policyBytesMax: 1_048_576,
  factsBytesMax: 8 * 1_048_576,
  /** Policies, agents and brokers looked at; more of them repeat the same mistake. */
  itemsMax: 1_000,
  brokersMax: 10,
  /** One connection to a broker, all of its steps. */
  connectTimeoutMs: 3_000,
  lookupTimeoutMs: 3_000,
  /** Something that ends within this, or within a quarter of its whole life, is to be renewed now. */
  expirySoonMs: 30 * 86_400_000,
  /** Requests live for a minute unless told otherwise; half of it lost to a wrong clock is too much. */
  clockSkewMsMax: 10_000,
  /** No clock of a running machine is before this: a battery is empty or the time was never set. */
  plausibleTimeMs: Date.UTC(2025, 0, 1),
  /** A broker whose fleet comes back at once needs room for the connections that wait. */
  acceptBacklogMin: 1_024,
  synBacklogMin: 1_024,
  openFilesMin: 8_192,
} as const;
