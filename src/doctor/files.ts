/** Facts about files, collected without judging them. */
import {dirname, join} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import type {FileInfo, Files, Platform} from '../lib/platform.ts';

export interface FileFact {
  readonly path: string;
  readonly state: 'present' | 'missing' | 'unreadable';
  readonly info?: FileInfo;
  /** Content, when it was asked for and could be read. */
  readonly bytes?: Buffer;
  /** Why it could not be read. */
  readonly reason?: string;
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? '';
}

const texts: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  EISDIR: 'it is a directory',
  EFTYPE: 'it is not a regular file',
  EFBIG: 'it is too large',
};

/** Looks at a file, and reads it when `limitBytes` is given. */
export async function inspectFile(
  files: Files,
  path: string,
  options: {readonly limitBytes?: number} = {},
): Promise<FileFact> {
  try {
    const info = await files.stat(path);
    if (options.limitBytes === undefined) return {path, state: 'present', info};
    try {
      return {path, state: 'present', info, bytes: await files.read(path, {limitBytes: options.limitBytes})};
    } catch (error) {
      return {path, state: 'unreadable', info, reason: texts[codeOf(error)] ?? errorMessage(error)};
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return {path, state: 'missing'};
    return {path, state: 'unreadable', reason: texts[codeOf(error)] ?? errorMessage(error)};
  }
}

export interface WriteFact {
  readonly path: string;
  /** Error code of the attempt; undefined when it went well. */
  readonly code?: string;
  readonly reason?: string;
}

/**
 * Whether a file can be made in the directory, found out by making one and removing it; nothing else tells of full disks, read-only
 * mounts and access lists. A directory that is not there is made by the programs themselves, so the nearest one above it is tried.
 */
export async function probeDirectory(
  platform: Pick<Platform, 'files' | 'random'>,
  directory: string,
): Promise<WriteFact> {
  const {files, random} = platform;
  for (let place = directory; ; place = dirname(place)) {
    const probe = join(place, `.choria-doctor-${random.bytes(6).toString('hex')}`);
    try {
      await files.writeAtomic(probe, 'probe\n', {mode: 0o600});
      await files.remove(probe);
      return {path: directory};
    } catch (error) {
      // Some places are there and take no files, and say the same as places that are not there.
      const isAbsent = codeOf(error) === 'ENOENT' && (await inspectFile(files, place)).state === 'missing';
      if (isAbsent && dirname(place) !== place) continue;
      return {path: place, code: codeOf(error), reason: errorMessage(error).replace(probe, place)};
    }
  }
}

/** For directories that nobody makes. */
export async function probeExisting(
  platform: Pick<Platform, 'files' | 'random'>,
  directory: string,
): Promise<WriteFact> {
  const {state} = await inspectFile(platform.files, directory);
  if (state === 'missing') return {path: directory, code: 'ENOENT', reason: `${directory} does not exist`};
  return probeDirectory(platform, directory);
}

/** Whether a log can be written: one that is there is opened and nothing is written to it. */
export async function probeLog(platform: Pick<Platform, 'files' | 'random'>, path: string): Promise<WriteFact> {
  const {info} = await inspectFile(platform.files, path);
  if (info === undefined) return probeExisting(platform, dirname(path));
  if (info.kind !== 'file') return {path, code: 'EFTYPE', reason: 'it is not a file'};
  try {
    const handle = await platform.files.openAppend(path, {mode: 0o600});
    await handle.close();
    return {path};
  } catch (error) {
    return {path, code: codeOf(error), reason: errorMessage(error)};
  }
}

/** Lines, for messages. */
export function textOf(fact: FileFact): string {
  return fact.bytes?.toString('utf8') ?? '';
}
