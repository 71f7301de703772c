/**
 * A disk in memory that can be full, fail, be slow, flip bits, and lose at a power cut what was not synced.
 *
 * It belongs to a host and outlives its processes. Paths are absolute POSIX paths; directories exist once something lies in them.
 *
 * A power cut is as hard as a journalling file system allows: appended bytes that were not synced may be gone, torn anywhere, or be there
 * as zeros; new names, renames and removals come back in the order in which they were made, as far as the journal had come. Every
 * sync takes the journal along, as on ext4 and XFS.
 */
import type {AppendHandle, DirectoryEntry, FileInfo, Files} from '../lib/platform.ts';
import type {SimRandom} from './random.ts';

interface Stored {
  data: Buffer;
  /** How many bytes of `data` survive a power cut. */
  syncedBytes: number;
  mode: number;
  modifiedAtMs: number;
}

const texts: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'file already exists',
  EFBIG: 'file is too large',
  EIO: 'input/output error',
  EISDIR: 'illegal operation on a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTEMPTY: 'directory not empty',
};

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${texts[code] ?? 'failed'}, '${path}'`), {code, path});
}

export class SimDisk {
  readonly #files = new Map<string, Stored>();
  readonly #directories = new Set<string>(['/', '/tmp']);
  readonly #random: SimRandom;
  #temporary = 0;
  /** Every write fails with `ENOSPC`. */
  isFull = false;
  /** Every operation fails with `EIO`. */
  isBroken = false;
  /** Undoes what was done to names since the last sync, oldest first. */
  #journal: (() => void)[] = [];

  constructor(random: SimRandom) {
    this.#random = random;
  }

  /** Puts a file there, synced, as somebody who set the machine up. */
  put(path: string, data: string | Uint8Array, mode = 0o600): void {
    this.#store(path, Buffer.from(data), {mode, nowMs: 0});
  }

  text(path: string): string | undefined {
    return this.#files.get(path)?.data.toString('utf8');
  }

  /** What was not synced is lost, half written, or there: see above. */
  cutPower(): void {
    const kept = this.#random.chance(0.5) ? 0 : this.#random.integer(0, this.#journal.length);
    for (const undo of this.#journal.splice(kept).reverse()) undo();
    this.#journal = [];
    for (const stored of this.#files.values()) {
      const unsynced = stored.data.length - stored.syncedBytes;
      if (unsynced <= 0) continue;
      const written = this.#random.chance(0.5) ? 0 : this.#random.integer(0, unsynced);
      const whole = stored.data.subarray(0, stored.syncedBytes + written);
      // The length may have come further than the bytes.
      const zeros = this.#random.chance(0.2) ? this.#random.integer(0, unsynced - written) : 0;
      stored.data = Buffer.concat([whole, Buffer.alloc(zeros)]);
      stored.syncedBytes = stored.data.length;
    }
  }

  /** Changes one bit of a file; false when it has none. */
  flipBit(path: string): boolean {
    const stored = this.#files.get(path);
    if (stored === undefined || stored.data.length === 0) return false;
    const at = this.#random.integer(0, stored.data.length - 1);
    stored.data = Buffer.from(stored.data);
    stored.data[at] = (stored.data[at] ?? 0) ^ (1 << this.#random.integer(0, 7));
    return true;
  }

  /** Paths of files below a directory, in order. */
  paths(below: string): readonly string[] {
    return [...this.#files.keys()].filter((path) => path.startsWith(`${below}/`)).sort();
  }

  /**
   * The disk as a process sees it.
   *
   * @param options.wait  resolves when the operation may happen; never for a process that has been killed
   * @param options.waitToRead  the same for what changes nothing; absent: as `wait`
   */
  files(options: {
    readonly wait: () => Promise<void>;
    readonly waitToRead?: () => Promise<void>;
    readonly nowMs: () => number;
  }): Files {
    const {wait, waitToRead = wait, nowMs} = options;
    return {
      read: async (path, {limitBytes}) => {
        await waitToRead();
        this.#checkReading(path);
        if (this.#directories.has(path)) throw failure('EISDIR', path);
        const {data} = this.#file(path);
        if (data.length > limitBytes) throw failure('EFBIG', path);
        return Buffer.from(data);
      },
      writeAtomic: async (path, data, {mode}) => {
        await wait();
        this.#checkWriting(path);
        this.#store(path, Buffer.from(data), {mode, nowMs: nowMs()});
        this.#journal = [];
      },
      openAppend: async (path, {mode}) => {
        await wait();
        this.#checkWriting(path);
        if (!this.#files.has(path)) {
          this.#store(path, Buffer.alloc(0), {mode, nowMs: nowMs()});
          this.#journal.push(() => this.#files.delete(path));
        }
        return this.#appendHandle(path, {wait, nowMs});
      },
      stat: async (path) => this.#stat(path, waitToRead),
      lstat: async (path) => this.#stat(path, waitToRead),
      list: async (path) => {
        await waitToRead();
        return this.#list(path);
      },
      makeDirectory: async (path, {recursive}) => {
        await wait();
        if (this.#exists(path)) {
          if (recursive !== true) throw failure('EEXIST', path);
          return;
        }
        this.#checkWriting(path);
        this.#addParents(`${path}/x`);
      },
      makeTempDirectory: async (prefix) => {
        await wait();
        this.#temporary += 1;
        const path = `/tmp/${prefix}${this.#temporary}`;
        this.#addParents(`${path}/x`);
        return path;
      },
      rename: async (from, to) => {
        await wait();
        this.#checkWriting(to);
        this.#rename(from, to);
      },
      remove: async (path, removing) => {
        await wait();
        this.#remove(path, removing?.recursive === true);
      },
      realPath: async (path) => {
        await waitToRead();
        if (!this.#exists(path)) throw failure('ENOENT', path);
        return path;
      },
    };
  }

  #appendHandle(
    path: string,
    options: {readonly wait: () => Promise<void>; readonly nowMs: () => number},
  ): AppendHandle {
    const stored = this.#file(path);
    return {
      append: async (data) => {
        await options.wait();
        if (this.isBroken) throw failure('EIO', path);
        // The last free block takes what fits; the rest is refused.
        const fits = this.isFull ? this.#random.integer(0, data.length - 1) : data.length;
        stored.data = Buffer.concat([stored.data, data.subarray(0, fits)]);
        stored.modifiedAtMs = options.nowMs();
        if (fits < data.length) throw failure('ENOSPC', path);
      },
      sync: async () => {
        await options.wait();
        this.#checkWriting(path, {freesSpace: true});
        stored.syncedBytes = stored.data.length;
        this.#journal = [];
      },
      close: async () => options.wait(),
    };
  }

  async #stat(path: string, wait: () => Promise<void>): Promise<FileInfo> {
    await wait();
    this.#checkReading(path);
    if (this.#directories.has(path)) return {kind: 'directory', sizeBytes: 0, modifiedAtMs: 0, mode: 0o700, uid: 0};
    const stored = this.#file(path);
    return {kind: 'file', sizeBytes: stored.data.length, modifiedAtMs: stored.modifiedAtMs, mode: stored.mode, uid: 0};
  }

  #list(path: string): DirectoryEntry[] {
    this.#checkReading(path);
    if (!this.#directories.has(path)) throw failure('ENOENT', path);
    const names = new Map<string, DirectoryEntry>();
    const add = (item: string, kind: 'file' | 'directory'): void => {
      if (item !== path && parentOf(item) === path) {
        const name = item.slice(item.lastIndexOf('/') + 1);
        names.set(name, {name, kind});
      }
    };
    for (const item of this.#files.keys()) add(item, 'file');
    for (const item of this.#directories) add(item, 'directory');
    return [...names.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #remove(path: string, recursive: boolean): void {
    this.#checkWriting(path, {freesSpace: true});
    const stored = this.#files.get(path);
    if (stored !== undefined) {
      this.#files.delete(path);
      this.#journal.push(() => this.#files.set(path, stored));
      return;
    }
    if (!this.#directories.has(path)) throw failure('ENOENT', path);
    if (!recursive && this.#list(path).length > 0) throw failure('ENOTEMPTY', path);
    const files = [...this.#files].filter(([item]) => item.startsWith(`${path}/`));
    const directories = [...this.#directories].filter((item) => item === path || item.startsWith(`${path}/`));
    for (const [item] of files) this.#files.delete(item);
    for (const item of directories) this.#directories.delete(item);
    this.#journal.push(() => {
      for (const item of directories) this.#directories.add(item);
      for (const [item, content] of files) this.#files.set(item, content);
    });
  }

  /** A file, or a directory with everything in it. */
  #rename(from: string, to: string): void {
    const moved = this.#directories.has(from)
      ? [...this.#files.keys()].filter((item) => item.startsWith(`${from}/`))
      : [from];
    const places = moved.map((item) => ({old: item, next: `${to}${item.slice(from.length)}`}));
    const isDirectory = this.#directories.has(from);
    const directories = [...this.#directories].filter((item) => isDirectory && `${item}/`.startsWith(`${from}/`));
    const taken = places.map(({old, next}) => ({old, next, stored: this.#file(old), before: this.#files.get(next)}));
    this.#addParents(to);
    for (const item of directories) {
      this.#directories.delete(item);
      this.#directories.add(`${to}${item.slice(from.length)}`);
    }
    for (const {old, next, stored} of taken) {
      this.#files.delete(old);
      this.#files.set(next, stored);
    }
    this.#journal.push(() => {
      for (const item of directories) {
        this.#directories.delete(`${to}${item.slice(from.length)}`);
        this.#directories.add(item);
      }
      for (const {old, next, stored, before} of taken) {
        if (before === undefined) this.#files.delete(next);
        else this.#files.set(next, before);
        this.#files.set(old, stored);
      }
    });
  }

  #store(path: string, data: Buffer, options: {readonly mode: number; readonly nowMs: number}): void {
    this.#addParents(path);
    this.#files.set(path, {data, syncedBytes: data.length, mode: options.mode, modifiedAtMs: options.nowMs});
  }

  #addParents(path: string): void {
    for (let parent = parentOf(path); !this.#directories.has(parent); parent = parentOf(parent))
      this.#directories.add(parent);
  }

  #exists(path: string): boolean {
    return this.#files.has(path) || this.#directories.has(path);
  }

  #file(path: string): Stored {
    const stored = this.#files.get(path);
    if (stored === undefined) throw failure('ENOENT', path);
    return stored;
  }

  #checkReading(path: string): void {
    if (this.isBroken) throw failure('EIO', path);
  }

  #checkWriting(path: string, options: {readonly freesSpace?: boolean} = {}): void {
    if (this.isBroken) throw failure('EIO', path);
    if (this.isFull && options.freesSpace !== true) throw failure('ENOSPC', path);
  }
}

function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at <= 0 ? '/' : path.slice(0, at);
}
