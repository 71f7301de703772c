/**
 * The bytes on their way to each connection.
 *
 * While a chunk of one connection is handled, what it causes for others is collected in a few large buffers, one for each recipient, and
 * handed over when the chunk is done. A broadcast to thousands does not take thousands of buffers: the oldest are handed over first.
 */
import type {ByteStream} from '../../lib/network.ts';
import {engineLimits} from '../limits.ts';

/** Below this many bytes a loop is faster than a call of the native copy. */
const loopBytesMax = 64;

export interface OutputOwner {
  readonly stream: ByteStream;
  /** Called after bytes were handed over. */
  onHandedOver(): void;
}

export class OutputPool {
  readonly #free: Buffer[] = [];
  #dirty: Output[] = [];
  /** Entries of `#dirty` before this were handed over early. */
  #first = 0;
  #isScheduled = false;
  readonly #run = (): void => this.flushAll();

  /** A buffer for an output that has begun to collect. */
  take(output: Output): Buffer {
    if (this.#dirty.length - this.#first >= engineLimits.outputBuffersMax) {
      this.#dirty[this.#first]?.flush();
      this.#first += 1;
    }
    this.#dirty.push(output);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(this.#run);
    }
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(engineLimits.outputBufferBytes);
  }

  give(buffer: Buffer): void {
    if (this.#free.length < engineLimits.outputBuffersMax) this.#free.push(buffer);
  }

  flushAll(): void {
    this.#isScheduled = false;
    const dirty = this.#dirty;
    const first = this.#first;
    this.#dirty = [];
    this.#first = 0;
    for (let index = first; index < dirty.length; index += 1) dirty[index]?.flush();
  }
}

export class Output {
  #buffer: Buffer | undefined = undefined;
  #length = 0;
  /** Buffers handed over that the system has not taken yet. */
  #lent: Buffer[] | undefined = undefined;
  readonly #owner: OutputOwner;
  readonly #pool: OutputPool;

  constructor(owner: OutputOwner, pool: OutputPool) {
    this.#owner = owner;
    this.#pool = pool;
  }

  /** Bytes collected and not handed over. */
  get collectedBytes(): number {
    return this.#length;
  }

  write(data: Buffer): void {
    const buffer = this.#room(data.length);
    if (buffer === undefined) {
      this.#owner.stream.write(data);
      this.#owner.onHandedOver();
      return;
    }
    this.#length = copyBytes(data, {start: 0, end: data.length}, buffer, this.#length);
  }

  /** `head`, the sid, and `source[tailStart..tailEnd)`: one message. */
  writeMessage(head: Buffer, sid: string, source: Buffer, tailStart: number, tailEnd: number): void {
    const needed = head.length + sid.length + tailEnd - tailStart;
    const buffer = this.#room(needed);
    if (buffer === undefined) {
      const {stream} = this.#owner;
      stream.write(Buffer.concat([head, Buffer.from(sid, 'latin1')]));
      stream.write(source.subarray(tailStart, tailEnd));
      this.#owner.onHandedOver();
      return;
    }
    let at = this.#length;
    const headLength = head.length;
    if (headLength <= loopBytesMax) {
      for (let index = 0; index < headLength; index += 1) buffer[at + index] = head[index] as number;
      at += headLength;
    } else {
      at += head.copy(buffer, at);
    }
    for (let index = 0; index < sid.length; index += 1) {
      buffer[at] = sid.charCodeAt(index);
      at += 1;
    }
    if (tailEnd - tailStart <= loopBytesMax) {
      for (let index = tailStart; index < tailEnd; index += 1) {
        buffer[at] = source[index] as number;
        at += 1;
      }
    } else {
      at += source.copy(buffer, at, tailStart, tailEnd);
    }
    this.#length = at;
  }

  /** Hands what was collected to the stream. */
  flush(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    const length = this.#length;
    this.#buffer = undefined;
    this.#length = 0;
    const {stream} = this.#owner;
    if (length >= engineLimits.handOverBytes) {
      stream.onDrain ??= () => this.#reclaim();
      stream.write(buffer.subarray(0, length));
      // The system usually takes all at once, and the buffer is free again; else it comes back when the stream has drained.
      if (stream.flush() === 0) this.#pool.give(buffer);
      else this.#lend(buffer);
    } else if (length > 0) {
      const copy = Buffer.allocUnsafe(length);
      buffer.copy(copy, 0, 0, length);
      this.#pool.give(buffer);
      stream.write(copy);
    } else {
      this.#pool.give(buffer);
    }
    this.#owner.onHandedOver();
  }

  /** A stream that is never empty must not hold on to ever more buffers: beyond a few they are left to the garbage collector. */
  #lend(buffer: Buffer): void {
    this.#lent ??= [];
    if (this.#lent.length < engineLimits.lentBuffersMax) this.#lent.push(buffer);
  }

  #reclaim(): void {
    const lent = this.#lent;
    if (lent === undefined || this.#owner.stream.queuedBytes > 0) return;
    this.#lent = undefined;
    for (const buffer of lent) this.#pool.give(buffer);
  }

  /** Throws what was collected away. */
  drop(): void {
    if (this.#buffer !== undefined) this.#pool.give(this.#buffer);
    this.#buffer = undefined;
    this.#length = 0;
  }

  /** A buffer with room for so many bytes at `#length`; undefined when they are too many to copy. */
  #room(needed: number): Buffer | undefined {
    if (needed > engineLimits.copyBytesMax) {
      this.flush();
      return undefined;
    }
    let buffer = this.#buffer;
    if (buffer !== undefined && this.#length + needed > buffer.length) {
      this.flush();
      buffer = undefined;
    }
    if (buffer === undefined) {
      buffer = this.#pool.take(this);
      this.#buffer = buffer;
    }
    return buffer;
  }
}

function copyBytes(source: Buffer, range: {readonly start: number; readonly end: number}, target: Buffer, at: number) {
  let place = at;
  if (range.end - range.start > loopBytesMax) return at + source.copy(target, at, range.start, range.end);
  for (let index = range.start; index < range.end; index += 1) {
    target[place] = source[index] as number;
    place += 1;
  }
  return place;
}
