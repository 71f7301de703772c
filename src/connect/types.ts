/**
 * A connection to the middleware as servers and clients use it. `openConnection` makes a real one; tests and the emulator may hand
 * in another.
 */
import type {TlsState} from '../lib/network.ts';

export interface MiddlewareMessage {
  readonly subject: string;
  readonly replyTo: string | undefined;
  /** The header block as received, including its version line; undefined when there is none. */
  readonly headers: Buffer | undefined;
  readonly payload: Buffer;
}

export interface MiddlewareSubscription {
  readonly subject: string;
  /** Idempotent. */
  unsubscribe(): void;
}

export interface PublishOptions {
  readonly replyTo?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  /** In place of `headers`: what `headerBlock` made of them, for those that are sent over and over. */
  readonly headerBlock?: Buffer;
  /** Leave the headers out where the broker does not carry any; without it such a broker ends the connection. */
  readonly headersOptional?: boolean;
}

export interface ConnectionStats {
  readonly inMessages: number;
  readonly outMessages: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly reconnects: number;
}

export type ConnectionState = 'connected' | 'reconnecting' | 'draining' | 'closed';

export interface ConnectionEvents {
  connected?(server: string): void;
  disconnected?(error: Error | undefined): void;
  reconnected?(server: string): void;
  /** `-ERR` lines and permission refusals that leave the connection open. */
  error?(error: Error): void;
  closed?(error: Error | undefined): void;
}

export interface LinkFacts {
  /** `address:port` of the broker, as the socket knows it. */
  readonly remoteAddress: string;
  readonly clientId: number;
  readonly clientAddress: string;
  readonly hasHeaders: boolean;
  readonly payloadBytesMax: number;
  readonly tls: (TlsState & {readonly serverName: string}) | undefined;
}

export interface Connection {
  readonly state: ConnectionState;
  /** Such as `nats://broker.example.net:4222`; undefined while disconnected. */
  readonly connectedServer: string | undefined;
  readonly stats: ConnectionStats;
  /** What the broker and TLS say about the present link; undefined while disconnected. */
  readonly link?: LinkFacts | undefined;
  /** Whether the broker refused what was last published or subscribed there; known once it handled that (`flush`). */
  isRefused?(subject: string): boolean;
  /** Publishes; while reconnecting up to the reconnect buffer is kept, beyond it this throws `ERR_RECONNECT_BUFFER_FULL`. */
  publish(subject: string, payload: Uint8Array, options?: PublishOptions): void;
  subscribe(
    subject: string,
    handler: (message: MiddlewareMessage) => void,
    options?: {readonly queue?: string; readonly maxMessages?: number},
  ): MiddlewareSubscription;
  /** One reply or `ERR_NO_RESPONDERS`, `ERR_REQUEST_TIMEOUT`. */
  request(
    subject: string,
    payload: Uint8Array,
    options: {
      readonly timeoutMs: number;
      readonly signal?: AbortSignal;
      readonly headers?: NonNullable<PublishOptions['headers']>;
    },
  ): Promise<MiddlewareMessage>;
  /** Resolves when the broker has handled everything published so far (PING/PONG). */
  flush(options: {readonly timeoutMs: number}): Promise<void>;
  /** Unsubscribes, delivers what is under way, flushes, closes. */
  drain(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
