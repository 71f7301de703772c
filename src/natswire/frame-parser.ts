/**
 * Cuts a byte stream into NATS operations: control lines, some followed by a payload.
 *
 * Works over the chunks as the socket gives them and copies only what a chunk border cuts. However the stream is split, the same
 * operations come out. The base of `ServerParser` and `ClientParser`.
 */
import {WireError} from './errors.ts';

const lineFeed = 10;
const carriageReturn = 13;

export abstract class FrameParser {
  /** Longest arguments of a control line; the verb is not counted. */
  readonly #lineBytesMax: number;
  /** Start of a control line whose end has not come. */
  #rest: Buffer | undefined = undefined;
  /** A control line with its payload that has not come whole. */
  #frame: Buffer | undefined = undefined;
  #frameFilled = 0;
  #isSuspended = false;
  #isStopped = false;
  #held: Buffer[] = [];

  protected constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /**
   * Handles one control line, `buffer[start..end)` without its line end.
   *
   * @returns the bytes of payload that follow, or -1 when the operation is complete. Called again for the same line once the payload is
   * there, so a line with payload must have no effect by itself.
   */
  protected abstract line(buffer: Buffer, start: number, end: number): number;

  /** Handles a payload, `buffer[start..end)`, of the line seen last; the line began at `lineStart`. */
  protected abstract body(buffer: Buffer, lineStart: number, start: number, end: number): void;

  /**
   * The parts of a line's beginning that count: up to `verbEnd`, and from `argumentStart` on. What is between means nothing, however long it
   * is. Asked only for lines that are too long otherwise.
   */
  protected counted(
    _buffer: Buffer,
    start: number,
    _end: number,
  ): {readonly verbEnd: number; readonly argumentStart: number} {
    return {verbEnd: start + verbBytesMax, argumentStart: start + verbBytesMax};
  }

  /** Throws when these first bytes of a line cannot become an operation. */
  protected abstract checkPrefix(buffer: Buffer, start: number, end: number): void;

  /** Bytes waiting for the rest of their operation. */
  get bufferedBytes(): number {
    return (this.#rest?.length ?? 0) + this.#frameFilled + this.#held.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Takes nothing more, ever. */
  stop(): void {
    this.#isStopped = true;
    this.#rest = undefined;
    this.#frame = undefined;
    this.#frameFilled = 0;
    this.#held = [];
  }

  /** Holds everything after the operation being handled until `resume`. */
  suspend(): void {
    this.#isSuspended = true;
  }

  resume(): void {
    this.#isSuspended = false;
    const held = this.#held;
    this.#held = [];
    for (const chunk of held) this.push(chunk);
  }

  /**
   * Takes the next bytes of the stream. Views of `chunk` are handed out, so it must not be changed afterwards.
   *
   * @throws {WireError} when the stream cannot be understood; nothing more may be pushed then
   */
  push(chunk: Buffer): void {
    if (this.#isStopped) return;
    if (this.#isSuspended) {
      this.#held.push(chunk);
      return;
    }
    let position = 0;
    if (this.#frame !== undefined) position = this.#fillFrame(chunk, 0);
    else if (this.#rest !== undefined) position = this.#finishLine(chunk);
    if (position < chunk.length) this.#run(chunk, position);
  }

  #run(chunk: Buffer, from: number): void {
    const length = chunk.length;
    let position = from;
    while (position < length) {
      if (this.#isStopped) return;
      if (this.#isSuspended) {
        this.#held.push(chunk.subarray(position));
        return;
      }
      let lineEnd = position;
      while (lineEnd < length && chunk[lineEnd] !== lineFeed) lineEnd += 1;
      if (lineEnd === length) {
        this.#keepLine(chunk.subarray(position));
        return;
      }
      const end = lineEnd > position && chunk[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd;
      if (end - position > this.#lineBytesMax + verbBytesMax) this.#checkLong(chunk, position, end);
      const size = this.line(chunk, position, end);
      const bodyStart = lineEnd + 1;
      if (size < 0) {
        position = bodyStart;
        continue;
      }
      const bodyEnd = bodyStart + size;
      if (bodyEnd < length && chunk[bodyEnd] !== carriageReturn) throw brokenPayload();
      if (bodyEnd + 2 > length) {
        this.#frame = Buffer.allocUnsafe(bodyEnd + 2 - position);
        this.#frameFilled = 0;
        this.#fillFrame(chunk, position);
        return;
      }
      if (chunk[bodyEnd + 1] !== lineFeed) throw brokenPayload();
      this.body(chunk, position, bodyStart, bodyEnd);
      position = bodyEnd + 2;
    }
  }

  /** Copies towards the unfinished frame and handles it when whole. Returns where the chunk goes on. */
  #fillFrame(chunk: Buffer, from: number): number {
    const frame = this.#frame;
    if (frame === undefined) return from;
    const copied = chunk.copy(frame, this.#frameFilled, from);
    this.#frameFilled += copied;
    if (this.#frameFilled === frame.length - 1 && frame[frame.length - 2] !== carriageReturn) throw brokenPayload();
    if (this.#frameFilled === frame.length) {
      this.#frame = undefined;
      this.#frameFilled = 0;
      this.#run(frame, 0);
    }
    return from + copied;
  }

  /** Joins the line that a border cut. Returns where the chunk goes on. */
  #finishLine(chunk: Buffer): number {
    const rest = this.#rest;
    if (rest === undefined) return 0;
    const lineEnd = chunk.indexOf(lineFeed);
    if (lineEnd < 0) {
      this.#keepLine(Buffer.concat([rest, chunk]));
      return chunk.length;
    }
    this.#rest = undefined;
    this.#run(Buffer.concat([rest, chunk.subarray(0, lineEnd + 1)]), 0);
    const next = lineEnd + 1;
    if (next >= chunk.length) return next;
    if (this.#frame !== undefined) return this.#fillFrame(chunk, next);
    return next;
  }

  #keepLine(line: Buffer): void {
    this.checkPrefix(line, 0, line.length);
    // One more byte: it may be the CR of a line that is just short enough.
    if (line.length > this.#lineBytesMax + verbBytesMax + 1) {
      const {verbEnd, argumentStart} = this.counted(line, 0, line.length);
      if (line.length - argumentStart > this.#lineBytesMax + 1) throw lineTooLong(this.#lineBytesMax);
      this.#rest = Buffer.concat([line.subarray(0, verbEnd), line.subarray(argumentStart)]);
      return;
    }
    // A copy, so that a few bytes do not keep a whole chunk alive.
    this.#rest = Buffer.from(line);
  }

  /** The same whether the line came whole or in pieces: what is no operation is called so first. */
  #checkLong(buffer: Buffer, start: number, end: number): void {
    this.checkPrefix(buffer, start, end);
    this.checkLineLength(this.counted(buffer, start, end).argumentStart, end);
  }

  protected checkLineLength(start: number, end: number): void {
    if (end - start > this.#lineBytesMax) throw lineTooLong(this.#lineBytesMax);
  }
}

/** The longest verb is CONNECT, with its space. */
const verbBytesMax = 8;

function brokenPayload(): WireError {
  return new WireError(
    'ERR_WIRE_UNKNOWN_OPERATION',
    'Cannot read a message: its payload does not end where its size says, expected CRLF there',
  );
}

function lineTooLong(limit: number): WireError {
  return new WireError(
    'ERR_WIRE_CONTROL_LINE_TOO_LONG',
    `Cannot read a control line: it is longer than ${limit} bytes`,
    {details: {limit}},
  );
}

export function unknownOperation(buffer: Buffer, start: number, end: number): WireError {
  const text = buffer.toString('latin1', start, Math.min(end, start + 16));
  return new WireError(
    'ERR_WIRE_UNKNOWN_OPERATION',
    `Cannot read a control line: ${JSON.stringify(text)} does not begin with a NATS operation`,
  );
}

/** True when the bytes are a verb of `verbs` (lower case), or its beginning, in any case. */
export function isVerbPrefix(
  buffer: Buffer,
  range: {readonly start: number; readonly end: number},
  verbs: readonly string[],
): boolean {
  return verbs.some((verb) => {
    const length = Math.min(verb.length, range.end - range.start);
    for (let index = 0; index < length; index += 1) {
      const byte = buffer[range.start + index] ?? 0;
      const lower = byte >= 65 && byte <= 90 ? byte | 0x20 : byte;
      if (lower !== verb.charCodeAt(index)) return false;
    }
    return true;
  });
}

/** The arguments of a line, separated by spaces and tabs, as latin1 text: one character for each byte. */
export function splitArguments(buffer: Buffer, start: number, end: number): string[] {
  const result: string[] = [];
  let position = start;
  while (position < end) {
    while (position < end && isBreak(buffer[position])) position += 1;
    const from = position;
    while (position < end && !isBreak(buffer[position])) position += 1;
    if (position > from) result.push(buffer.toString('latin1', from, position));
  }
  return result;
}

/** A lone CR separates what a blank separates. */
function isBreak(byte: number | undefined): boolean {
  return isBlank(byte) || byte === carriageReturn;
}

export function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}
