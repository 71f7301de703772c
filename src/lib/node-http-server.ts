/** The HTTP server on `node:http` and `node:https`. Edge file: touches real sockets. */
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import {createServer as createSecureServer} from 'node:https';
import type {AddressInfo} from 'node:net';
import {TLSSocket} from 'node:tls';
import {
  defaultHttpServerLimits,
  type HttpListener,
  type HttpServerLimits,
  type HttpServerOptions,
  type HttpServerRequest,
  type HttpServerResponse,
  type HttpServers,
} from './http-server.ts';
import {NetworkError} from './network-errors.ts';
import {contextOptions, describeTls} from './node-tls.ts';

const plainText = {'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff'};

export function createNodeHttpServers(): HttpServers {
  return {listen};
}

function listen(options: HttpServerOptions): Promise<HttpListener> {
  const limits = {...defaultHttpServerLimits, ...options.limits};
  const server = createFor(options, limits);
  server.maxHeadersCount = limits.headersMax;
  server.maxConnections = limits.connectionsMax;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, options)));
    server.listen({host: options.host, port: options.port}, () => {
      server.removeAllListeners('error');
      server.on('error', (error) => options.onError?.(error));
      const {address, port} = server.address() as AddressInfo;
      resolve({host: address, port, close: (closing = {}) => close(server, closing.graceMs ?? 2000)});
    });
  });
}

function createFor(options: HttpServerOptions, limits: HttpServerLimits): Server {
  const settings = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    // How often the two times above are looked at.
    connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
  };
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    serve(incoming, outgoing, {...options, limits}).catch((error: unknown) => {
      options.onError?.(error);
      if (outgoing.headersSent) outgoing.destroy();
      else send(outgoing, {status: 500, headers: plainText, body: 'Internal Server Error\n'});
    });
  };
  const {tls} = options;
  if (tls === undefined) return createServer(settings, onRequest);
  return createSecureServer(
    {
      ...settings,
      ...contextOptions(tls.material),
      requestCert: tls.clientCertificates !== 'none',
      rejectUnauthorized: tls.clientCertificates !== 'none',
      handshakeTimeout: limits.headersTimeoutMs,
    },
    onRequest,
  );
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: HttpServerOptions & {readonly limits: HttpServerLimits},
): Promise<void> {
  const body = await readBody(incoming, options.limits.bodyBytesMax);
  if (body === undefined) {
    send(outgoing, {
      status: 413,
      headers: {...plainText, Connection: 'close'},
      body: 'Request Entity Too Large\n',
    });
    return;
  }
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const {socket} = incoming;
  const request: HttpServerRequest = {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers,
    body,
    remoteAddress: socket.remoteAddress ?? '',
    tls: socket instanceof TLSSocket ? describeTls(socket, socket.authorized) : undefined,
  };
  send(outgoing, await options.handler(request));
}

/** Undefined when it is too large; what is left of it is not read. */
async function readBody(incoming: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(outgoing: ServerResponse, response: HttpServerResponse): void {
  const body = typeof response.body === 'string' ? Buffer.from(response.body, 'utf8') : response.body;
  outgoing.writeHead(response.status, {...response.headers, 'Content-Length': body.length});
  outgoing.end(body);
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

function listenError(error: NodeJS.ErrnoException, options: HttpServerOptions): NetworkError {
  const reason =
    error.code === 'EADDRINUSE' ? 'another program already listens there, expected a free port' : error.message;
  return new NetworkError('ERR_NETWORK_LISTEN', `Cannot listen on ${options.host}:${options.port}: ${reason}`, {
    cause: error,
    details: {host: options.host, port: options.port, code: error.code},
  });
}
