/** The bounds of the embedded broker; the names and defaults are nats-server's where it has them. */
import {wireLimits} from '../natswire/index.ts';

export interface BrokerLimits {
  readonly payloadBytesMax: number;
  readonly controlLineBytesMax: number;
  /** Connections at once; each costs a file descriptor and some kilobytes. */
  readonly connectionsMax: number;
  /** Subscriptions of one connection; each costs about 200 bytes. */
  readonly subscriptionsMax: number;
  /** Bytes waiting for one connection; more means that it does not read, and it is cut. */
  readonly pendingBytesMax: number;
  /** The same for all connections together: beyond it those that have most waiting are cut, so that many slow readers cannot use up the memory. */
  readonly pendingBytesTotalMax: number;
  /** How long one hand-over of queued bytes may take before the connection is cut. */
  readonly writeDeadlineMs: number;
  readonly pingIntervalMs: number;
  /** Unanswered PINGs before a connection counts as dead. */
  readonly pingsOutMax: number;
  /** From the connection (or the end of its handshake) to a good CONNECT. */
  readonly authTimeoutMs: number;
  readonly tlsTimeoutMs: number;
  /** From a WebSocket's TCP connection (or its TLS handshake) to a good upgrade request. */
  readonly webSocketHandshakeMs: number;
}

export const defaultBrokerLimits: BrokerLimits = {
  payloadBytesMax: wireLimits.payloadBytesMax,
  controlLineBytesMax: wireLimits.controlLineBytesMax,
  connectionsMax: 50_000,
  // A node has some twenty; a client some more. A million by one peer is an attack (faults 9).
  subscriptionsMax: 100_000,
  pendingBytesMax: 64 * 1_048_576,
  pendingBytesTotalMax: 1024 * 1_048_576,
  writeDeadlineMs: 10_000,
  pingIntervalMs: 120_000,
  pingsOutMax: 2,
  authTimeoutMs: 2000,
  tlsTimeoutMs: 2000,
  webSocketHandshakeMs: 2000,
};

export const engineLimits = {
  /** One page of a nats-server beside us, for the stats listener: in time, and in size with thousands of connections on it. */
  statsProxyMs: 5000,
  statsProxyBytesMax: 64 * 1_048_576,
  /** Connections that are remembered after their end, about 1 kB each; nats-server keeps as many. */
  closedConnectionsMax: 10_000,
  /** Subscriptions of a connection that are remembered after its end. */
  closedSubjectsMax: 16,
  /** Rows of one document of monitoring; the first is nats-server's default, the second bounds what one question may cost. */
  documentRowsDefault: 1024,
  documentRowsMax: 16_384,
  /** How often the server's own figures are told to those who listen. */
  statisticsIntervalMs: 10_000,
  /** One compressed WebSocket message, before and after inflation: room for some of the largest NATS messages. */
  inflatedBytesMax: 8 * 1_048_576,
  /** The same before a good CONNECT: a CONNECT with the first subscriptions, and no more for strangers. */
  inflatedBytesBeforeConnectMax: 16_384,
  /** Subjects an account remembers as bytes; about 300 bytes each. */
  subjectEntriesMax: 8192,
  /** Output buffers in use at once; a broadcast to thousands flushes the oldest instead of taking more. */
  outputBuffersMax: 24,
  /** Buffers of one connection that wait to be used again until the system has taken them. */
  lentBuffersMax: 4,
  /** One output buffer: what one read of a busy publisher becomes. */
  outputBufferBytes: 131_072,
  /** Fuller buffers are handed to the socket as they are, emptier ones are copied to size. */
  handOverBytes: 32_768,
  /** Larger messages are not copied into an output buffer but queued by reference. */
  copyBytesMax: 32_768,
  /** First PING after the connection, unless the client pings. */
  firstPingMs: 2000,
  /** A connection that was told to go is cut after this. */
  closingMs: 2000,
  /** How long a publisher rests when a recipient has most of its pending bytes used up. */
  stallMs: 5,
  /** Share of the pending bytes from which publishers are slowed down. */
  stallShare: 0.75,
  /** Down to this share of the bound of all connections together are slow ones cut. */
  relieveShare: 0.75,
  /** Reply subjects one connection may answer to at once (`allow_responses`). */
  responsesMax: 4096,
  /** Refusals of one connection that are logged; the rest is only counted. */
  violationsLoggedMax: 5,
  /** TLS handshakes at once: what one core does in a fifth of a second, so that each ends well within the clients' two seconds. */
  handshakesMax: 256,
  /** Connections that wait for theirs; clients come again. */
  handshakesWaitingMax: 20_000,
  /** Who has waited this long would be gone before the handshake ends. */
  handshakeWaitMs: 1500,
  /** A handshake that takes longer waits for its peer, and its place is another's. */
  handshakePlaceMs: 500,
  /** Waiting for the first byte of a TLS handshake before INFO is sent in clear. */
  handshakeFirstWaitMs: 50,
  /** A round that comes later than this means that the process stood still: nobody is blamed for the time of that. */
  stallNoticedMs: 150,
  /** Largest interval of the round that looks after time-outs. */
  sweepMsMax: 1000,
  sweepMsMin: 20,
  /** Answers awaited across accounts by one service, and for how long. */
  crossingAnswersMax: 1024,
  crossingAnswerMs: 120_000,
  /** Connections that are judged anew by changed settings before others get a turn: each may cost two signatures. */
  reviewBatch: 64,
  /** When the broker's certificate is spoken of before it ends, when that becomes an error, and how often it is looked at. */
  expiryWarningMs: 30 * 86_400_000,
  expiryErrorMs: 7 * 86_400_000,
  expiryLookMs: 43_200_000,
  /** Leaf nodes that have series of their own in the metrics. */
  leafSeriesMax: 1000,
  /** What one trace tells at most: room for a broadcast to a large fleet, some 150 bytes each. */
  traceEventsMax: 50_000,
  /** Questions to the server itself that wait for their answer at once; what comes beyond is not answered. */
  questionsWaitingMax: 64,
} as const;
