/**
 * Folders that appear whole or not at all: written under a hidden name beside their place, then renamed.
 *
 * A run that was killed leaves at most a hidden folder, and the next one for the same place removes it.
 */
import {basename, dirname, join} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import type {Files, Platform} from '../lib/platform.ts';
import {OrganisationError} from './errors.ts';
import {folderMode} from './layout.ts';
import {organisationLimits} from './limits.ts';
import type {PlannedFile} from './types.ts';

type StagingPlatform = Pick<Platform, 'files' | 'clock' | 'random'>;

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? '';
}

export async function exists(files: Files, path: string): Promise<boolean> {
  try {
    await files.lstat(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return false;
    throw error;
  }
}

/** Whether the folder is absent or has nothing in it. */
export async function isFree(files: Files, path: string): Promise<boolean> {
  try {
    return (await files.list(path)).length === 0;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    if (codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/**
 * Puts the files there as one folder.
 *
 * @param options.replace  what is there is moved aside first; without it the place must be free
 * @returns where the former content is, when there was any
 * @throws {OrganisationError} `ERR_ORGANISATION_EXISTS` | `ERR_ORGANISATION_WRITE`
 */
export async function placeFolder(
  platform: StagingPlatform,
  path: string,
  options: {readonly plan: readonly PlannedFile[]; readonly replace: boolean},
): Promise<string | undefined> {
  const {files} = platform;
  const free = await isFree(files, path);
  if (!free && !options.replace) throw alreadyThere(path);
  await files.makeDirectory(dirname(path), {mode: folderMode, recursive: true});
  await removeAbandoned(platform, path);
  const staging = join(dirname(path), `${stagingPrefix(path)}${platform.random.bytes(6).toString('hex')}`);
  try {
    await files.makeDirectory(staging, {mode: folderMode});
    await writeFiles(files, staging, options.plan);
    const aside = free ? undefined : await moveAside(platform, path);
    await files.rename(staging, path);
    return aside;
  } catch (error) {
    await files.remove(staging, {recursive: true}).catch((cause: unknown) => {
      if (codeOf(cause) !== 'ENOENT') throw cause;
    });
    // Somebody else was quicker.
    if (['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw alreadyThere(path);
    throw writeFailed(path, error);
  }
}

export function alreadyThere(path: string): OrganisationError {
  return new OrganisationError(
    'ERR_ORGANISATION_EXISTS',
    `Cannot write "${path}": it is there already and holds keys; choose another place, or replace it with --force`,
    {details: {path}},
  );
}

export function writeFailed(path: string, error: unknown): unknown {
  if (error instanceof OrganisationError) return error;
  return new OrganisationError('ERR_ORGANISATION_WRITE', `Cannot write "${path}": ${errorMessage(error)}`, {
    cause: error,
    details: {path},
  });
}

async function writeFiles(files: Files, root: string, plan: readonly PlannedFile[]): Promise<void> {
  for (const folder of new Set(plan.map((file) => dirname(file.path)))) {
    await files.makeDirectory(join(root, folder), {mode: folderMode, recursive: true});
  }
  for (let start = 0; start < plan.length; start += organisationLimits.membersAtOnce) {
    const part = plan.slice(start, start + organisationLimits.membersAtOnce);
    await Promise.all(part.map((file) => files.writeAtomic(join(root, file.path), file.text, {mode: file.mode})));
  }
}

/** Keys are never deleted: what was there is kept under a name that says when it went. */
async function moveAside(platform: StagingPlatform, path: string): Promise<string> {
  const time = new Date(platform.clock.nowMs()).toISOString().replace(/[-:]|\.\d+/g, '');
  const aside = `${path}.replaced-${time}-${platform.random.bytes(3).toString('hex')}`;
  await platform.files.rename(path, aside);
  return aside;
}

function stagingPrefix(path: string): string {
  return `.${basename(path)}.unfinished-`;
}

async function removeAbandoned(platform: StagingPlatform, path: string): Promise<void> {
  const parent = dirname(path);
  for (const entry of await platform.files.list(parent)) {
    if (!entry.name.startsWith(stagingPrefix(path))) continue;
    const place = join(parent, entry.name);
    const {modifiedAtMs} = await platform.files.lstat(place);
    if (platform.clock.nowMs() - modifiedAtMs >= organisationLimits.stagingAgeMs) {
      await platform.files.remove(place, {recursive: true});
    }
  }
}
