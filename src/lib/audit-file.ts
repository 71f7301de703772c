/**
 * The writer of audit trails, shared by the server, the signing service and the broker: whole lines, one after the other.
 *
 * The file is opened for each line, so that programs which rotate logs may move it at any time; where a size is given, it is rotated
 * here. A line that cannot be written is an error for whoever asked for the trail: nothing may run then.
 */
import type {Files} from './platform.ts';
import {fileExists} from './file-exists.ts';

export interface AuditFile {
  readonly path: string;
  /** Resolves when the system has the line; a line end is added. */
  append(line: string): Promise<void>;
}

export interface AuditFileOptions {
  readonly files: Files;
  readonly path: string;
  readonly mode: number;
  /** The file is moved away before it would grow beyond this; 0 never. */
  readonly bytesMax?: number;
  /** How many moved ones are kept, as `PATH.1` (newest) and so on. */
  readonly keep?: number;
  /** Makes a file that is new, or new to this process, what it is to be, such as a group's. What it throws, the line fails with. */
  readonly prepare?: (path: string) => Promise<void>;
}

const lineEnd = Buffer.from('\n');

export function createAuditFile(options: AuditFileOptions): AuditFile {
  const {files, path, mode, bytesMax = 0, keep = 5, prepare} = options;
  let last: Promise<void> = Promise.resolve();
  let isPrepared = false;
  /** A disk that filled up took part of a line: a line end in front keeps the next one whole. */
  let isTorn = false;

  const write = async (line: Buffer): Promise<void> => {
    if (bytesMax > 0 && (await sizeOf(files, path)) + line.length > bytesMax) await rotate(files, {path, keep});
    // A file of an earlier life may not have been finished.
    if (prepare !== undefined && isPrepared) isPrepared = await fileExists(files, path);
    const handle = await files.openAppend(path, {mode});
    try {
      if (!isPrepared) await prepare?.(path);
      isPrepared = true;
      const bytes = isTorn ? Buffer.concat([lineEnd, line]) : line;
      isTorn = true;
      await handle.append(bytes);
      isTorn = false;
    } finally {
      await handle.close();
    }
  };

  return {
    path,
    append(line) {
      const bytes = Buffer.from(`${line}\n`, 'utf8');
      // One after the other, so that two writers never rotate at once; a failure belongs to its own line.
      const work = last.then(() => write(bytes));
      last = work.catch(() => undefined);
      return work;
    },
  };
}

async function sizeOf(files: Files, path: string): Promise<number> {
  try {
    return (await files.stat(path)).sizeBytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

async function rotate(files: Files, {path, keep}: {readonly path: string; readonly keep: number}): Promise<void> {
  const nameOf = (number: number): string => (number === 0 ? path : `${path}.${number}`);
  if (keep === 0) {
    await files.remove(path);
    return;
  }
  for (let number = keep - 1; number >= 0; number--) {
    try {
      await files.rename(nameOf(number), nameOf(number + 1));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
