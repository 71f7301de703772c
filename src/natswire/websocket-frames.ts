/**
 * Reads and writes WebSocket frames (RFC 6455) with permessage-deflate (RFC 7692), without context takeover.
 *
 * The bytes inside are one stream: the borders of frames and messages mean nothing to the NATS protocol, so plain payload is handed out as
 * it comes and never collected. A compressed message has to be whole before it can be inflated; it and its result are bounded.
 */
import {constants, deflateRawSync, inflateRawSync} from 'node:zlib';
import {WireError} from './errors.ts';
import {wireLimits} from './limits.ts';

export const webSocketOpcodes = {continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10} as const;

const controlBytesMax = 125;
const headBytesMax = 14;
/** What every flushed deflate block ends with; it is left out on the wire. */
const deflateTail = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const reservedBits = 0x30;
/** zlib's buffer for one message. */
const workingBytesMin = 1024;
const workingBytesMax = 16_384;

export interface WebSocketFrameHandler {
  /** A piece of the stream inside. */
  onPayload(bytes: Buffer): void;
  onPing(payload: Buffer): void;
  onPong(): void;
  /** `code` is undefined when the peer gave none. */
  onGoodbye(code: number | undefined, reason: string): void;
}

export interface WebSocketFrameOptions {
  /** A server takes masked frames, a client plain ones; a server may have agreed to plain ones. */
  readonly mask: 'required' | 'optional' | 'forbidden';
  readonly isCompressed: boolean;
  /** Largest size of one compressed message, before and after inflation, at this moment. */
  inflatedBytesMax(): number;
}

/** @param closeCode what the peer is told in the closing frame */
function broken(closeCode: number, reason: string): WireError {
  return new WireError('ERR_WIRE_WEBSOCKET', `Cannot read a WebSocket frame: ${reason}`, {
    details: {closeCode, reason},
  });
}

export class WebSocketFrameParser {
  readonly #handler: WebSocketFrameHandler;
  readonly #options: WebSocketFrameOptions;
  readonly #head = Buffer.alloc(headBytesMax);
  #headFilled = 0;
  #headLength = 2;
  #opcode = 0;
  #isFinal = false;
  #isMasked = false;
  #maskStart = 0;
  #maskAt = 0;
  #left = 0;
  #isInPayload = false;
  /** A message whose last frame has not come. */
  #isInMessage = false;
  #isMessageCompressed = false;
  #collected: Buffer[] = [];
  #collectedBytes = 0;
  #isStopped = false;

  constructor(handler: WebSocketFrameHandler, options: WebSocketFrameOptions) {
    this.#handler = handler;
    this.#options = options;
  }

  /** Takes nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#collected = [];
  }

  /**
   * Masked payload is unmasked in place: the chunk belongs to the parser from here on.
   *
   * @throws {WireError} `ERR_WIRE_WEBSOCKET` with `details.closeCode` and `details.reason` for the closing frame
   */
  push(chunk: Buffer): void {
    let position = 0;
    while (!this.#isStopped) {
      if (!this.#isInPayload) {
        position = this.#fillHead(chunk, position);
        if (!this.#isInPayload) return;
      }
      const taken = Math.min(this.#left, chunk.length - position);
      const piece = chunk.subarray(position, position + taken);
      position += taken;
      this.#left -= taken;
      if (this.#isMasked) this.#unmask(piece);
      this.#take(piece);
      if (this.#left > 0) return;
      this.#isInPayload = false;
      this.#headFilled = 0;
      this.#headLength = 2;
      this.#endFrame();
      if (position >= chunk.length) return;
    }
  }

  get #isControl(): boolean {
    return this.#opcode >= webSocketOpcodes.close;
  }

  #fillHead(chunk: Buffer, from: number): number {
    let position = from;
    while (position < chunk.length) {
      this.#head[this.#headFilled] = chunk[position] ?? 0;
      position += 1;
      this.#headFilled += 1;
      if (this.#headFilled === 2) this.#readStart();
      if (this.#headFilled === this.#headLength) {
        this.#readLength();
        return position;
      }
    }
    return position;
  }

  #readStart(): void {
    const first = this.#head[0] ?? 0;
    const second = this.#head[1] ?? 0;
    this.#isFinal = (first & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    this.#isMasked = (second & 0x80) !== 0;
    const isCompressed = (first & 0x40) !== 0;
    if ((first & reservedBits) !== 0) throw broken(1002, 'RSV2 and RSV3 must be clear');
    if (isCompressed && !this.#options.isCompressed)
      throw broken(1002, 'compressed frame received without negotiated permessage-deflate');
    const {mask} = this.#options;
    if (mask === 'required' && !this.#isMasked) throw broken(1002, 'mask bit missing');
    if (mask === 'forbidden' && this.#isMasked) throw broken(1002, 'the frame of a server is masked');
    const short = second & 0x7f;
    this.#checkStart(short, isCompressed);
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    this.#maskStart = 2 + lengthBytes;
    this.#headLength = this.#maskStart + (this.#isMasked ? 4 : 0);
  }

  #checkStart(short: number, isCompressed: boolean): void {
    switch (this.#opcode) {
      case webSocketOpcodes.close:
      case webSocketOpcodes.ping:
      case webSocketOpcodes.pong:
        if (short > controlBytesMax)
          throw broken(1002, `control frame length bigger than maximum allowed of ${controlBytesMax} bytes`);
        if (!this.#isFinal) throw broken(1002, 'control frame does not have final bit set');
        if (isCompressed) throw broken(1002, 'control frame must not be compressed');
        return;
      case webSocketOpcodes.text:
      case webSocketOpcodes.binary:
        if (this.#isInMessage)
          throw broken(1002, 'new message started before final frame for previous message was received');
        this.#isInMessage = true;
        this.#isMessageCompressed = isCompressed;
        return;
      case webSocketOpcodes.continuation:
        if (!this.#isInMessage || isCompressed) throw broken(1002, 'invalid continuation frame');
        return;
      default:
        throw broken(1002, `unknown opcode ${this.#opcode}`);
    }
  }

  #readLength(): void {
    const short = (this.#head[1] ?? 0) & 0x7f;
    let length: number = short;
    if (short === 126) length = this.#head.readUInt16BE(2);
    if (short === 127) {
      const high = this.#head.readUInt32BE(2);
      if (high >= 0x8000_0000) throw broken(1002, 'invalid 64-bit payload length');
      length = high * 0x1_0000_0000 + this.#head.readUInt32BE(6);
    }
    if (length > wireLimits.webSocketFrameBytesMax) throw broken(1009, 'the frame is too large');
    this.#left = length;
    this.#maskAt = 0;
    this.#isInPayload = true;
  }

  #unmask(piece: Buffer): void {
    const head = this.#head;
    const start = this.#maskStart;
    let at = this.#maskAt;
    for (let index = 0; index < piece.length; index += 1) {
      piece[index] = (piece[index] as number) ^ (head[start + (at & 3)] as number);
      at += 1;
    }
    this.#maskAt = at & 3;
  }

  #take(piece: Buffer): void {
    if (piece.length === 0) return;
    if (!this.#isControl && !this.#isMessageCompressed) {
      this.#handler.onPayload(piece);
      return;
    }
    // A control frame may stand between the frames of a compressed message, and is whole in itself.
    if (this.#isControl) {
      this.#control.push(piece);
      return;
    }
    this.#collectedBytes += piece.length;
    if (this.#collectedBytes > this.#options.inflatedBytesMax())
      throw broken(1009, 'the compressed message is too large');
    this.#collected.push(piece);
  }

  #control: Buffer[] = [];

  #endFrame(): void {
    if (this.#isControl) {
      const payload = Buffer.concat(this.#control);
      this.#control = [];
      this.#endControl(payload);
      return;
    }
    if (!this.#isFinal) return;
    this.#isInMessage = false;
    if (!this.#isMessageCompressed) return;
    this.#isMessageCompressed = false;
    const parts = this.#collected;
    this.#collected = [];
    this.#collectedBytes = 0;
    const bytes = inflate(parts, this.#options.inflatedBytesMax());
    if (bytes.length > 0) this.#handler.onPayload(bytes);
  }

  #endControl(payload: Buffer): void {
    if (this.#opcode === webSocketOpcodes.ping) this.#handler.onPing(payload);
    else if (this.#opcode === webSocketOpcodes.pong) this.#handler.onPong();
    else {
      const {code, reason} = readGoodbye(payload);
      this.#handler.onGoodbye(code, reason);
    }
  }
}

function inflate(parts: readonly Buffer[], limit: number): Buffer {
  try {
    const whole = Buffer.concat([...parts, deflateTail]);
    return inflateRawSync(whole, {
      maxOutputLength: limit,
      // Its working memory: many tiny messages in one read must not take sixteen kilobytes each.
      chunkSize: Math.min(workingBytesMax, Math.max(workingBytesMin, whole.length * 4)),
      finishFlush: constants.Z_SYNC_FLUSH,
    });
  } catch (error) {
    const isTooLarge = error instanceof RangeError;
    throw isTooLarge
      ? broken(1009, 'the message is too large when inflated')
      : broken(1007, 'the message cannot be inflated');
  }
}

function readGoodbye(payload: Buffer): {readonly code: number | undefined; readonly reason: string} {
  if (payload.length === 0) return {code: undefined, reason: ''};
  if (payload.length === 1) throw broken(1002, 'close frame payload cannot be 1 byte');
  const code = payload.readUInt16BE(0);
  if (!isCloseCode(code)) throw broken(1002, `invalid close status code ${code}`);
  try {
    return {code, reason: new TextDecoder('utf-8', {fatal: true}).decode(payload.subarray(2))};
  } catch (error) {
    if (error instanceof TypeError) throw broken(1007, 'invalid utf8 body in close frame');
    throw error;
  }
}

/** What a peer may say; 1004, 1005, 1006 and 1015 never travel. */
function isCloseCode(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

export interface WebSocketFrameShape {
  readonly opcode: number;
  readonly length: number;
  readonly isFinal: boolean;
  readonly isCompressed: boolean;
  /** Four bytes; absent for a server. The payload that follows must be masked by them. */
  readonly mask?: Buffer | undefined;
}

/** The bytes before a payload. */
export function encodeFrameHead(shape: WebSocketFrameShape): Buffer {
  const {length, mask} = shape;
  const first = (shape.isFinal ? 0x80 : 0) | (shape.isCompressed ? 0x40 : 0) | shape.opcode;
  const maskBit = mask === undefined ? 0 : 0x80;
  let head: Buffer;
  if (length <= controlBytesMax) {
    head = Buffer.from([first, maskBit | length]);
  } else if (length < 65_536) {
    head = Buffer.from([first, maskBit | 126, length >> 8, length & 0xff]);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = maskBit | 127;
    head.writeUInt32BE(Math.floor(length / 0x1_0000_0000), 2);
    head.writeUInt32BE(length % 0x1_0000_0000, 6);
  }
  return mask === undefined ? head : Buffer.concat([head, mask]);
}

/** A masked copy. */
export function maskedCopy(payload: Uint8Array, mask: Buffer): Buffer {
  const copy = Buffer.from(payload);
  for (let index = 0; index < copy.length; index += 1) {
    copy[index] = (copy[index] as number) ^ (mask[index & 3] as number);
  }
  return copy;
}

/** The payload of a closing frame; a reason that is too long is cut. */
export function encodeGoodbye(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  const text = Buffer.from(reason, 'utf8').subarray(0, controlBytesMax - 2);
  const payload = Buffer.alloc(2 + text.length);
  payload.writeUInt16BE(code, 0);
  text.copy(payload, 2);
  return payload;
}

/** One message as permessage-deflate sends it. */
export function deflateMessage(payload: Uint8Array): Buffer {
  const whole = deflateRawSync(payload, {
    level: constants.Z_BEST_SPEED,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: Math.min(workingBytesMax, Math.max(workingBytesMin, payload.length)),
    // What is small needs no window of 32 kB.
    ...(payload.length <= workingBytesMin ? {windowBits: 10, memLevel: 4} : {}),
  });
  return whole.subarray(0, whole.length - deflateTail.length);
}
