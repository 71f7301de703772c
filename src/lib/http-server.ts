/** A small HTTP server as the rest of the program sees it: one request whole, one response whole, everything bounded. */
import type {ServerTls, TlsState} from './network.ts';

export interface HttpServerRequest {
  /** Upper case. */
  readonly method: string;
  /** Before the `?`, as sent: not decoded, so it holds nothing that could mean another path. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case; several values of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly remoteAddress: string;
  readonly tls: TlsState | undefined;
}

export interface HttpServerResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** A failure becomes a 500 without details, and goes to `onError`. */
export type HttpHandler = (request: HttpServerRequest) => HttpServerResponse | Promise<HttpServerResponse>;

export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly tls?: ServerTls;
  readonly handler: HttpHandler;
  readonly onError?: (error: unknown) => void;
  readonly limits?: Partial<HttpServerLimits>;
}

export interface HttpServerLimits {
  /** Bodies beyond it are answered with 413. */
  readonly bodyBytesMax: number;
  readonly headerBytesMax: number;
  readonly headersMax: number;
  readonly connectionsMax: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
}

export const defaultHttpServerLimits: HttpServerLimits = {
  // Most of what listens here takes no body at all.
  bodyBytesMax: 1_048_576,
  headerBytesMax: 16_384,
  headersMax: 100,
  connectionsMax: 256,
  headersTimeoutMs: 5000,
  requestTimeoutMs: 10_000,
  keepAliveMs: 5000,
};

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  /** Takes no more connections, ends idle ones, and resolves when the last request was answered or `graceMs` (2 s) has passed. */
  close(options?: {readonly graceMs?: number}): Promise<void>;
}

export interface HttpServers {
  /** @throws {NetworkError} `ERR_NETWORK_LISTEN` */
  listen(options: HttpServerOptions): Promise<HttpListener>;
}
