/** The real disk. Edge file. */
import {randomBytes} from 'node:crypto';
import {constants, type Stats} from 'node:fs';
import {
  chown,
  type FileHandle,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import type {AppendHandle, DirectoryEntry, FileInfo, Files} from './platform.ts';

/** An error in the shape of the system's own, for refusals that the system does not know. */
export class FileError extends Error implements NodeJS.ErrnoException {
  readonly code: string;
  readonly path: string;

  constructor(code: string, path: string, text: string) {
    super(`${code}: ${text}, read '${path}'`);
    this.name = 'FileError';
    this.code = code;
    this.path = path;
  }
}

export function createNodeFiles(): Files {
  return {
    read,
    writeAtomic,
    openAppend,
    stat: async (path) => fileInfo(await stat(path)),
    lstat: async (path) => fileInfo(await lstat(path)),
    list,
    async makeDirectory(path, options) {
      await mkdir(path, {mode: options.mode, recursive: options.recursive ?? false});
    },
    makeTempDirectory: (prefix) => mkdtemp(join(tmpdir(), prefix)),
    rename,
    remove: (path, options = {}) => (options.recursive === true ? rm(path, {recursive: true}) : removeOne(path)),
    realPath: (path) => realpath(path),
    // -1 leaves the owner as it is.
    ...(process.platform === 'win32' ? {} : {changeGroup: (path, groupId) => chown(path, -1, groupId)}),
  };
}

async function removeOne(path: string): Promise<void> {
  const info = await lstat(path);
  // A directory is removed only when it is empty; rm would refuse it or take everything.
  if (info.isDirectory()) await rmdir(path);
  else await unlink(path);
}

function kindOf(entry: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): FileInfo['kind'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'symlink' : 'other';
}

function fileInfo(stats: Stats): FileInfo {
  return {
    kind: kindOf(stats),
    sizeBytes: stats.size,
    modifiedAtMs: stats.mtimeMs,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
  };
}

async function list(path: string): Promise<DirectoryEntry[]> {
  const entries = await readdir(path, {withFileTypes: true});
  return entries.map((entry) => ({name: entry.name, kind: kindOf(entry)}));
}

/** Not blocking: opening a FIFO would otherwise wait for a writer that may never come. */
async function read(path: string, options: {readonly limitBytes: number}): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw new FileError('EISDIR', path, 'illegal operation on a directory');
    if (!stats.isFile()) throw new FileError('EFTYPE', path, 'not a regular file');
    if (stats.size > options.limitBytes) throw tooLarge(path, options.limitBytes);
    return await readBounded(handle, {path, limitBytes: options.limitBytes, expectedBytes: stats.size});
  } finally {
    await handle.close();
  }
}

function tooLarge(path: string, limitBytes: number): FileError {
  return new FileError('EFBIG', path, `file is larger than ${limitBytes} bytes`);
}

/** The size told before is a hint only: files grow, and those of /proc say 0. */
async function readBounded(
  handle: FileHandle,
  options: {readonly path: string; readonly limitBytes: number; readonly expectedBytes: number},
): Promise<Buffer> {
  const {path, limitBytes, expectedBytes} = options;
  let buffer = Buffer.allocUnsafe(Math.min(Math.max(expectedBytes, 4_095), limitBytes) + 1);
  let length = 0;
  for (;;) {
    const {bytesRead} = await handle.read(buffer, length, buffer.length - length, length);
    length += bytesRead;
    if (length > limitBytes) throw tooLarge(path, limitBytes);
    if (bytesRead === 0) return buffer.subarray(0, length);
    if (length === buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(buffer.length * 2, limitBytes + 1));
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
  }
}

async function writeAtomic(path: string, data: string | Uint8Array, options: {readonly mode: number}): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeByWayOf(temporary, path, {...options, data});
  } catch (error) {
    // People know the file by its own name only.
    if (!(error instanceof Error)) throw error;
    error.message = error.message.replace(` -> '${path}'`, '').replaceAll(temporary, path);
    throw Object.assign(error, {path});
  }
}

async function writeByWayOf(
  temporary: string,
  path: string,
  {data, mode}: {readonly data: string | Uint8Array; readonly mode: number},
): Promise<void> {
  const handle = await open(temporary, 'wx', mode);
  try {
    try {
      // The mode asked for, whatever the umask takes away.
      await handle.chmod(mode);
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes the rename itself survive a power cut. Some file systems refuse to sync a directory; then the rename is as safe as they make it. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['EINVAL', 'EISDIR', 'EPERM', 'EACCES', 'EBADF', 'ENOTSUP'].includes(code)) throw error;
  }
}

async function openAppend(path: string, options: {readonly mode: number}): Promise<AppendHandle> {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);
  const handle = await open(path, flags, options.mode);
  const stats = await handle.stat();
  if (!stats.isFile()) {
    await handle.close();
    throw new FileError('EFTYPE', path, 'not a regular file');
  }
  // One after the other: two appends under way could swap their places.
  let tail: Promise<void> = Promise.resolve();
  const inOrder = (work: () => Promise<void>): Promise<void> => {
    const done = tail.then(work);
    tail = done.catch(() => undefined);
    return done;
  };
  return {
    append: (data) => inOrder(() => writeAll(handle, data)),
    sync: () => inOrder(() => handle.sync()),
    close: () => inOrder(() => handle.close()),
  };
}

async function writeAll(handle: FileHandle, data: Uint8Array): Promise<void> {
  let written = 0;
  while (written < data.length) {
    const {bytesWritten} = await handle.write(data, written, data.length - written);
    written += bytesWritten;
  }
}
