/**
 * Reads what a client sends: CONNECT, PUB, HPUB, SUB, UNSUB, PING, PONG.
 *
 * The published message is described by offsets into the chunk; no string or slice is made for it. Because `PUB subject reply size`
 * and `MSG subject sid reply size` end alike, a broker copies everything after the subject as it came (`tailStart`).
 */
import {WireError} from './errors.ts';
import {FrameParser, isBlank, isVerbPrefix, splitArguments, unknownOperation} from './frame-parser.ts';
import {wireLimits} from './limits.ts';

/** Where the parts of a published message are in `buffer`. Reused for the next message: valid during the call only. */
export interface PublishFrame {
  readonly buffer: Buffer;
  readonly subjectStart: number;
  readonly subjectEnd: number;
  /** A 32 bit hash of the subject's bytes. */
  readonly subjectHash: number;
  /** -1 when there is no reply subject. */
  readonly replyStart: number;
  readonly replyEnd: number;
  /** -1 for a message without headers (PUB). */
  readonly headerBytes: number;
  readonly payloadStart: number;
  /** Without the CRLF. */
  readonly payloadEnd: number;
  /** Where the size arguments are, as sent. */
  readonly sizeStart: number;
  readonly sizeEnd: number;
  /**
   * True when `buffer[subjectEnd..payloadEnd + 2)` is exactly ` [reply ]sizes\r\npayload\r\n`, and can be sent on as it is.
   */
  readonly isTailCanonical: boolean;
}

export interface ServerHandler {
  /** The JSON text of CONNECT, blanks trimmed. */
  onConnect(json: Buffer): void;
  onPublish(frame: PublishFrame): void;
  /** Texts are latin1: one character for each byte received. */
  onSubscribe(subscription: {readonly subject: string; readonly queue: string | undefined; readonly sid: string}): void;
  /** `max` is undefined, or 0, when the subscription ends at once. */
  onUnsubscribe(sid: string, max: number | undefined): void;
  onPing(): void;
  onPong(): void;
}

export interface ServerParserOptions {
  readonly controlLineBytesMax?: number;
  readonly payloadBytesMax?: number;
}

const verbs = [
  'connect',
  'ping',
  'pong',
  'pub ',
  'pub\t',
  'hpub ',
  'hpub\t',
  'sub ',
  'sub\t',
  'unsub ',
  'unsub\t',
  '+ok',
  '-err ',
  '-err\t',
  'info',
];

/** Operations without arguments; what follows them on their line means nothing. */
const wordsAlone = ['ping', 'pong', '+ok'];
/** CONNECT is the longest verb. */
const verbBytesMax = 7;
const upperP = 80;

export class ServerParser extends FrameParser implements PublishFrame {
  /** Nothing but CONNECT is read while this is set. */
  isConnectRequired = false;
  /** HPUB is read only while this is set. */
  areHeadersAllowed = true;
  buffer: Buffer = emptyBuffer;
  subjectStart = 0;
  subjectEnd = 0;
  subjectHash = 0;
  replyStart = -1;
  replyEnd = -1;
  headerBytes = -1;
  payloadStart = 0;
  payloadEnd = 0;
  sizeStart = 0;
  sizeEnd = 0;
  isTailCanonical = false;
  readonly #handler: ServerHandler;
  readonly #payloadBytesMax: number;

  constructor(handler: ServerHandler, options: ServerParserOptions = {}) {
    super(options.controlLineBytesMax ?? wireLimits.controlLineBytesMax);
    this.#handler = handler;
    this.#payloadBytesMax = options.payloadBytesMax ?? wireLimits.payloadBytesMax;
  }

  /** Any number of blanks may stand behind a verb, and anything behind those that have no arguments. */
  protected override counted(buffer: Buffer, start: number, end: number) {
    const hasNoArguments = wordsAlone.some(
      (verb) => buffer.toString('latin1', start, start + verb.length).toLowerCase() === verb,
    );
    if (hasNoArguments) return {verbEnd: start + 4, argumentStart: end};
    let verbEnd = start;
    while (verbEnd < Math.min(end, start + verbBytesMax) && !isBlank(buffer[verbEnd])) verbEnd += 1;
    return {verbEnd: Math.min(end, verbEnd + 1), argumentStart: this.#skipBlanks(buffer, verbEnd, end)};
  }

  protected override checkPrefix(buffer: Buffer, start: number, end: number): void {
    this.#checkConnectFirst(buffer, start);
    if (!isVerbPrefix(buffer, {start, end}, verbs)) throw unknownOperation(buffer, start, end);
  }

  protected override line(buffer: Buffer, start: number, end: number): number {
    const first = buffer[start] ?? 0;
    // The one line a broker reads millions of times a second.
    if (
      first === upperP &&
      buffer[start + 1] === 85 &&
      buffer[start + 2] === 66 &&
      buffer[start + 3] === 32 &&
      !this.isConnectRequired &&
      end - start > 4
    ) {
      return this.#publish(buffer, start + 4, end);
    }
    return this.#otherLine(buffer, start, end);
  }

  protected override body(buffer: Buffer, lineStart: number, start: number, end: number): void {
    // The offsets of the line are known from `line`, which saw this same buffer last.
    this.buffer = buffer;
    this.payloadStart = start;
    this.payloadEnd = end;
    // A line that ends with a bare LF cannot be sent on as it is.
    if (buffer[start - 2] !== 13 || lineStart < 0) this.isTailCanonical = false;
    this.#handler.onPublish(this);
  }

  #checkConnectFirst(buffer: Buffer, start: number): void {
    if (!this.isConnectRequired) return;
    const first = (buffer[start] ?? 0) | 0x20;
    if (first !== 99) throw new WireError('ERR_WIRE_CONNECT_FIRST', 'Cannot accept an operation before CONNECT');
  }

  #otherLine(buffer: Buffer, start: number, end: number): number {
    this.#checkConnectFirst(buffer, start);
    if (!isVerbPrefix(buffer, {start, end}, verbs)) throw unknownOperation(buffer, start, end);
    const length = end - start;
    const second = (buffer[start + 1] ?? 0) | 0x20;
    switch ((buffer[start] ?? 0) | 0x20) {
      case 112:
        if (second === 117) return this.#publish(buffer, this.#verbEnd(buffer, start, {length: 3, end}), end);
        if (length < 4) break;
        if (second === 105) this.#handler.onPing();
        else this.#handler.onPong();
        return -1;
      case 104:
        return this.#publishWithHeaders(buffer, this.#verbEnd(buffer, start, {length: 4, end}), end);
      case 115:
        this.#subscribe(buffer, this.#verbEnd(buffer, start, {length: 3, end}), end);
        return -1;
      case 117:
        this.#unsubscribe(buffer, this.#verbEnd(buffer, start, {length: 5, end}), end);
        return -1;
      case 99:
        if (length < 7) break;
        this.#connect(buffer, start + 7, end);
        return -1;
      case 0x2b | 0x20:
        if (length < 3) break;
        return -1;
      case 0x2d | 0x20:
        this.checkLineLength(this.#skipBlanks(buffer, this.#verbEnd(buffer, start, {length: 4, end}), end), end);
        throw new WireError('ERR_WIRE_PEER_ERROR', 'Cannot go on: the client reported an error');
      case 105:
        if (length < 4) break;
        this.#info(buffer, start + 4, end);
        return -1;
      default:
        break;
    }
    throw unknownOperation(buffer, start, end);
  }

  /** The place after the verb, which a blank must follow. */
  #verbEnd(buffer: Buffer, start: number, verb: {readonly length: number; readonly end: number}): number {
    const place = start + verb.length;
    if (place >= verb.end || !isBlank(buffer[place])) throw unknownOperation(buffer, start, verb.end);
    return place;
  }

  #skipBlanks(buffer: Buffer, from: number, end: number): number {
    let start = from;
    while (start < end && isBlank(buffer[start])) start += 1;
    return start;
  }

  #publish(buffer: Buffer, from: number, end: number): number {
    let position = from;
    while (position < end && isBlank(buffer[position])) position += 1;
    this.checkLineLength(position, end);
    this.subjectStart = position;
    let hash = 0;
    let byte = 0;
    for (; position < end; position += 1) {
      byte = buffer[position] as number;
      if (byte === 32 || byte === 9) break;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    this.subjectEnd = position;
    this.subjectHash = hash;
    let canonical = byte === 32;
    position += 1;
    if (position < end && isBlank(buffer[position])) canonical = false;
    while (position < end && isBlank(buffer[position])) position += 1;
    let tokenStart = position;
    while (position < end && !isBlank(buffer[position])) position += 1;
    let tokenEnd = position;
    this.replyStart = -1;
    this.replyEnd = -1;
    if (position < end) {
      if (buffer[position] === 9 || isBlank(buffer[position + 1])) canonical = false;
      while (position < end && isBlank(buffer[position])) position += 1;
      if (position < end) {
        this.replyStart = tokenStart;
        this.replyEnd = tokenEnd;
        tokenStart = position;
        while (position < end && !isBlank(buffer[position])) position += 1;
        tokenEnd = position;
        if (position < end) {
          canonical = false;
          while (position < end && isBlank(buffer[position])) position += 1;
          if (position < end) throw wrongArguments('PUB', 'a subject, at most one reply subject, and a size');
        }
      } else {
        canonical = false;
      }
    }
    this.headerBytes = -1;
    this.sizeStart = tokenStart;
    this.sizeEnd = tokenEnd;
    this.isTailCanonical = canonical;
    const size = parseSize(buffer, tokenStart, tokenEnd);
    if (size < 0) throw wrongArguments('PUB', 'a size of digits');
    if (size > this.#payloadBytesMax) throw tooLarge(size, this.#payloadBytesMax);
    return size;
  }

  #publishWithHeaders(buffer: Buffer, from: number, end: number): number {
    this.checkLineLength(this.#skipBlanks(buffer, from, end), end);
    if (!this.areHeadersAllowed) throw wrongArguments('HPUB', 'a connection that announced headers in CONNECT');
    const places = splitPlaces(buffer, from, end);
    const count = places.length / 2;
    if (count !== 3 && count !== 4) throw wrongArguments('HPUB', 'a subject, at most one reply subject, and two sizes');
    const at = (index: number): number => places[index] ?? 0;
    this.subjectStart = at(0);
    this.subjectEnd = at(1);
    this.subjectHash = hashBytes(buffer, this.subjectStart, this.subjectEnd);
    this.replyStart = count === 4 ? at(2) : -1;
    this.replyEnd = count === 4 ? at(3) : -1;
    const sizes = count === 4 ? 4 : 2;
    const headerBytes = parseSize(buffer, at(sizes), at(sizes + 1));
    const total = parseSize(buffer, at(sizes + 2), at(sizes + 3));
    if (headerBytes < 0 || total < 0) throw wrongArguments('HPUB', 'sizes of digits');
    if (headerBytes > total) throw wrongArguments('HPUB', 'headers not larger than the whole');
    if (total > this.#payloadBytesMax) throw tooLarge(total, this.#payloadBytesMax);
    this.headerBytes = headerBytes;
    this.sizeStart = at(sizes);
    this.sizeEnd = at(sizes + 3);
    let canonical = this.sizeEnd === end;
    for (let index = 1; index < places.length - 1; index += 2) {
      if (at(index + 1) - at(index) !== 1 || buffer[at(index)] !== 32) canonical = false;
    }
    this.isTailCanonical = canonical;
    return total;
  }

  #subscribe(buffer: Buffer, from: number, end: number): void {
    this.checkLineLength(this.#skipBlanks(buffer, from, end), end);
    const parts = splitArguments(buffer, from, end);
    const [subject, second, third] = parts;
    if (parts.length === 2 && subject !== undefined && second !== undefined) {
      this.#handler.onSubscribe({subject, queue: undefined, sid: second});
    } else if (parts.length === 3 && subject !== undefined && third !== undefined) {
      this.#handler.onSubscribe({subject, queue: second, sid: third});
    } else {
      throw wrongArguments('SUB', 'a subject, at most one queue group, and a subscription id');
    }
  }

  #unsubscribe(buffer: Buffer, from: number, end: number): void {
    this.checkLineLength(this.#skipBlanks(buffer, from, end), end);
    const parts = splitArguments(buffer, from, end);
    const [sid, max] = parts;
    if (sid === undefined || parts.length > 2)
      throw wrongArguments('UNSUB', 'a subscription id and at most one number');
    const count = max === undefined ? undefined : Number(/^\d{1,9}$/.test(max) ? max : 0);
    this.#handler.onUnsubscribe(sid, count);
  }

  #connect(buffer: Buffer, from: number, end: number): void {
    const start = this.#skipBlanks(buffer, from, end);
    this.checkLineLength(start, end);
    this.#handler.onConnect(buffer.subarray(start, end));
  }

  /** Means nothing from a client, and is read nevertheless. */
  #info(buffer: Buffer, from: number, end: number): void {
    const start = this.#skipBlanks(buffer, from, end);
    this.checkLineLength(start, end);
    if (!isJsonObject(buffer.toString('utf8', start, end))) throw wrongArguments('INFO', 'a JSON object');
  }
}

const emptyBuffer = Buffer.alloc(0);

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** Starts and ends of the arguments, alternating. */
function splitPlaces(buffer: Buffer, start: number, end: number): number[] {
  const result: number[] = [];
  let position = start;
  while (position < end) {
    while (position < end && isBlank(buffer[position])) position += 1;
    const from = position;
    while (position < end && !isBlank(buffer[position])) position += 1;
    if (position > from) result.push(from, position);
  }
  return result;
}

/** The same hash that a publish line is given. */
export function hashBytes(buffer: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let position = start; position < end; position += 1) {
    hash = (Math.imul(hash, 31) + (buffer[position] ?? 0)) | 0;
  }
  return hash;
}

/** -1 when it is not a size. */
export function parseSize(buffer: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length <= 0 || length > wireLimits.sizeDigitsMax) return -1;
  let size = 0;
  for (let position = start; position < end; position += 1) {
    const digit = (buffer[position] ?? 0) - 48;
    if (digit < 0 || digit > 9) return -1;
    size = size * 10 + digit;
  }
  return size;
}

function wrongArguments(verb: string, wanted: string): WireError {
  return new WireError('ERR_WIRE_ARGUMENTS', `Cannot read the arguments of ${verb}: expected ${wanted}`);
}

function tooLarge(size: number, limit: number): WireError {
  return new WireError(
    'ERR_WIRE_PAYLOAD_TOO_LARGE',
    `Cannot accept a message of ${size} bytes: expected at most ${limit}`,
    {
      details: {size, limit},
    },
  );
}
