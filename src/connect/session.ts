/**
 * One live link to one broker: from the TCP connection over INFO, TLS and CONNECT to the first PONG, and then until it ends.
 *
 * Subscriptions and their handlers belong to the connection above, which outlives its links.
 */
import type {ByteStream, ClientTls} from '../lib/network.ts';
import type {LinkFacts} from './types.ts';
import {setPatientTimer} from '../lib/patient-timer.ts';
import type {Clock, Network, Random} from '../lib/platform.ts';
import {errorMessage} from '../lib/errors.ts';
import {type ClientHandler, ClientParser, type WireMessage} from '../natswire/index.ts';
import type {ConnectAuth} from './auth.ts';
import {connectLine} from './auth.ts';
import {ConnectError} from './errors.ts';
import {type BrokerInfo, parseInfo, readFirstLine} from './info.ts';
import {connectLimits} from './limits.ts';
import {Outbox} from './outbox.ts';
import {brokerComplaint} from './server-errors.ts';
import type {ServerUrl} from './server-url.ts';
import {isWebSocket, openWebSocket} from './websocket.ts';

export interface SessionOwner {
  /** The object is used again for the next message. */
  message(message: WireMessage): void;
  /** A complaint of the broker that leaves the link open. */
  complaint(error: ConnectError): void;
  /** Called once, and only after the session was opened. */
  ended(error: ConnectError): void;
  /** The broker is about to stop and asks its clients to go elsewhere. */
  leaving(): void;
}

/** How TLS is made: without it, a broker that demands TLS is an error; with it, a broker without TLS is one. */
export type SessionTls = Omit<ClientTls, 'serverName'>;

export interface SessionOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly random: Random;
  readonly name: string;
  readonly tls: SessionTls | undefined;
  readonly auth: ConnectAuth | undefined;
  readonly timeoutMs: number;
  /** For TLS and the first words, when it is longer than the time for connecting. */
  readonly startTimeoutMs?: number | undefined;
  readonly localAddress: string | undefined;
  readonly signal: AbortSignal;
}

export class Session implements ClientHandler {
  readonly server: ServerUrl;
  readonly #stream: ByteStream;
  readonly #outbox: Outbox;
  readonly #parser: ClientParser;
  #owner: SessionOwner | undefined;
  #info: BrokerInfo;
  #pongWaiters: ((() => void) | undefined)[] = [];
  #pingsOutstanding = 0;
  #ended = false;
  #start: {resolve(): void; reject(error: Error): void} | undefined;

  constructor(stream: ByteStream, options: {readonly server: ServerUrl; readonly info: BrokerInfo}) {
    this.server = options.server;
    this.#stream = stream;
    this.#info = options.info;
    this.#outbox = new Outbox(stream);
    this.#parser = new ClientParser(this, {
      infoLineBytesMax: connectLimits.infoBytesMax,
      payloadBytesMax: connectLimits.payloadBytesMax,
    });
  }

  get brokerInfo(): BrokerInfo {
    return this.#info;
  }

  get facts(): LinkFacts {
    const {remoteAddress, remotePort, tls} = this.#stream;
    return {
      remoteAddress: `${remoteAddress}:${remotePort}`,
      clientId: this.#info.clientId,
      clientAddress: this.#info.clientAddress,
      hasHeaders: this.#info.headers,
      payloadBytesMax: this.#info.maxPayloadBytes,
      tls: tls === undefined ? undefined : {...tls, serverName: this.server.host},
    };
  }

  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  /** Sends CONNECT and PING and waits for PONG. */
  begin(connect: string, rest: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#start = {resolve, reject};
      this.#stream.onClose = (cause) => this.#end(lost(this.server.text, cause));
      this.#stream.onData = (chunk) => this.#receive(chunk);
      this.#pongWaiters.push(undefined);
      this.#outbox.add(connect);
      this.#outbox.add('PING');
      this.#outbox.flush();
      if (rest.length > 0) this.#receive(rest);
    });
  }

  adopt(owner: SessionOwner): void {
    this.#owner = owner;
  }

  send(line: string, headers?: Uint8Array, payload?: Uint8Array): void {
    this.#outbox.add(line, headers, payload);
  }

  sendBytes(bytes: Uint8Array): void {
    this.#outbox.addBytes(bytes);
  }

  /** `onPong` is called when everything sent before was handled. */
  sendPing(onPong?: () => void): void {
    this.#pongWaiters.push(onPong);
    this.#outbox.add('PING');
  }

  get pongsAwaited(): number {
    return this.#pongWaiters.length;
  }

  /** One keep-alive interval passed. */
  beat(): void {
    if (this.#ended) return;
    if (this.#pingsOutstanding >= connectLimits.pingsOutstandingMax) {
      this.#fail(
        new ConnectError(
          'ERR_STALE_CONNECTION',
          `The broker at ${this.server.text} did not answer ${this.#pingsOutstanding} PINGs: the connection is given up`,
          {details: {server: this.server.text}},
        ),
      );
      return;
    }
    this.#pingsOutstanding++;
    this.sendPing();
  }

  /** Sends what is queued and closes. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner = undefined;
    this.#stream.onData = undefined;
    this.#stream.onClose = undefined;
    this.#outbox.flush();
    this.#stream.end();
  }

  abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner = undefined;
    this.#stream.onData = undefined;
    this.#stream.onClose = undefined;
    this.#stream.destroy();
  }

  // What the parser finds.

  onMessage(message: WireMessage): void {
    this.#owner?.message(message);
  }

  onInfo(json: Buffer): void {
    const wasLameDuck = this.#info.lameDuck;
    this.#info = parseInfo(json, this.server.text);
    if (this.#info.lameDuck && !wasLameDuck) this.#owner?.leaving();
  }

  onPing(): void {
    this.#outbox.add('PONG');
  }

  onPong(): void {
    this.#pingsOutstanding = 0;
    const start = this.#start;
    this.#pongWaiters.shift()?.();
    if (start === undefined) return;
    this.#start = undefined;
    start.resolve();
  }

  onOk(): void {
    // Only verbose connections get these; ours are not, and an unasked one changes nothing.
  }

  onError(text: string): void {
    const {error, staysOpen} = brokerComplaint(text, this.server.text);
    if (staysOpen && this.#start === undefined) this.#owner?.complaint(error);
    else this.#fail(error);
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      this.#parser.push(chunk);
    } catch (cause) {
      this.#fail(
        new ConnectError(
          'ERR_BROKER_PROTOCOL',
          `Cannot understand the broker at ${this.server.text}: ${errorMessage(cause)}`,
          {cause, details: {server: this.server.text}},
        ),
      );
    }
  }

  #fail(error: ConnectError): void {
    if (this.#ended) return;
    this.#stream.onData = undefined;
    this.#stream.onClose = undefined;
    this.#stream.destroy();
    this.#end(error);
  }

  #end(error: ConnectError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pongWaiters = [];
    const start = this.#start;
    const owner = this.#owner;
    this.#start = undefined;
    this.#owner = undefined;
    if (start !== undefined) start.reject(error);
    owner?.ended(error);
  }
}

function lost(server: string, cause: Error | undefined): ConnectError {
  const why = cause === undefined ? 'closed by the broker' : cause.message;
  return new ConnectError('ERR_CONNECTION_LOST', `The connection to ${server} ended: ${why}`, {
    ...(cause === undefined ? {} : {cause}),
    details: {server},
  });
}

/**
 * Connects and starts the protocol with one broker.
 *
 * @throws {ConnectError} every code that a start can end with
 */
export async function openSession(server: ServerUrl, options: SessionOptions): Promise<Session> {
  const {clock, signal} = options;
  const startedAtMs = clock.monotonicMs();
  const stream = await connectStream(server, options);
  const timeoutMs = Math.max(options.timeoutMs, options.startTimeoutMs ?? 0);
  const abort = (): void => stream.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  signal.addEventListener('abort', abort, {once: true});
  let late = false;
  const timer = setPatientTimer(
    clock,
    () => {
      late = true;
      stream.destroy();
    },
    timeoutMs,
  );
  try {
    return isWebSocket(server)
      ? await startWebSocketSession(stream, server, options)
      : await startSession(stream, server, options);
  } catch (error) {
    stream.destroy();
    // A busy broker ends what it has no time for, in the same way in which it ends what it refuses.
    const isPrompt = clock.monotonicMs() - startedAtMs < connectLimits.promptRefusalMs;
    if (!late)
      throw error instanceof TlsEnded ? (isPrompt ? certificateProblem(error.lost, server) : error.lost) : error;
    throw new ConnectError(
      'ERR_CONNECT_TIMEOUT',
      `Cannot connect to ${server.text}: it accepted the connection but did not finish the start in ${timeoutMs} ms`,
      {cause: error, details: {server: server.text}},
    );
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', abort);
  }
}

async function connectStream(server: ServerUrl, options: SessionOptions): Promise<ByteStream> {
  try {
    return await options.network.connect({
      host: server.host,
      port: server.port,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
      ...(options.localAddress === undefined ? {} : {localAddress: options.localAddress}),
    });
  } catch (cause) {
    // The layer below says where it could not connect to as well.
    const reason = errorMessage(cause).replace(/^Cannot connect to \S+: /, '');
    throw new ConnectError('ERR_CONNECT_FAILED', `Cannot connect to ${server.text}: ${reason}`, {
      cause,
      details: {server: server.text},
    });
  }
}

async function startSession(stream: ByteStream, server: ServerUrl, options: SessionOptions): Promise<Session> {
  const {info, rest} = await readFirstLine(stream, server.text);
  let behind = rest;
  const wantsTls = options.tls !== undefined || server.scheme === 'tls';
  if (wantsTls) {
    if (!info.tlsRequired && !info.tlsAvailable) {
      throw new ConnectError(
        'ERR_TLS_NOT_OFFERED',
        `Cannot connect to ${server.text}: the broker does not offer TLS, and this process is told to use it`,
        {details: {server: server.text}},
      );
    }
    if (behind.length > 0) {
      // Anything in clear behind INFO could have been put there by somebody in between.
      throw new ConnectError(
        'ERR_BROKER_PROTOCOL',
        `Cannot connect to ${server.text}: ${behind.length} bytes in clear came before TLS`,
        {details: {server: server.text}},
      );
    }
    await startTls(stream, server, options);
    behind = Buffer.alloc(0);
  } else if (info.tlsRequired) {
    throw new ConnectError(
      'ERR_TLS_REQUIRED',
      `Cannot connect to ${server.text}: the broker demands TLS, and this process is told not to use it`,
      {details: {server: server.text}},
    );
  }
  return sayHello(stream, {server, options, info, wantsTls, behind});
}

/** Here TLS is below HTTP, so it begins before INFO; an address `ws://` gets TLS as well when this process is told to use it. */
async function startWebSocketSession(stream: ByteStream, server: ServerUrl, options: SessionOptions): Promise<Session> {
  const wantsTls = options.tls !== undefined || server.scheme === 'wss';
  if (wantsTls) await startTls(stream, server, options);
  const inside = await openWebSocket(stream, {server, random: options.random});
  const {info, rest} = await readFirstLine(inside, server.text);
  return sayHello(inside, {server, options, info, wantsTls, behind: rest});
}

async function sayHello(
  stream: ByteStream,
  what: {
    readonly server: ServerUrl;
    readonly options: SessionOptions;
    readonly info: BrokerInfo;
    readonly wantsTls: boolean;
    readonly behind: Buffer;
  },
): Promise<Session> {
  const {server, options, info} = what;
  const {name, auth} = options;
  const connect = await connectLine({
    info,
    server,
    name,
    auth,
    tlsRequired: what.wantsTls,
    nowMs: options.clock.nowMs(),
  });
  const session = new Session(stream, {server, info});
  try {
    await session.begin(connect, what.behind);
  } catch (error) {
    const isWordless = error instanceof ConnectError && error.code === 'ERR_CONNECTION_LOST' && !options.signal.aborted;
    throw isWordless && what.wantsTls && options.tls?.material.certificatePem !== undefined
      ? new TlsEnded(error)
      : error;
  }
  return session;
}

/** The broker ended the connection after we showed our certificate, without a word. */
class TlsEnded extends Error {
  readonly lost: ConnectError;

  constructor(lost: ConnectError) {
    super(lost.message);
    this.lost = lost;
  }
}

/**
 * With TLS 1.3 a client is through its handshake before the broker has judged its certificate: a refusal looks like a connection that
 * ends without a word.
 */
function certificateProblem(error: ConnectError, server: ServerUrl): ConnectError {
  return new ConnectError(
    'ERR_CONNECT_TLS',
    `Cannot connect to ${server.text}: the broker ended the connection right after TLS, as brokers do when they do not accept the certificate shown to them: it may be of another authority than theirs, expired or revoked`,
    {cause: error, details: {server: server.text}},
  );
}

async function startTls(stream: ByteStream, server: ServerUrl, options: SessionOptions): Promise<void> {
  const tls = options.tls ?? {material: {}, verify: true};
  try {
    const timeoutMs = Math.max(options.timeoutMs, options.startTimeoutMs ?? 0);
    await stream.startTlsClient({...tls, serverName: server.host, timeoutMs});
  } catch (cause) {
    // A refusal comes with an alert; a connection that just ends in the middle was cut, by a broker that is busy or stops.
    const isCut = errorCodes(cause).includes('ECONNRESET');
    throw new ConnectError(
      isCut ? 'ERR_CONNECTION_LOST' : 'ERR_CONNECT_TLS',
      `Cannot start TLS with ${server.text}: ${errorMessage(cause)}`,
      {
        cause,
        details: {server: server.text},
      },
    );
  }
}

/** Codes of an error and its causes. */
function errorCodes(error: unknown): readonly unknown[] {
  const codes: unknown[] = [];
  for (let item = error; item instanceof Error && codes.length < 10; item = item.cause) {
    codes.push((item as {readonly code?: unknown}).code);
  }
  return codes;
}
