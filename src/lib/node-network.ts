/**
 * The real network: TCP and TLS by `node:net` and `node:tls`.
 *
 * Edge file: touches real sockets. Everything above works with `Network` and `ByteStream`.
 */
import {type AddressInfo, connect as netConnect, createServer} from 'node:net';
import type {ByteStream, ConnectOptions, Listener, ListenOptions} from './network.ts';
import {NetworkError} from './network-errors.ts';
import {FlushQueue, NodeStream} from './node-stream.ts';
import {TlsStore} from './node-tls.ts';
import type {Network} from './platform.ts';

/** Connections that may wait to be accepted; the system caps it (`net.core.somaxconn`). */
const backlog = 4096;

/**
 * @returns a network whose connections share TLS contexts and resumable sessions by their material
 * @example
 * const network = createNodeNetwork();
 * const stream = await network.connect({host: '127.0.0.1', port: 4222, timeoutMs: 2000});
 */
export function createNodeNetwork(): Network {
  const shared = {queue: new FlushQueue(), store: new TlsStore()};
  return {
    connect: (options) => connect(options, shared),
    listen: (options, onConnection) => listenAnywhere(options, {shared, onConnection}),
  };
}

interface Shared {
  readonly queue: FlushQueue;
  readonly store: TlsStore;
}

function connect(options: ConnectOptions, shared: Shared): Promise<ByteStream> {
  const place = `${options.host}:${options.port}`;
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) {
      reject(options.signal.reason as Error);
      return;
    }
    const socket = netConnect({
      host: options.host,
      port: options.port,
      noDelay: true,
      ...(options.localAddress === undefined ? {} : {localAddress: options.localAddress}),
    });
    const settle = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
    };
    const fail = (error: Error): void => {
      settle();
      socket.on('error', () => socket.destroy());
      socket.destroy();
      reject(error);
    };
    const onError = (error: NodeJS.ErrnoException): void =>
      fail(
        new NetworkError('ERR_NETWORK_CONNECT', `Cannot connect to ${place}: ${describeFailure(error)}`, {
          cause: error,
          details: {host: options.host, port: options.port, code: error.code},
        }),
      );
    const onAbort = (): void => fail(options.signal?.reason as Error);
    const timer = setTimeout(
      () =>
        fail(
          new NetworkError(
            'ERR_NETWORK_TIMEOUT',
            `Cannot connect to ${place}: no answer within ${options.timeoutMs} ms, expected a listener there`,
          ),
        ),
      options.timeoutMs,
    );
    options.signal?.addEventListener('abort', onAbort, {once: true});
    socket.on('error', onError);
    socket.once('connect', () => {
      settle();
      resolve(new NodeStream(socket, shared));
    });
  });
}

function describeFailure(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused, expected a listener there';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name is not known';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no route to it';
    default:
      return error.message;
  }
}

/** "Every address" means IPv4 alone on a machine without IPv6. */
async function listenAnywhere(
  options: ListenOptions,
  rest: {readonly shared: Shared; readonly onConnection: (stream: ByteStream) => void},
): Promise<Listener> {
  try {
    return await listen(options, rest);
  } catch (error) {
    const code = error instanceof NetworkError ? error.details['code'] : undefined;
    if (options.host !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
    return listen({...options, host: '0.0.0.0'}, rest);
  }
}

function listen(
  options: ListenOptions,
  rest: {readonly shared: Shared; readonly onConnection: (stream: ByteStream) => void},
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer({noDelay: true, pauseOnConnect: true}, (socket) => {
      // A peer that vanished between accept and now has no address any more.
      if (socket.remoteAddress === undefined) socket.destroy();
      else rest.onConnection(new NodeStream(socket, rest.shared));
    });
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, options)));
    server.listen({host: options.host, port: options.port, backlog}, () => {
      server.removeAllListeners('error');
      // The system library closes what it cannot take when descriptors run out; listening goes on, so this is only news.
      server.on('error', (error) => options.onAcceptError?.(error));
      const address = server.address() as AddressInfo;
      resolve({
        host: address.address,
        port: address.port,
        close() {
          server.close();
          return Promise.resolve();
        },
      });
    });
  });
}

function listenError(error: NodeJS.ErrnoException, options: ListenOptions): NetworkError {
  const place = `${options.host}:${options.port}`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program already listens there, expected a free port',
    EACCES: 'this user may not open that port, expected one above 1023',
    EADDRNOTAVAIL: 'this machine does not have that address',
  };
  return new NetworkError(
    'ERR_NETWORK_LISTEN',
    `Cannot listen on ${place}: ${reasons[error.code ?? ''] ?? error.message}`,
    {
      cause: error,
      details: {host: options.host, port: options.port, code: error.code},
    },
  );
}
