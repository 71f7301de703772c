/**
 * Joins everything written in one turn into few writes.
 *
 * A socket write costs as much as sixty small messages; so messages are put one behind another into one buffer that is handed to the
 * stream at the end of the turn, or when it is full. An idle connection holds no buffer.
 */
import type {ByteStream} from '../lib/network.ts';
import {connectLimits} from './limits.ts';

const lineEnd = Buffer.from('\r\n');

export class Outbox {
  readonly #stream: ByteStream;
  #chunk: Buffer | undefined;
  #used = 0;
  #nextSize: number = connectLimits.writeChunkBytes;
  #scheduled = false;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  get queuedBytes(): number {
    return this.#stream.queuedBytes + this.#used;
  }

  /** A line without its end, and when given a payload behind it with its own line end. */
  add(line: string, headers?: Uint8Array, payload?: Uint8Array): void {
    const bodyBytes = payload === undefined ? 0 : payload.length + (headers?.length ?? 0) + 2;
    // Three bytes for each UTF-16 unit is the most that UTF-8 takes.
    const needed = line.length * 3 + 2 + bodyBytes;
    if (needed > connectLimits.writeChunkBytesMax) {
      this.#addLarge(line, headers, payload);
      return;
    }
    const chunk = this.#room(needed);
    let at = this.#used;
    at += chunk.write(line, at);
    chunk[at++] = 13;
    chunk[at++] = 10;
    if (payload !== undefined) {
      if (headers !== undefined) {
        chunk.set(headers, at);
        at += headers.length;
      }
      chunk.set(payload, at);
      at += payload.length;
      chunk[at++] = 13;
      chunk[at++] = 10;
    }
    this.#used = at;
    this.#schedule();
  }

  addBytes(bytes: Uint8Array): void {
    if (bytes.length > connectLimits.writeChunkBytesMax) {
      this.flush();
      this.#stream.write(bytes);
      return;
    }
    const chunk = this.#room(bytes.length);
    chunk.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#schedule();
  }

  flush(): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    this.#chunk = undefined;
    const used = this.#used;
    this.#used = 0;
    if (used > 0) this.#stream.write(chunk.subarray(0, used));
  }

  #addLarge(line: string, headers: Uint8Array | undefined, payload: Uint8Array | undefined): void {
    this.flush();
    this.#stream.write(Buffer.from(`${line}\r\n`));
    if (payload === undefined) return;
    if (headers !== undefined) this.#stream.write(headers);
    // Copied: the caller may use its buffer again once publish has returned.
    this.#stream.write(Buffer.from(payload));
    this.#stream.write(lineEnd);
  }

  #room(needed: number): Buffer {
    if (this.#chunk !== undefined && this.#chunk.length - this.#used >= needed) return this.#chunk;
    if (this.#chunk !== undefined) {
      this.flush();
      // More than one chunk a turn: the next ones are larger.
      this.#nextSize = Math.min(this.#nextSize * 2, connectLimits.writeChunkBytesMax);
    }
    this.#chunk = Buffer.allocUnsafe(Math.max(this.#nextSize, needed));
    this.#used = 0;
    return this.#chunk;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
