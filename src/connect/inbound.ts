/**
 * Understands what a broker sends: MSG, HMSG, PING, PONG, +OK, -ERR, INFO.
 *
 * Works on whole chunks without copying; only a frame cut by the end of a chunk is kept until its rest comes. Any cut gives the same
 * result. Pure: no sockets, no clock.
 */
import {ConnectError} from './errors.ts';

export interface InboundHandler {
  message(
    sid: string,
    subject: string,
    replyTo: string | undefined,
    headers: Buffer | undefined,
    payload: Buffer,
  ): void;
  info(json: Buffer): void;
  ping(): void;
  pong(): void;
  ok(): void;
  error(text: string): void;
}

export interface InboundLimits {
  readonly controlLineBytesMax: number;
  readonly payloadBytesMax: number;
}

interface Arguments {
  readonly subject: string;
  readonly sid: string;
  readonly replyTo: string | undefined;
  readonly headerBytes: number;
  readonly totalBytes: number;
}

export class InboundParser {
  readonly #handler: InboundHandler;
  readonly #limits: InboundLimits;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** No frame can be whole before so many bytes are there. */
  #neededBytes = 0;

  constructor(handler: InboundHandler, limits: InboundLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /**
   * @throws {ConnectError} `ERR_BROKER_PROTOCOL`; the parser is of no use after that
   */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#heldBytes > 0) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes < this.#neededBytes) return;
      bytes = this.#held.length === 1 ? chunk : Buffer.concat(this.#held, this.#heldBytes);
      this.#held = [];
      this.#heldBytes = 0;
    }
    const used = this.#frames(bytes);
    if (used >= bytes.length) return;
    const rest = used === 0 ? bytes : bytes.subarray(used);
    this.#held.push(rest);
    this.#heldBytes = rest.length;
  }

  #frames(bytes: Buffer): number {
    let at = 0;
    this.#neededBytes = 0;
    while (at < bytes.length) {
      const lineEnd = bytes.indexOf(10, at);
      if (lineEnd < 0) {
        if (bytes.length - at > this.#limits.controlLineBytesMax) throw this.#tooLong();
        this.#neededBytes = bytes.length - at + 1;
        return at;
      }
      const next = this.#line(bytes, at, lineEnd);
      if (next < 0) return at;
      at = next;
    }
    return at;
  }

  /** Handles the frame whose first line is [start, lineEnd); gives where the next one starts, or -1 when its payload is not there. */
  #line(bytes: Buffer, start: number, lineEnd: number): number {
    const end = lineEnd > start && bytes[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd;
    if (end - start > this.#limits.controlLineBytesMax) throw this.#tooLong();
    const first = bytes[start] ?? 0;
    // M and H: the frames that come by the thousand.
    if (first === 77 || first === 109)
      return this.#payloadFrame(bytes, {start: start + 4, end, lineEnd, headers: false});
    if (first === 72 || first === 104)
      return this.#payloadFrame(bytes, {start: start + 5, end, lineEnd, headers: true});
    const line = bytes.toString('latin1', start, end);
    const verb = line.split(/[ \t]/, 1)[0]?.toUpperCase() ?? '';
    if (verb === 'PING') this.#handler.ping();
    else if (verb === 'PONG') this.#handler.pong();
    else if (verb === '+OK') this.#handler.ok();
    else if (verb === 'INFO') this.#handler.info(bytes.subarray(start + 5, end));
    else if (verb === '-ERR') this.#handler.error(line.slice(5).trim().replace(/^'|'$/g, ''));
    else throw protocolError(`unknown line ${JSON.stringify(line.slice(0, 60))}`);
    return lineEnd + 1;
  }

  #payloadFrame(
    bytes: Buffer,
    frame: {readonly start: number; readonly end: number; readonly lineEnd: number; readonly headers: boolean},
  ): number {
    const args = this.#arguments(bytes.toString('utf8', frame.start, frame.end), frame.headers);
    const bodyStart = frame.lineEnd + 1;
    const bodyEnd = bodyStart + args.totalBytes;
    if (bytes.length < bodyEnd + 2) {
      const lineStart = frame.start - (frame.headers ? 5 : 4);
      this.#neededBytes = bodyEnd + 2 - lineStart;
      return -1;
    }
    if (bytes[bodyEnd] !== 13 || bytes[bodyEnd + 1] !== 10)
      throw protocolError('a message does not end where its size says');
    const headerEnd = bodyStart + args.headerBytes;
    this.#handler.message(
      args.sid,
      args.subject,
      args.replyTo,
      args.headerBytes > 0 ? bytes.subarray(bodyStart, headerEnd) : undefined,
      bytes.subarray(headerEnd, bodyEnd),
    );
    return bodyEnd + 2;
  }

  #arguments(text: string, headers: boolean): Arguments {
    const words = text.split(' ').filter((word) => word !== '');
    const sizes = headers ? 2 : 1;
    if (words.length !== sizes + 2 && words.length !== sizes + 3)
      throw protocolError('a message line has a wrong number of words');
    const total = size(words.at(-1));
    const header = headers ? size(words.at(-2)) : 0;
    if (total > this.#limits.payloadBytesMax)
      throw protocolError(`a message of ${total} bytes is larger than ${this.#limits.payloadBytesMax}`);
    if (header > total) throw protocolError('the headers of a message are larger than the message');
    return {
      subject: words[0] ?? '',
      sid: words[1] ?? '',
      replyTo: words.length === sizes + 3 ? words[2] : undefined,
      headerBytes: header,
      totalBytes: total,
    };
  }

  #tooLong(): ConnectError {
    return protocolError(`a line is longer than ${this.#limits.controlLineBytesMax} bytes`);
  }
}

function size(word: string | undefined): number {
  if (word === undefined || !/^\d{1,9}$/.test(word)) throw protocolError('the size of a message is not a number');
  return Number(word);
}

function protocolError(what: string): ConnectError {
  return new ConnectError('ERR_BROKER_PROTOCOL', what);
}
