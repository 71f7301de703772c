/**
 * One end of a simulated connection: ordered, reliable while the link works, silent while it does not.
 */
import type {ByteStream, ClientTls, ServerTls, TlsMaterial, TlsState} from '../lib/network.ts';
import {NetworkError} from '../lib/network-errors.ts';
import {RealTls} from './tls-real.ts';
import type {Hello, Verdict} from './tls-twin.ts';
import type {CarrierView, ProcessView, Segment} from './types.ts';

/** What a socket takes before the writer has to wait; about what Linux gives. */
const windowBytes = 262_144;

interface PendingHandshake {
  readonly judge: (hello: Hello) => Verdict;
  readonly resolve: (state: TlsState) => void;
  readonly reject: (error: Error) => void;
}

export class SimStream implements ByteStream {
  readonly process: ProcessView;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly network: CarrierView<SimStream>;
  peer: SimStream | undefined;
  tls: TlsState | undefined = undefined;
  onDrain: (() => void) | undefined = undefined;
  /** Segments on their way to this end, so that order holds whatever the latency does. */
  arrivesNotBeforeMs = 0;
  /** Forgotten on the way: nothing passes any more, and this end does not know. */
  isLost = false;
  /** The host lost power: when it is back it knows nothing of this connection. */
  isUnknown = false;
  /** Segments that wait for the link to heal. */
  readonly held: Segment[] = [];
  #onData: ((chunk: Buffer) => void) | undefined;
  #onClose: ((error: Error | undefined) => void) | undefined;
  #closed: {readonly error: Error | undefined} | undefined;
  #ended = false;
  #paused = false;
  #outgoing: Buffer[] = [];
  #outgoingBytes = 0;
  #inFlightBytes = 0;
  #writtenBytes = 0;
  #flushScheduled = false;
  #received: Segment[] = [];
  #handshake: PendingHandshake | undefined;
  #real: RealTls | undefined;
  /** What real TLS has opened and nobody has taken. */
  #opened: Buffer[] = [];

  constructor(options: {
    readonly process: ProcessView;
    readonly network: CarrierView<SimStream>;
    readonly remoteAddress: string;
    readonly remotePort: number;
  }) {
    this.process = options.process;
    this.network = options.network;
    this.remoteAddress = options.remoteAddress;
    this.remotePort = options.remotePort;
  }

  get onData(): ((chunk: Buffer) => void) | undefined {
    return this.#onData;
  }

  set onData(handler: ((chunk: Buffer) => void) | undefined) {
    this.#onData = handler;
    if (handler !== undefined) queueMicrotask(() => this.#deliver());
  }

  get onClose(): ((error: Error | undefined) => void) | undefined {
    return this.#onClose;
  }

  set onClose(handler: ((error: Error | undefined) => void) | undefined) {
    this.#onClose = handler;
    const closed = this.#closed;
    if (handler !== undefined && closed !== undefined) queueMicrotask(() => handler(closed.error));
  }

  /** Whether a changed bit would be noticed. */
  get isProtected(): boolean {
    return this.tls !== undefined;
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  get queuedBytes(): number {
    return this.#outgoingBytes + Math.max(0, this.#inFlightBytes - windowBytes);
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  write(data: Uint8Array): number {
    if (this.#closed !== undefined || this.#ended) return 0;
    this.#outgoing.push(Buffer.from(data));
    this.#outgoingBytes += data.length;
    this.#writtenBytes += data.length;
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      queueMicrotask(() => this.flush());
    }
    return this.queuedBytes;
  }

  flush(): number {
    this.#flushScheduled = false;
    if (this.#outgoing.length > 0) {
      const data = Buffer.concat(this.#outgoing);
      this.#outgoing = [];
      this.#outgoingBytes = 0;
      if (this.#real === undefined) this.#send(data);
      else this.#real.write(data);
    }
    return this.queuedBytes;
  }

  #send(data: Buffer): void {
    this.#inFlightBytes += data.length;
    this.network.send(this, {kind: 'bytes', data});
  }

  unread(chunk: Buffer): void {
    this.#received.unshift({kind: 'bytes', data: chunk});
    queueMicrotask(() => this.#deliver());
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    queueMicrotask(() => this.#deliver());
  }

  startTlsClient(options: ClientTls & {readonly timeoutMs: number}): Promise<TlsState> {
    const {twin} = this.network;
    const nowMs = (): number => this.process.wallMs();
    return this.#startTls(options, (hello) => twin.judgeServer(hello, {client: options, nowMs: nowMs()}));
  }

  startTlsServer(options: ServerTls & {readonly timeoutMs: number}): Promise<TlsState> {
    const {twin} = this.network;
    const nowMs = (): number => this.process.wallMs();
    const server = {asksForCertificate: options.clientCertificates !== 'none'};
    return this.#startTls({...options, server}, (hello) => twin.judgeClient(hello, {server: options, nowMs: nowMs()}));
  }

  end(): void {
    if (this.#closed !== undefined || this.#ended) return;
    this.flush();
    this.#ended = true;
    this.network.send(this, {kind: 'fin'});
    // The peer answers with its own end; both are then closed. Until then what it sends is still read.
  }

  destroy(error?: Error): void {
    if (this.#closed !== undefined) return;
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    this.network.send(this, {kind: 'reset'});
    this.#close(error);
  }

  /** The process is gone: no callback runs again, whatever arrives. */
  abandon(): void {
    this.#closed ??= {error: undefined};
    this.#onData = undefined;
    this.#onClose = undefined;
    this.onDrain = undefined;
    this.#received = [];
    this.network.forget(this);
  }

  /** A segment has arrived. */
  arrived(segment: Segment): void {
    if (this.#closed !== undefined) return;
    this.#received.push(segment);
    this.#deliver();
  }

  /** The other end took this many bytes. */
  acknowledged(bytes: number): void {
    const wasFull = this.#inFlightBytes > windowBytes;
    this.#inFlightBytes -= bytes;
    if (wasFull && this.#inFlightBytes <= windowBytes && this.#closed === undefined) this.onDrain?.();
  }

  #deliver(): void {
    while (this.#closed === undefined && !this.#paused) {
      const opened = this.#onData === undefined ? undefined : this.#opened.shift();
      if (opened !== undefined) {
        this.#onData?.(opened);
        continue;
      }
      const segment = this.#received[0];
      if (segment === undefined) return;
      if (segment.kind === 'bytes') {
        const handler = this.#onData;
        if (this.#real !== undefined) {
          this.#received.shift();
          this.peer?.acknowledged(segment.data.length);
          this.#real.feed(segment.data);
          continue;
        }
        if (this.#handshake !== undefined) {
          this.#failHandshake('the other side spoke in clear');
          return;
        }
        if (handler === undefined) return;
        this.#received.shift();
        this.peer?.acknowledged(segment.data.length);
        handler(segment.data);
      } else if (segment.kind === 'corrupt') {
        this.#received.shift();
        const error = new NetworkError('ERR_NETWORK_TLS_HANDSHAKE', 'A TLS record does not verify: bad record mac');
        if (this.#handshake === undefined) this.destroy(error);
        else this.#failHandshake('bad record mac');
      } else if (segment.kind === 'hello') {
        if (this.#handshake === undefined) return;
        this.#received.shift();
        this.#finishHandshake(segment.hello);
      } else {
        this.#received.shift();
        this.#remoteClosed(segment.kind);
      }
    }
  }

  #remoteClosed(kind: 'fin' | 'reset'): void {
    if (kind === 'fin' && !this.#ended) {
      this.flush();
      this.#ended = true;
      this.network.send(this, {kind: 'fin'});
    }
    this.#handshake?.reject(
      new NetworkError('ERR_NETWORK_CLOSED', 'The connection was closed during the TLS handshake'),
    );
    this.#handshake = undefined;
    this.#close(kind === 'reset' ? Object.assign(new Error('read ECONNRESET'), {code: 'ECONNRESET'}) : undefined);
  }

  #close(error: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = {error};
    this.#real?.close();
    this.network.forget(this);
    const handler = this.#onClose;
    if (handler !== undefined) queueMicrotask(() => this.process.isAlive && handler(error));
  }

  #startTls(
    options: {
      readonly material: TlsMaterial;
      readonly timeoutMs: number;
      readonly server?: {readonly asksForCertificate: boolean};
    },
    judge: PendingHandshake['judge'],
  ): Promise<TlsState> {
    const {material, timeoutMs, server} = options;
    this.flush();
    return new Promise((resolve, reject) => {
      const timer = this.process.clock.setTimer(
        () => this.#failHandshake(`nothing came within ${timeoutMs} ms`),
        timeoutMs,
      );
      this.#handshake = {
        judge,
        resolve: (state) => {
          timer.cancel();
          resolve(state);
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      const {contexts, twin} = this.network;
      if (contexts === undefined) this.network.send(this, {kind: 'hello', hello: twin.hello(material)});
      else {
        this.#real = new RealTls(contexts, {
          material,
          ...(server === undefined ? {} : {server}),
          send: (data) => {
            if (this.#closed === undefined) this.#send(data);
          },
          onData: (data) => {
            this.#opened.push(data);
            this.#deliver();
          },
          onSecure: (certificatePem) => this.#finishHandshake({certificatePem}),
          onError: (error) => this.#failTls(error),
        });
      }
      this.#deliver();
    });
  }

  #failTls(error: Error): void {
    if (this.#closed !== undefined) return;
    if (this.#handshake === undefined) this.destroy(error);
    else this.#failHandshake(error.message);
  }

  #finishHandshake(hello: Hello): void {
    const pending = this.#handshake;
    if (pending === undefined) return;
    const verdict = pending.judge(hello);
    if ('problem' in verdict) {
      this.#failHandshake(verdict.problem);
      return;
    }
    this.#handshake = undefined;
    this.tls = verdict.state;
    pending.resolve(verdict.state);
  }

  #failHandshake(problem: string): void {
    const pending = this.#handshake;
    this.#handshake = undefined;
    const error = new NetworkError(
      'ERR_NETWORK_TLS_HANDSHAKE',
      `The TLS handshake with ${this.remoteAddress} failed: ${problem}`,
    );
    this.destroy(error);
    pending?.reject(error);
  }
}
