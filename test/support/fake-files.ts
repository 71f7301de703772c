/**
 * A disk in memory, with faults on demand.
 *
 *     const files = new FakeFiles({'/etc/choria/client.conf': 'loglevel = debug\n'});
 *     files.fault = (operation, path) => operation === 'append' ? systemError('ENOSPC', path) : undefined;
 *
 * Directories exist as soon as something lies in them. Paths are absolute POSIX paths.
 */
import type {AppendHandle, DirectoryEntry, FileInfo, Files} from '../../src/lib/platform.ts';

export type FileOperation =
  | 'read'
  | 'writeAtomic'
  | 'openAppend'
  | 'append'
  | 'sync'
  | 'stat'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'realPath';

interface StoredFile {
  data: Buffer;
  readonly mode: number;
  modifiedAtMs: number;
}

/** An error as the system gives it. */
export function systemError(code: string, path: string): NodeJS.ErrnoException {
  const texts: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    ENOSPC: 'no space left on device',
    EISDIR: 'illegal operation on a directory',
    EEXIST: 'file already exists',
    ENOTEMPTY: 'directory not empty',
    EFBIG: 'file is too large',
    EROFS: 'read-only file system',
  };
  return Object.assign(new Error(`${code}: ${texts[code] ?? 'input/output error'}, '${path}'`), {code, path});
}

export class FakeFiles implements Files {
  readonly #files = new Map<string, StoredFile>();
  readonly #directories = new Set<string>(['/']);
  #temporaryCount = 0;
  readonly #nowMs: () => number;

  /** Asked before each operation; an error given back is thrown instead of doing it. */
  fault: ((operation: FileOperation, path: string) => Error | undefined) | undefined;

  /** An append takes so many bytes and then finds the disk full. */
  partialBytes: number | undefined;

  constructor(
    contents: Readonly<Record<string, string | Uint8Array>> = {},
    options: {readonly nowMs?: () => number} = {},
  ) {
    this.#nowMs = options.nowMs ?? (() => 0);
    for (const [path, data] of Object.entries(contents)) this.put(path, data);
  }

  /** Puts a file there, directories included. */
  put(path: string, data: string | Uint8Array, options: {readonly mode?: number} = {}): void {
    this.#addParents(path);
    this.#files.set(path, {data: Buffer.from(data), mode: options.mode ?? 0o644, modifiedAtMs: this.#nowMs()});
  }

  putDirectory(path: string): void {
    this.#addParents(path);
    this.#directories.add(path);
  }

  /** The text of a file; undefined when there is none. */
  text(path: string): string | undefined {
    return this.#files.get(path)?.data.toString('utf8');
  }

  /** Every file's path, sorted. */
  get paths(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  async read(path: string, options: {readonly limitBytes: number}): Promise<Buffer> {
    this.#check('read', path);
    if (this.#directories.has(path)) throw systemError('EISDIR', path);
    const {data} = this.#file(path);
    if (data.length > options.limitBytes) throw systemError('EFBIG', path);
    return Buffer.from(data);
  }

  async writeAtomic(path: string, data: string | Uint8Array, options: {readonly mode: number}): Promise<void> {
    this.#check('writeAtomic', path);
    if (!this.#directories.has(parentOf(path))) throw systemError('ENOENT', path);
    this.put(path, data, options);
  }

  async openAppend(path: string, options: {readonly mode: number}): Promise<AppendHandle> {
    this.#check('openAppend', path);
    if (!this.#directories.has(parentOf(path))) throw systemError('ENOENT', path);
    if (!this.#files.has(path)) this.put(path, '', options);
    const file = this.#file(path);
    return {
      append: async (data) => {
        this.#check('append', path);
        const taken = data.subarray(0, this.partialBytes ?? data.length);
        file.data = Buffer.concat([file.data, taken]);
        if (taken.length < data.length) throw systemError('ENOSPC', path);
        file.modifiedAtMs = this.#nowMs();
      },
      sync: async () => this.#check('sync', path),
      close: async () => undefined,
    };
  }

  async stat(path: string): Promise<FileInfo> {
    this.#check('stat', path);
    const common = {uid: 0, modifiedAtMs: 0};
    if (this.#directories.has(path)) return {...common, kind: 'directory', sizeBytes: 0, mode: 0o755};
    const file = this.#file(path);
    return {...common, kind: 'file', sizeBytes: file.data.length, mode: file.mode, modifiedAtMs: file.modifiedAtMs};
  }

  lstat(path: string): Promise<FileInfo> {
    return this.stat(path);
  }

  async list(path: string): Promise<DirectoryEntry[]> {
    this.#check('list', path);
    if (!this.#directories.has(path)) throw systemError('ENOENT', path);
    const entries = new Map<string, DirectoryEntry>();
    const add = (item: string, kind: 'file' | 'directory'): void => {
      if (item !== path && parentOf(item) === path)
        entries.set(item, {name: item.slice(item.lastIndexOf('/') + 1), kind});
    };
    for (const item of this.#files.keys()) add(item, 'file');
    for (const item of this.#directories) add(item, 'directory');
    return [...entries.values()];
  }

  async makeDirectory(path: string, options: {readonly mode: number; readonly recursive?: boolean}): Promise<void> {
    this.#check('makeDirectory', path);
    const exists = this.#directories.has(path) || this.#files.has(path);
    if (exists && options.recursive !== true) throw systemError('EEXIST', path);
    if (options.recursive !== true && !this.#directories.has(parentOf(path))) throw systemError('ENOENT', path);
    this.putDirectory(path);
  }

  async makeTempDirectory(prefix: string): Promise<string> {
    this.#temporaryCount += 1;
    const path = `/tmp/${prefix}${this.#temporaryCount}`;
    this.putDirectory(path);
    return path;
  }

  async rename(from: string, to: string): Promise<void> {
    this.#check('rename', from);
    if (this.#directories.has(from)) {
      this.#renameDirectory(from, to);
      return;
    }
    const file = this.#file(from);
    this.#files.delete(from);
    this.#addParents(to);
    this.#files.set(to, file);
  }

  /** Over an empty directory or none, as the system allows it. */
  #renameDirectory(from: string, to: string): void {
    const inside = (item: string): boolean => item.startsWith(`${to}/`);
    if (this.#files.has(to)) throw systemError('ENOTDIR', to);
    if ([...this.#files.keys(), ...this.#directories].some(inside)) throw systemError('ENOTEMPTY', to);
    this.#addParents(to);
    const moved = (item: string): string => `${to}${item.slice(from.length)}`;
    for (const item of [...this.#directories].filter((path) => path === from || path.startsWith(`${from}/`))) {
      this.#directories.delete(item);
      this.#directories.add(moved(item));
    }
    for (const [item, file] of [...this.#files].filter(([path]) => path.startsWith(`${from}/`))) {
      this.#files.delete(item);
      this.#files.set(moved(item), file);
    }
  }

  async remove(path: string, options: {readonly recursive?: boolean} = {}): Promise<void> {
    this.#check('remove', path);
    const inside = (item: string): boolean => item.startsWith(`${path}/`);
    if (this.#files.delete(path)) return;
    if (!this.#directories.has(path)) throw systemError('ENOENT', path);
    const children = [...this.#files.keys(), ...this.#directories].filter(inside);
    if (children.length > 0 && options.recursive !== true) throw systemError('ENOTEMPTY', path);
    for (const child of children) {
      this.#files.delete(child);
      this.#directories.delete(child);
    }
    this.#directories.delete(path);
  }

  async realPath(path: string): Promise<string> {
    this.#check('realPath', path);
    if (!this.#directories.has(path)) this.#file(path);
    return path;
  }

  #file(path: string): StoredFile {
    const file = this.#files.get(path);
    if (!file) throw systemError('ENOENT', path);
    return file;
  }

  #check(operation: FileOperation, path: string): void {
    const error = this.fault?.(operation, path);
    if (error) throw error;
  }

  #addParents(path: string): void {
    for (let parent = parentOf(path); parent !== '/'; parent = parentOf(parent)) this.#directories.add(parent);
  }
}

function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at <= 0 ? '/' : path.slice(0, at);
}
