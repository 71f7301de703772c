/** Every bound of the provisioner, and why. */
export const provisionerLimits = {
  configBytesMax: 1024 * 1024,
  /** Nodes that wait; later ones are found again by the next discovery. */
  queueMax: 50_000,
  /** Nodes whose last success or restart loop is remembered. */
  rememberedMax: 200_000,
  /** Shortest time between two discoveries. */
  intervalMsMin: 60_000,
  /** How long answers to a discovery are waited for. */
  discoveryMs: 10_000,
  /** Of a node that was provisioned nothing is heard for this long: it restarts. */
  successMs: 60_000,
  /** A node that comes back this often within the time is left alone, for longer each time. */
  loopStarts: 3,
  loopWindowMs: 600_000,
  loopPauseMsMax: 3_600_000,
  /** One helper. */
  helperMs: 10_000,
  helperOutputBytesMax: 4 * 1024 * 1024,
  /** One request to one node; a signing request makes an RSA key, which takes seconds on small machines. */
  callMs: 10_000,
  /** Between two tries. */
  retryMs: 1_000,
  /** Answers larger than this come from nobody who is to be configured. */
  replyBytesMax: 4 * 1024 * 1024,
  ttlSeconds: 60,
  nonceBytes: 16,
  /** Tokens for less than this would end before the node's next restart. */
  tokenMsMin: 3_600_000,
  credentialBytesMax: 1024 * 1024,
  workersMax: 1_024,
  rsaBitsMin: 2_048,
} as const;
