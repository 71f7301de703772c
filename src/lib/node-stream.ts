/**
 * One TCP connection, plain or TLS, as a `ByteStream`.
 *
 * Writes of one turn of the event loop leave in one system call, because a write costs about as much as 64 joined messages.
 * A broker holds tens of thousands of these: event handlers are shared functions and find their stream by a property of the socket,
 * and nothing is allocated before it is needed.
 * Edge file: touches real sockets.
 */
import type {Socket} from 'node:net';
import {connect as tlsConnect, type TLSSocket} from 'node:tls';
import {errorMessage} from './errors.ts';
import type {ByteStream, ClientTls, ServerTls, TlsState} from './network.ts';
import {NetworkError} from './network-errors.ts';
import {addressKey, checkName, describeTls, describeTlsServer, type TlsStore} from './node-tls.ts';

/** Chunks below this many bytes in total are copied into one; larger ones go out as a vector. */
const joinBytesMax = 65_536;
/** Bytes that all streams together may collect before they are handed to the system early. */
const turnBytesMax = 4_194_304;

const streamOf = Symbol('stream');

interface OwnedSocket extends Socket {
  [streamOf]?: NodeStream;
}

/** Streams with queued bytes, flushed together once per turn. */
export class FlushQueue {
  #dirty: NodeStream[] = [];
  #scheduled = false;
  #bytes = 0;
  readonly #run = (): void => {
    this.#scheduled = false;
    this.#flush();
  };

  #flush(): void {
    const streams = this.#dirty;
    this.#dirty = [];
    this.#bytes = 0;
    for (const stream of streams) stream.flush();
  }

  /** Many streams with something each, such as a broadcast to thousands, do not wait for the end of the turn with all of it in memory. */
  counted(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > turnBytesMax) this.#flush();
  }

  add(stream: NodeStream): void {
    this.#dirty.push(stream);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }
}

function handleData(this: OwnedSocket, chunk: Buffer): void {
  this[streamOf]?.received(chunk);
}

function handleError(this: OwnedSocket, error: Error): void {
  this[streamOf]?.failed(error);
}

function handleClose(this: OwnedSocket): void {
  this[streamOf]?.closed(this);
}

function hasCertificate(secure: TLSSocket): boolean {
  return secure.getPeerX509Certificate() !== undefined;
}

/** Handlers of a raw socket under TLS: its own errors reach the TLS socket, nobody else needs them. */
function ignoreError(): void {
  // The TLS socket above reports the same error.
}

export class NodeStream implements ByteStream {
  readonly remoteAddress: string;
  readonly remotePort: number;
  tls: TlsState | undefined = undefined;
  onClose: ((error: Error | undefined) => void) | undefined = undefined;
  onDrain: (() => void) | undefined = undefined;
  #onData: ((chunk: Buffer) => void) | undefined = undefined;
  #socket: OwnedSocket;
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  writtenBytes = 0;
  #isDirty = false;
  #isListening = false;
  #isPaused = false;
  #isClosed = false;
  #isUpgrading = false;
  #error: Error | undefined = undefined;
  #written: (() => void) | undefined = undefined;
  readonly #queue: FlushQueue;
  readonly #store: TlsStore;

  constructor(socket: Socket, shared: {readonly queue: FlushQueue; readonly store: TlsStore}) {
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
    this.#socket = socket;
    this.#queue = shared.queue;
    this.#store = shared.store;
    this.#own(socket);
  }

  get onData(): ((chunk: Buffer) => void) | undefined {
    return this.#onData;
  }

  set onData(callback: ((chunk: Buffer) => void) | undefined) {
    this.#onData = callback;
    this.#listen();
  }

  get queuedBytes(): number {
    return this.#chunkBytes + this.#socket.writableLength;
  }

  write(data: Uint8Array): number {
    if (this.#isClosed) return 0;
    this.#chunks.push(data);
    this.#chunkBytes += data.length;
    this.writtenBytes += data.length;
    if (!this.#isDirty) {
      this.#isDirty = true;
      this.#queue.add(this);
    }
    this.#queue.counted(data.length);
    return this.queuedBytes;
  }

  flush(): number {
    this.#isDirty = false;
    if (this.#chunks.length === 0 || this.#isClosed || this.#isUpgrading) return this.queuedBytes;
    const chunks = this.#chunks;
    const total = this.#chunkBytes;
    this.#chunks = [];
    this.#chunkBytes = 0;
    const socket = this.#socket;
    if (!socket.writable) return 0;
    const written = this.onDrain ? (this.#written ??= () => this.#afterWrite()) : undefined;
    const [first] = chunks;
    if (chunks.length === 1 && first) {
      socket.write(first, written);
    } else if (total <= joinBytesMax) {
      socket.write(Buffer.concat(chunks, total), written);
    } else {
      socket.cork();
      const last = chunks.length - 1;
      for (let index = 0; index <= last; index += 1) {
        socket.write(chunks[index] as Uint8Array, index === last ? written : undefined);
      }
      socket.uncork();
    }
    return socket.writableLength;
  }

  unread(chunk: Buffer): void {
    this.#socket.pause();
    this.#socket.unshift(chunk);
    if (this.#isListening && !this.#isPaused && !this.#isUpgrading) this.#socket.resume();
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isListening) this.#socket.resume();
  }

  startTlsClient(options: ClientTls & {readonly timeoutMs: number}): Promise<TlsState> {
    return this.#upgrade(options.timeoutMs, (raw, done, failed) => {
      const context = this.#store.context(options.material);
      // By name, as TLS has it: a broker that was started again, or another one of its name, may know the session.
      const key = `${this.#store.keyOf(options.material)} ${options.serverName} ${options.verify} ${options.legacyNames}`;
      const session = this.#store.session(key);
      const secure = tlsConnect({
        socket: raw,
        secureContext: context,
        // An address may not be sent as a server name (RFC 6066).
        ...(/^[\d.]+$|:/.test(options.serverName) ? {} : {servername: options.serverName}),
        ...(session === undefined ? {} : {session}),
        rejectUnauthorized: options.verify,
        checkServerIdentity: (_name, certificate) => checkName(options, certificate),
      });
      secure.on('session', (fresh: Buffer) => this.#store.rememberSession(key, fresh));
      secure.once('secureConnect', () => done(secure, describeTlsServer(secure, secure.authorized)));
      secure.once('error', (error) => {
        this.#store.forgetSession(key);
        failed(error);
      });
    });
  }

  startTlsServer(options: ServerTls & {readonly timeoutMs: number}): Promise<TlsState> {
    return this.#upgrade(options.timeoutMs, (raw, done, failed) => {
      const acceptor = this.#store.acceptor(options);
      const key = addressKey(raw);
      const forget = (): void => {
        acceptor.pending.delete(key);
      };
      acceptor.pending.set(key, {
        resolve: (secure) => {
          forget();
          secure.disableRenegotiation();
          if (options.clientCertificates === 'if-given' && !secure.authorized && hasCertificate(secure)) {
            failed(new Error(`its certificate does not verify: ${String(secure.authorizationError)}`));
            return;
          }
          done(secure, describeTls(secure, secure.authorized));
        },
        reject: (error) => {
          forget();
          failed(error);
        },
      });
      raw.once('close', forget);
      acceptor.server.emit('connection', raw);
    });
  }

  end(): void {
    this.flush();
    if (this.#isClosed) return;
    this.#socket.end();
    // Nothing more is wanted from the peer, but its closing must still be seen.
    if (!this.#isListening) this.#socket.resume();
  }

  destroy(error?: Error): void {
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.#error ??= error;
    this.#socket.destroy();
  }

  received(chunk: Buffer): void {
    this.#onData?.(chunk);
  }

  failed(error: Error): void {
    this.#error ??= error;
  }

  closed(socket: Socket): void {
    if (socket !== this.#socket || this.#isClosed) return;
    this.#isClosed = true;
    this.#chunks = [];
    this.#chunkBytes = 0;
    const callback = this.onClose;
    this.onClose = undefined;
    this.onDrain = undefined;
    this.#onData = undefined;
    callback?.(this.#error);
  }

  #own(socket: OwnedSocket): void {
    socket[streamOf] = this;
    socket.on('error', handleError);
    socket.on('close', handleClose);
  }

  #listen(): void {
    if (this.#onData === undefined || this.#isListening || this.#isUpgrading || this.#isClosed) return;
    this.#isListening = true;
    this.#socket.on('data', handleData);
    if (!this.#isPaused) this.#socket.resume();
  }

  #afterWrite(): void {
    if (this.queuedBytes === 0) this.onDrain?.();
  }

  #upgrade(
    timeoutMs: number,
    begin: (
      raw: OwnedSocket,
      done: (secure: TLSSocket, state: TlsState) => void,
      failed: (error: Error) => void,
    ) => void,
  ): Promise<TlsState> {
    const raw = this.#socket;
    this.flush();
    raw.off('data', handleData);
    raw.pause();
    this.#isListening = false;
    this.#isUpgrading = true;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        raw.off('close', closedEarly);
      };
      const failed = (error: Error): void => {
        settle();
        const problem =
          error instanceof NetworkError
            ? error
            : new NetworkError(
                'ERR_NETWORK_TLS_HANDSHAKE',
                `Cannot set up TLS with ${this.remoteAddress}:${this.remotePort}: ${errorMessage(error)}`,
                {cause: error},
              );
        this.destroy(problem);
        reject(problem);
      };
      const closedEarly = (): void =>
        failed(
          new NetworkError(
            'ERR_NETWORK_CLOSED',
            `Cannot set up TLS with ${this.remoteAddress}: it closed the connection`,
          ),
        );
      const timer = setTimeout(
        () =>
          failed(
            new NetworkError(
              'ERR_NETWORK_TIMEOUT',
              `Cannot set up TLS with ${this.remoteAddress}:${this.remotePort}: no handshake within ${timeoutMs} ms`,
            ),
          ),
        timeoutMs,
      );
      raw.once('close', closedEarly);
      const done = (secure: TLSSocket, state: TlsState): void => {
        settle();
        if (this.#isClosed) {
          secure.destroy();
          return;
        }
        this.#adopt(secure);
        this.tls = state;
        resolve(state);
      };
      try {
        begin(raw, done, failed);
      } catch (error) {
        failed(error instanceof Error ? error : new Error(errorMessage(error)));
      }
    });
  }

  /** From here on the TLS socket is the connection; the raw one below closes with it. */
  #adopt(secure: TLSSocket): void {
    const raw = this.#socket;
    raw.off('error', handleError);
    raw.off('close', handleClose);
    raw.on('error', ignoreError);
    delete raw[streamOf];
    secure.removeAllListeners('error');
    this.#socket = secure;
    this.#own(secure);
    this.#isUpgrading = false;
    this.#listen();
    if (this.#chunks.length > 0) this.flush();
  }
}
