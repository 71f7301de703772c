/**
 * A disk in memory that can be full, fail, be slow, and lose at a power cut what was not synced.
 *
 * It belongs to a host and outlives its processes. Paths are absolute POSIX paths; directories exist once something lies in them.
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

  /** What was appended and not synced is lost; the tail may be torn anywhere. */
  cutPower(): void {
    for (const stored of this.#files.values()) {
      const unsynced = stored.data.length - stored.syncedBytes;
      if (unsynced <= 0) continue;
      const kept = stored.syncedBytes + this.#random.integer(0, unsynced);
      stored.data = stored.data.subarray(0, kept);
      stored.syncedBytes = kept;
    }
  }

  /**
   * The disk as a process sees it.
   *
   * @param wait  resolves when the operation may happen; never for a process that has been killed
   */
  files(options: {readonly wait: () => Promise<void>; readonly nowMs: () => number}): Files {
    const {wait, nowMs} = options;
    return {
      read: async (path, {limitBytes}) => {
        await wait();
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
      },
      openAppend: async (path, {mode}) => {
        await wait();
        this.#checkWriting(path);
        if (!this.#files.has(path)) this.#store(path, Buffer.alloc(0), {mode, nowMs: nowMs()});
        return this.#appendHandle(path, {wait, nowMs});
      },
      stat: async (path) => this.#stat(path, wait),
      lstat: async (path) => this.#stat(path, wait),
      list: async (path) => {
        await wait();
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
        const stored = this.#file(from);
        this.#addParents(to);
        this.#files.set(to, stored);
        this.#files.delete(from);
      },
      remove: async (path, removing) => {
        await wait();
        this.#remove(path, removing?.recursive === true);
      },
      realPath: async (path) => {
        await wait();
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
        this.#checkWriting(path);
        stored.data = Buffer.concat([stored.data, data]);
        stored.modifiedAtMs = options.nowMs();
      },
      sync: async () => {
        await options.wait();
        this.#checkWriting(path);
        stored.syncedBytes = stored.data.length;
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
    if (this.#files.delete(path)) return;
    if (!this.#directories.has(path)) throw failure('ENOENT', path);
    if (!recursive) throw failure('EISDIR', path);
    for (const item of this.#files.keys()) if (item.startsWith(`${path}/`)) this.#files.delete(item);
    for (const item of this.#directories)
      if (item === path || item.startsWith(`${path}/`)) this.#directories.delete(item);
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
