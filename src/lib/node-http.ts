/** Requests to HTTP services through Node's own client, which is loaded when it is first needed. Edge file. */
import type {ClientRequest, IncomingMessage} from 'node:http';
import type {RequestOptions} from 'node:https';
import {errorMessage} from './errors.ts';
import {HttpError} from './http-errors.ts';
import type {HttpClient, HttpRequest, HttpResponse} from './http.ts';

export function createNodeHttp(): HttpClient {
  return {request};
}

async function request(wanted: HttpRequest): Promise<HttpResponse> {
  const url = parseUrl(wanted);
  wanted.signal?.throwIfAborted();
  // The query is left out of messages: it may be long and may hold secrets.
  const what = `Cannot ${wanted.method ?? 'GET'} ${url.origin}${url.pathname}`;
  const timeout = new HttpError('ERR_HTTP_TIMEOUT', `${what}: no whole answer in ${wanted.timeoutMs} ms`);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(timeout), wanted.timeoutMs);
  const onAbort = (): void => controller.abort(wanted.signal?.reason);
  wanted.signal?.addEventListener('abort', onAbort, {once: true});
  try {
    const outgoing = await open(url, {wanted, signal: controller.signal});
    return await exchange(outgoing, wanted);
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    if (error instanceof HttpError) throw new HttpError(error.code, `${what}: ${error.message}`, {cause: error});
    throw new HttpError(codeOf(error), `${what}: ${errorMessage(error)}`, {cause: error});
  } finally {
    clearTimeout(timer);
    wanted.signal?.removeEventListener('abort', onAbort);
  }
}

function parseUrl({url: text}: HttpRequest): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new HttpError('ERR_HTTP_URL', `Cannot use ${JSON.stringify(text)} as an address: expected http or https`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new HttpError('ERR_HTTP_URL', `Cannot use the address of ${url.host}: it holds a user name or a password`);
  }
  return url;
}

/** Node's own parser refuses what is no HTTP; everything else between us and the service is the connection. */
function codeOf(error: unknown): 'ERR_HTTP_RESPONSE' | 'ERR_HTTP_CONNECT' | 'ERR_HTTP_URL' {
  const code = String((error as {readonly code?: unknown}).code);
  if (code.startsWith('ERR_INVALID')) return 'ERR_HTTP_URL';
  return code.startsWith('HPE_') ? 'ERR_HTTP_RESPONSE' : 'ERR_HTTP_CONNECT';
}

async function open(
  url: URL,
  {wanted, signal}: {readonly wanted: HttpRequest; readonly signal: AbortSignal},
): Promise<ClientRequest> {
  const {method = 'GET', headers = {}, tls} = wanted;
  // No agent: a connection that is kept would hold a short command's process back.
  const options: RequestOptions = {method, headers: {...headers}, signal, agent: false};
  if (url.protocol === 'http:') return (await import('node:http')).request(url, options);
  const {request: requestHttps} = await import('node:https');
  const {material = {}, verify = true} = tls ?? {};
  return requestHttps(url, {
    ...options,
    cert: material.certificatePem,
    key: material.keyPem,
    // The system's own roots are never used.
    ca: material.caPem ?? [],
    crl: material.crlPem,
    ciphers: material.cipherList,
    rejectUnauthorized: verify,
    minVersion: 'TLSv1.2',
  });
}

function exchange(outgoing: ClientRequest, wanted: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      collect(incoming, wanted.responseBytesMax).then(resolve, (error: unknown) => {
        outgoing.destroy();
        reject(error);
      });
    });
    outgoing.end(wanted.body);
  });
}

async function collect(incoming: IncomingMessage, bytesMax: number): Promise<HttpResponse> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of incoming as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > bytesMax) {
        throw new HttpError('ERR_HTTP_TOO_LARGE', `the response is larger than ${bytesMax} bytes`);
      }
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError('ERR_HTTP_RESPONSE', `the response is not whole: ${errorMessage(error)}`, {cause: error});
  }
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(incoming.headers)) {
    headers.set(name, Array.isArray(value) ? value.join(', ') : (value ?? ''));
  }
  return {
    status: incoming.statusCode ?? 0,
    statusText: incoming.statusMessage ?? '',
    headers,
    body: Buffer.concat(parts),
  };
}
