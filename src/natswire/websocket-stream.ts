/** A byte stream inside a WebSocket: what is written becomes binary frames, what frames carry is data. Both ends use it. */
import type {ByteStream, ClientTls, ServerTls, TlsState} from '../lib/network.ts';
import {WireError} from './errors.ts';
import {wireLimits} from './limits.ts';
import {
  deflateMessage,
  encodeFrameHead,
  encodeGoodbye,
  maskedCopy,
  type WebSocketFrameHandler,
  WebSocketFrameParser,
  webSocketOpcodes,
} from './websocket-frames.ts';

export interface WebSocketStreamOptions {
  readonly role: 'server' | 'client';
  readonly isCompressed: boolean;
  /** For a server: whether the client's frames have to be masked. */
  readonly isMaskRequired: boolean;
  /** Browsers get small frames. */
  readonly isBrowser: boolean;
  inflatedBytesMax(): number;
  /** Four fresh random bytes; for a client. */
  maskKey?(): Buffer;
}

export class WebSocketStream implements ByteStream, WebSocketFrameHandler {
  /** The peer said goodbye, or broke the rules: the owner is to end the stream. Without an owner it ends itself. */
  onGoodbyeReceived: ((isClean: boolean) => void) | undefined = undefined;
  readonly #inner: ByteStream;
  readonly #options: WebSocketStreamOptions;
  readonly #parser: WebSocketFrameParser;
  #onData: ((chunk: Buffer) => void) | undefined = undefined;
  /** What came before anybody listened; the stream below rests meanwhile. */
  #early: Buffer[] = [];
  #isGoodbyeSent = false;
  #goodbye: {readonly code: number | undefined; readonly reason: string} = {code: 1000, reason: ''};

  constructor(inner: ByteStream, options: WebSocketStreamOptions) {
    this.#inner = inner;
    this.#options = options;
    const mask = options.role === 'client' ? 'forbidden' : options.isMaskRequired ? 'required' : 'optional';
    this.#parser = new WebSocketFrameParser(this, {
      mask,
      isCompressed: options.isCompressed,
      inflatedBytesMax: () => options.inflatedBytesMax(),
    });
    inner.onData = (chunk) => this.#receive(chunk);
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get remotePort(): number {
    return this.#inner.remotePort;
  }

  get tls(): TlsState | undefined {
    return this.#inner.tls;
  }

  get onData(): ((chunk: Buffer) => void) | undefined {
    return this.#onData;
  }

  set onData(callback: ((chunk: Buffer) => void) | undefined) {
    this.#onData = callback;
    if (callback !== undefined && this.#early.length > 0) queueMicrotask(() => this.#deliverEarly());
  }

  get onClose(): ((error: Error | undefined) => void) | undefined {
    return this.#inner.onClose;
  }

  set onClose(callback: ((error: Error | undefined) => void) | undefined) {
    this.#inner.onClose = callback;
  }

  get onDrain(): (() => void) | undefined {
    return this.#inner.onDrain;
  }

  set onDrain(callback: (() => void) | undefined) {
    this.#inner.onDrain = callback;
  }

  get queuedBytes(): number {
    return this.#inner.queuedBytes;
  }

  get writtenBytes(): number {
    return this.#inner.writtenBytes;
  }

  write(data: Uint8Array): number {
    if (this.#isGoodbyeSent || data.length === 0) return this.#inner.queuedBytes;
    const isCompressed = this.#options.isCompressed && data.length > wireLimits.webSocketCompressFromBytes;
    const payload = isCompressed ? deflateMessage(data) : data;
    const size = this.#options.isBrowser ? wireLimits.webSocketBrowserFrameBytes : payload.length;
    for (let start = 0; start < payload.length; start += size) {
      const end = Math.min(start + size, payload.length);
      const isFirst = start === 0;
      this.#frame(isFirst ? webSocketOpcodes.binary : webSocketOpcodes.continuation, payload.subarray(start, end), {
        isFinal: end === payload.length,
        isCompressed: isFirst && isCompressed,
      });
    }
    return this.#inner.queuedBytes;
  }

  flush(): number {
    return this.#inner.flush();
  }

  /** Handed out again before what comes next. */
  unread(chunk: Buffer): void {
    this.#early.unshift(chunk);
    if (this.#onData !== undefined) queueMicrotask(() => this.#deliverEarly());
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  startTlsClient(_options: ClientTls & {readonly timeoutMs: number}): Promise<TlsState> {
    return Promise.reject(tlsInside());
  }

  startTlsServer(_options: ServerTls & {readonly timeoutMs: number}): Promise<TlsState> {
    return Promise.reject(tlsInside());
  }

  /** What the closing frame says when `end` is called. */
  prepareGoodbye(code: number, reason: string): void {
    this.#goodbye = {code, reason};
  }

  end(): void {
    this.#sendGoodbye();
    this.#inner.end();
  }

  destroy(error?: Error): void {
    this.#parser.stop();
    this.#inner.destroy(error);
  }

  onPayload(bytes: Buffer): void {
    if (this.#onData !== undefined && this.#early.length === 0) {
      this.#onData(bytes);
      return;
    }
    this.#inner.pause();
    this.#early.push(bytes);
  }

  onPing(payload: Buffer): void {
    if (!this.#isGoodbyeSent) this.#frame(webSocketOpcodes.pong, payload, {isFinal: true, isCompressed: false});
  }

  onPong(): void {
    // Nobody here sends pings of this layer: the NATS protocol has its own.
  }

  onGoodbye(code: number | undefined, reason: string): void {
    this.#goodbye = {code, reason};
    this.#finish(true);
  }

  #deliverEarly(): void {
    const callback = this.#onData;
    if (callback === undefined) return;
    const early = this.#early;
    this.#early = [];
    this.#inner.resume();
    for (const bytes of early) callback(bytes);
  }

  #receive(chunk: Buffer): void {
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof WireError) || error.code !== 'ERR_WIRE_WEBSOCKET') throw error;
      this.#goodbye = {code: Number(error.details['closeCode']), reason: String(error.details['reason'])};
      this.#finish(false);
    }
  }

  #finish(isClean: boolean): void {
    this.#parser.stop();
    this.#sendGoodbye();
    if (this.onGoodbyeReceived === undefined) this.#inner.end();
    else this.onGoodbyeReceived(isClean);
  }

  #sendGoodbye(): void {
    if (this.#isGoodbyeSent) return;
    const payload = encodeGoodbye(this.#goodbye.code, this.#goodbye.reason);
    this.#frame(webSocketOpcodes.close, payload, {isFinal: true, isCompressed: false});
    this.#isGoodbyeSent = true;
  }

  #frame(
    opcode: number,
    payload: Uint8Array,
    shape: {readonly isFinal: boolean; readonly isCompressed: boolean},
  ): void {
    const mask = this.#options.role === 'client' ? this.#options.maskKey?.() : undefined;
    this.#inner.write(encodeFrameHead({opcode, length: payload.length, ...shape, mask}));
    if (payload.length > 0) this.#inner.write(mask === undefined ? payload : maskedCopy(payload, mask));
  }
}

function tlsInside(): WireError {
  return new WireError('ERR_WIRE_WEBSOCKET', 'Cannot start TLS inside a WebSocket: it has to be below it', {
    details: {closeCode: 1002, reason: 'TLS inside a WebSocket'},
  });
}
