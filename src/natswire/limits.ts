/** The bounds of the NATS wire, as nats-server has them; both ends must agree or messages are lost. */
export const wireLimits = {
  /** Arguments of one control line. Longer ones would let a peer make us buffer without end. */
  controlLineBytesMax: 4096,
  /** INFO of a large cluster lists all its members, so what a client accepts is wider than what a server accepts. */
  infoLineBytesMax: 262_144,
  /** One message with its headers. */
  payloadBytesMax: 1_048_576,
  /** Digits of a size; more cannot be a size anybody accepts. */
  sizeDigitsMax: 9,
  /** Header lines of one message that we decode; more is an attack on the decoder. */
  headerLinesMax: 4096,
  /** Subjects whose matches a subject list remembers. Raising it costs memory, lowering it costs a walk per publish. */
  matchCacheMax: 4096,
} as const;
