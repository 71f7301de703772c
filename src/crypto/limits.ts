/** Every bound of this area, with its reason. */
export const cryptoLimits = {
  /** A caller's certificate with a long chain is below 16 KiB; a request carries it whole, so more is an attack. */
  credentialBytesMax: 65_536,
  /** Leaf and intermediates that one request may bring. */
  chainCertificatesMax: 8,
  /** Roots in one CA file; organisations with many merged CAs stay below. */
  rootCertificatesMax: 256,
  /** Names in one certificate: above this only memory is spent. */
  certificateNamesMax: 256,
  /** Below 2048 bits RSA no longer proves anything; above 8192 a verification costs milliseconds. */
  rsaBitsMin: 2048,
  rsaBitsMax: 8192,
  /** Certificates that were checked once; one entry costs about 4 KiB. */
  certificateCacheEntriesMax: 1_024,
  /** Whole proofs that were checked once; one entry costs about 300 bytes. */
  proofCacheEntriesMax: 8_192,
  /** How long a verdict is kept even when the credential lives on; longer than any burst of identical bytes. */
  proofCacheSeconds: 60,
  /** Tokens whose signature was found good, and for how long that is believed: a fleet's callers, and the nodes that answer at once. */
  tokenCacheEntriesMax: 2_048,
  tokenCacheSeconds: 60,
  /** PEM and token files: the largest real ones are CA bundles. */
  credentialFileBytesMax: 1_048_576,
  /** Compact tokens with a policy inside; larger ones cost parsing time on every node. */
  tokenBytesMax: 65_536,
  /** Names on certificates, tokens and callers. */
  nameLengthMax: 255,
  /** Lines of a list of revocations; each entry is looked up by hash. */
  revocationLinesMax: 100_000,
} as const;
