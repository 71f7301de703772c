/**
 * Reads what a server sends: INFO, MSG, HMSG, PING, PONG, +OK, -ERR.
 *
 * A message's texts and parts are made when asked for: eight thousand connections in one process may get the same broadcast and look only
 * at its subscription id.
 */
import {WireError} from './errors.ts';
import {FrameParser, isBlank, isVerbPrefix, unknownOperation} from './frame-parser.ts';
import {wireLimits} from './limits.ts';
import {parseSize} from './server-parser.ts';

/**
 * One message received. The object is used again for the next one: take what you keep during the call.
 * `headerBytes` and `payload` are views of the chunk that came from the socket: copy what you keep for long.
 */
export interface WireMessage {
  /** Number of the subscription; -1 when the id was not a number. */
  readonly sid: number;
  readonly subject: string;
  readonly replyTo: string | undefined;
  /** The header block, or undefined when there is none. */
  readonly headerBytes: Buffer | undefined;
  readonly payload: Buffer;
}

export interface ClientHandler {
  onInfo(json: Buffer): void;
  onMessage(message: WireMessage): void;
  onPing(): void;
  onPong(): void;
  onOk(): void;
  /** The text between the quotes. */
  onError(text: string): void;
}

export interface ClientParserOptions {
  readonly infoLineBytesMax?: number;
  /** Larger messages end the connection; the server's own limit is announced in INFO. */
  readonly payloadBytesMax?: number;
}

const nothing = Buffer.alloc(0);

const verbs = ['info ', 'info\t', 'msg ', 'msg\t', 'hmsg ', 'hmsg\t', 'ping', 'pong', '+ok', '-err'];

export class ClientParser extends FrameParser implements WireMessage {
  sid = -1;
  readonly #places = new Int32Array(10);
  #count = 0;
  #buffer: Buffer = nothing;
  #headerSize = -1;
  #payloadStart = 0;
  #payloadEnd = 0;
  readonly #handler: ClientHandler;
  readonly #payloadBytesMax: number;

  constructor(handler: ClientHandler, options: ClientParserOptions = {}) {
    super(options.infoLineBytesMax ?? wireLimits.infoLineBytesMax);
    this.#handler = handler;
    this.#payloadBytesMax = options.payloadBytesMax ?? 64 * wireLimits.payloadBytesMax;
  }

  get subject(): string {
    return this.#text(0);
  }

  get replyTo(): string | undefined {
    const withReply = this.#headerSize < 0 ? 4 : 5;
    return this.#count === withReply ? this.#text(2) : undefined;
  }

  get headerBytes(): Buffer | undefined {
    if (this.#headerSize <= 0) return undefined;
    return this.#buffer.subarray(this.#payloadStart, this.#payloadStart + this.#headerSize);
  }

  get payload(): Buffer {
    return this.#buffer.subarray(this.#payloadStart + Math.max(this.#headerSize, 0), this.#payloadEnd);
  }

  protected override checkPrefix(buffer: Buffer, start: number, end: number): void {
    if (!isVerbPrefix(buffer, {start, end}, verbs)) throw unknownOperation(buffer, start, end);
  }

  protected override line(buffer: Buffer, start: number, end: number): number {
    switch ((buffer[start] ?? 0) | 0x20) {
      case 109:
        this.#expectBlankBehind(buffer, {start, end}, 'msg');
        return this.#message(buffer, {start: start + 3, end, isWithHeaders: false});
      case 104:
        this.#expectBlankBehind(buffer, {start, end}, 'hmsg');
        return this.#message(buffer, {start: start + 4, end, isWithHeaders: true});
      default:
        this.#otherLine(buffer, start, end);
        return -1;
    }
  }

  protected override body(buffer: Buffer, _lineStart: number, start: number, end: number): void {
    this.#buffer = buffer;
    this.#payloadStart = start;
    this.#payloadEnd = end;
    this.#handler.onMessage(this);
    // An idle connection does not hold on to the last chunk it got.
    this.#buffer = nothing;
  }

  #text(index: number): string {
    return this.#buffer.toString('utf8', this.#places[index * 2] ?? 0, this.#places[index * 2 + 1] ?? 0);
  }

  #expect(buffer: Buffer, range: {readonly start: number; readonly end: number}, verb: string): void {
    if (range.end - range.start < verb.length || !isVerbPrefix(buffer, range, [verb])) {
      throw unknownOperation(buffer, range.start, range.end);
    }
  }

  #expectBlankBehind(
    buffer: Buffer,
    range: {readonly start: number; readonly end: number},
    verb: 'msg' | 'hmsg' | 'info',
  ): void {
    this.#expect(buffer, range, verb);
    if (!isBlank(buffer[range.start + verb.length]) || range.start + verb.length >= range.end) {
      throw unknownOperation(buffer, range.start, range.end);
    }
  }

  #otherLine(buffer: Buffer, start: number, end: number): void {
    const second = (buffer[start + 1] ?? 0) | 0x20;
    switch ((buffer[start] ?? 0) | 0x20) {
      case 112:
        this.#expect(buffer, {start, end}, second === 105 ? 'ping' : 'pong');
        if (second === 105) this.#handler.onPing();
        else this.#handler.onPong();
        return;
      case 105: {
        this.#expectBlankBehind(buffer, {start, end}, 'info');
        this.#handler.onInfo(buffer.subarray(start + 5, end));
        return;
      }
      case 0x2b | 0x20:
        this.#expect(buffer, {start, end}, '+ok');
        this.#handler.onOk();
        return;
      case 0x2d | 0x20: {
        this.#expect(buffer, {start, end}, '-err');
        const text = buffer.toString('utf8', start + 4, end).trim();
        this.#handler.onError(text.startsWith("'") && text.endsWith("'") ? text.slice(1, -1) : text);
        return;
      }
      default:
        throw unknownOperation(buffer, start, end);
    }
  }

  #message(
    buffer: Buffer,
    at: {readonly start: number; readonly end: number; readonly isWithHeaders: boolean},
  ): number {
    const places = this.#places;
    const {end} = at;
    let position = at.start;
    let count = 0;
    while (position < end) {
      while (position < end && isBlank(buffer[position])) position += 1;
      if (position === end) break;
      if (count === 5) throw badMessage('too many arguments');
      places[count * 2] = position;
      while (position < end && !isBlank(buffer[position])) position += 1;
      places[count * 2 + 1] = position;
      count += 1;
    }
    const wanted = at.isWithHeaders ? 4 : 3;
    if (count !== wanted && count !== wanted + 1) throw badMessage(`${count} arguments`);
    this.#count = count;
    this.#buffer = buffer;
    this.sid = parseSize(buffer, places[2] ?? 0, places[3] ?? 0);
    const size = parseSize(buffer, places[count * 2 - 2] ?? 0, places[count * 2 - 1] ?? 0);
    this.#headerSize = at.isWithHeaders
      ? parseSize(buffer, places[count * 2 - 4] ?? 0, places[count * 2 - 3] ?? 0)
      : -1;
    if (size < 0 || this.#headerSize > size || (at.isWithHeaders && this.#headerSize < 0))
      throw badMessage('a wrong size');
    if (size > this.#payloadBytesMax) {
      throw new WireError(
        'ERR_WIRE_PAYLOAD_TOO_LARGE',
        `Cannot accept a message of ${size} bytes: expected at most ${this.#payloadBytesMax}`,
      );
    }
    return size;
  }
}

function badMessage(found: string): WireError {
  return new WireError(
    'ERR_WIRE_ARGUMENTS',
    `Cannot read a message line: it has ${found}, expected subject, id and size`,
  );
}
