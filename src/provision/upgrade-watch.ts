/**
 * Undoes an upgrade that does not come up. A note beside the program says that it is new; each start counts in it, the first connection
 * removes it, and the start after too many puts the old program back.
 */
import {join} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import {JsonError, parseJson} from '../lib/json.ts';
import type {Files, HostInfo, Platform} from '../lib/platform.ts';
import {ProvisionError} from './errors.ts';
import {provisionLimits} from './limits.ts';

interface Note {
  readonly version: string;
  readonly previous: string;
  readonly starts: number;
}

export function backupPath(program: string): string {
  return `${program}.backup`;
}

function notePath(program: string): string {
  return `${program}.upgrade`;
}

/** The file that this program was started from; undefined where there is none. */
export function programPath(host: Pick<HostInfo, 'self' | 'workingDirectory'>): string | undefined {
  const path = host.self.args.at(-1);
  if (path === undefined || path === '' || path.startsWith('-')) return undefined;
  return path.startsWith('/') ? path : join(host.workingDirectory, path);
}

export async function noteUpgrade(
  files: Files,
  options: {readonly program: string; readonly version: string; readonly previous: string},
): Promise<void> {
  const {program, version, previous} = options;
  await files.writeAtomic(notePath(program), JSON.stringify({version, previous, starts: 0}), {mode: 0o600});
}

export type UpgradeState =
  | {readonly kind: 'none'}
  /** This is a start of a new release; `confirm` when it works. */
  | {readonly kind: 'new'; readonly version: string; readonly confirm: () => Promise<void>}
  /** The old program is back in its place, and has to be started. */
  | {readonly kind: 'undone'; readonly version: string; readonly previous: string};

/**
 * Called once at each start.
 *
 * @throws {ProvisionError} `ERR_PROVISION_ROLLBACK` when the old program cannot be put back
 */
export async function watchUpgrade(platform: Pick<Platform, 'files' | 'host'>): Promise<UpgradeState> {
  const {files, host} = platform;
  const path = programPath(host);
  if (path === undefined) return {kind: 'none'};
  const found = await readNote(files, path);
  if (found === undefined) return {kind: 'none'};
  const {program, note} = found;
  const {version, previous} = note;
  if (note.starts < provisionLimits.upgradeStartsMax) {
    await files.writeAtomic(notePath(program), JSON.stringify({...note, starts: note.starts + 1}), {mode: 0o600});
    return {kind: 'new', version, confirm: () => removeNote(files, program)};
  }
  try {
    await files.rename(backupPath(program), program);
    await files.remove(notePath(program));
  } catch (cause) {
    throw new ProvisionError(
      'ERR_PROVISION_ROLLBACK',
      `Cannot put version ${previous} back in the place of ${version}, which does not start: ${errorMessage(cause)}`,
      {cause},
    );
  }
  return {kind: 'undone', version, previous};
}

async function removeNote(files: Files, program: string): Promise<void> {
  try {
    await files.remove(notePath(program));
  } catch (error) {
    // A later connection of the same start.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function readNote(files: Files, path: string): Promise<{program: string; note: Note} | undefined> {
  try {
    const program = await files.realPath(path);
    const value = parseNote(await files.read(notePath(program), {limitBytes: provisionLimits.upgradeNoteBytesMax}));
    const fields = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
    const {version, previous, starts} = fields;
    const text = (item: unknown): string => (typeof item === 'string' ? item : 'unknown');
    return {
      program,
      note: {version: text(version), previous: text(previous), starts: typeof starts === 'number' ? starts : 0},
    };
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    // A program in a place that this user may not read was not put there by it either.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
    throw error;
  }
}

/** A note that is damaged still says that the program is new. */
function parseNote(text: Buffer): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonError) return {};
    throw error;
  }
}
