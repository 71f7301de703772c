/**
 * Refuses a second server with the same identity on one machine (fault 57).
 *
 * Each start adds one line to the lock file and reads the file: the first line whose process is alive has the identity. Adding a line
 * is one write at the end of the file, so two starts at once cannot both win. A process is known by its number and its start time, so
 * a number that the system gave to another program later is not taken for a server.
 */
import {join} from 'node:path';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {errorMessage} from '../lib/errors.ts';
import {ServerError} from './errors.ts';
import {serverLimits} from './limits.ts';

export interface InstanceLock {
  release(): Promise<void>;
}

interface Claim {
  readonly pid: number;
  /** Clock ticks after boot, from /proc; empty where there is none. */
  readonly startedAt: string;
  readonly nonce: string;
}

/**
 * @throws {ServerError} `ERR_SERVER_ALREADY_RUNNING` with the other process's number, `ERR_SERVER_STATE_DIRECTORY`
 */
export async function acquireInstanceLock(options: {
  readonly platform: Pick<Platform, 'files' | 'host' | 'random'>;
  readonly logger: Logger;
  readonly directory: string;
  readonly identity: string;
}): Promise<InstanceLock> {
  const {platform, directory, identity, logger} = options;
  const path = join(directory, `server-${fileNameOf(identity)}.lock`);
  const own: Claim = {
    pid: platform.host.pid,
    startedAt: (await processStart(platform, platform.host.pid)) ?? '',
    nonce: platform.random.bytes(8).toString('hex'),
  };
  await appendClaim(platform, {path, claim: own});
  const claims = parseClaims(await platform.files.read(path, {limitBytes: serverLimits.lockFileBytesMax}));
  for (const claim of claims) {
    if (claim.nonce === own.nonce) break;
    if (!(await isAlive(platform, claim))) continue;
    throw new ServerError(
      'ERR_SERVER_ALREADY_RUNNING',
      `Cannot start a server with identity "${identity}": process ${claim.pid} runs one already, says ${path}`,
      {details: {identity, pid: claim.pid, path}},
    );
  }
  // Lines of dead processes go. A start that adds its line at this moment reads ours, finds it alive, and gives way.
  await platform.files.writeAtomic(path, lineOf(own), {mode: 0o600});
  return {
    async release() {
      try {
        await platform.files.remove(path);
      } catch (error) {
        logger.warn(`Could not remove the lock file ${path}: ${errorMessage(error)}`);
      }
    },
  };
}

/** An identity as part of a file name: whatever is not plain becomes a hexadecimal code. */
export function fileNameOf(identity: string): string {
  return identity
    .replace(/[^A-Za-z0-9._-]/g, (char) => `%${char.codePointAt(0)?.toString(16) ?? ''}`)
    .replace(/^\./, '%2e');
}

function lineOf(claim: Claim): string {
  return `${claim.pid} ${claim.startedAt || '-'} ${claim.nonce}\n`;
}

async function appendClaim(
  platform: Pick<Platform, 'files'>,
  options: {readonly path: string; readonly claim: Claim},
): Promise<void> {
  const {path, claim} = options;
  try {
    const handle = await platform.files.openAppend(path, {mode: 0o600});
    try {
      await handle.append(Buffer.from(lineOf(claim)));
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new ServerError('ERR_SERVER_STATE_DIRECTORY', `Cannot write the lock file ${path}: ${errorMessage(cause)}`, {
      cause,
      details: {path},
    });
  }
}

function parseClaims(text: Buffer): readonly Claim[] {
  return text
    .toString('latin1')
    .split('\n')
    .map((line) => /^(\d{1,10}) (\S{1,40}) ([0-9a-f]{16})$/.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({
      pid: Number(match[1]),
      startedAt: match[2] === '-' ? '' : (match[2] ?? ''),
      nonce: match[3] ?? '',
    }));
}

async function isAlive(platform: Pick<Platform, 'files'>, claim: Claim): Promise<boolean> {
  // Without /proc nothing can be known of another process: then only a clean stop frees an identity for sure, and we start.
  if (claim.startedAt === '') return false;
  return (await processStart(platform, claim.pid)) === claim.startedAt;
}

/** The 22nd field of /proc/PID/stat; undefined when there is no such process or no /proc. */
async function processStart(platform: Pick<Platform, 'files'>, pid: number): Promise<string | undefined> {
  try {
    const stat = await platform.files.read(`/proc/${pid}/stat`, {limitBytes: serverLimits.procStatBytesMax});
    // The second field is a program's name in brackets and may hold anything.
    const behindName = stat.toString('latin1').split(') ').at(-1) ?? '';
    return behindName.split(' ')[19];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
