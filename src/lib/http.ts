/** HTTP services as the cores see them, so that the same code asks real ones and simulated ones. */
import type {TlsMaterial} from './network.ts';

export interface HttpRequest {
  /** `http` or `https`. Credentials in it are refused. */
  readonly url: string;
  /** Default `GET`. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For `https`: our certificate and whom to trust. Nobody is trusted when it names no roots, unless `verify` is false. */
  readonly tls?: {readonly material: TlsMaterial; readonly verify?: boolean};
  /** For everything together: names, connecting, TLS and the whole response. */
  readonly timeoutMs: number;
  readonly responseBytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** As the server wrote it, such as `Not Found`. */
  readonly statusText: string;
  /** By lower-case name; of a repeated one the values joined with `, `. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface HttpClient {
  /**
   * One request, no redirects. A status of failure is a response.
   *
   * @throws {HttpError} `ERR_HTTP_URL` | `ERR_HTTP_CONNECT` | `ERR_HTTP_TIMEOUT` | `ERR_HTTP_RESPONSE` | `ERR_HTTP_TOO_LARGE`;
   *   the signal's reason when it was aborted
   * @example
   * const {status, body} = await platform.http.request({url, tls: {material}, timeoutMs: 10_000, responseBytesMax: 1_000_000});
   */
  request(request: HttpRequest): Promise<HttpResponse>;
}
