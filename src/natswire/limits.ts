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
  /** The HTTP request or response that begins a WebSocket; browsers send a few kilobytes of cookies. */
  webSocketHeadBytesMax: 16_384,
  /** One WebSocket frame. Frames are read as they come and not collected, so this only refuses nonsense. */
  webSocketFrameBytesMax: 64 * 1_048_576,
  /** Smaller writes grow when they are compressed; nats-server's border. */
  webSocketCompressFromBytes: 64,
  /** Browsers get pieces of this size, as nats-server sends them. */
  webSocketBrowserFrameBytes: 4096,
} as const;
