/**
 * `release_update`: puts another release in the place of this program (server.md 14.4).
 *
 * A repository has `VERSION/OS/ARCH/release.json`, which names a program in one file, packed with bzip2, and its SHA-256. The new
 * program is tried before it takes the old one's place in one step; the old one stays beside it as `.backup`. Unlike the reference a
 * release may be signed, and has to be where a key is known; and a release that does not come up is undone (`upgrade-watch.ts`).
 */
import {createHash} from 'node:crypto';
import {basename, dirname, join} from 'node:path';
import {ed25519PublicKey, isHexKey, verifyEd25519} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {parseJson} from '../lib/json.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {ActionFailure} from '../rpc/index.ts';
import {unpackBzip2} from './bunzip.ts';
import {ProvisionError} from './errors.ts';
import {provisionLimits} from './limits.ts';
import {backupPath, noteUpgrade, programPath} from './upgrade-watch.ts';

export type ReleasePlatform = Pick<Platform, 'files' | 'http' | 'processes' | 'host' | 'env'>;

export interface ReleaseOptions {
  readonly platform: ReleasePlatform;
  readonly logger: Logger;
  readonly repository: string;
  readonly version: string;
  /** The version that runs now. */
  readonly currentVersion: string;
  /** Hexadecimal ed25519 key that has to have signed the release; undefined takes unsigned ones. */
  readonly key: string | undefined;
}

interface Release {
  readonly binary: string;
  readonly hash: string;
  readonly signature: string;
}

/** @throws {ActionFailure} when the release is not in place; then the old one is */
export async function updateRelease(options: ReleaseOptions): Promise<void> {
  const shown = options.version.slice(0, 32);
  try {
    checkWords(options);
    const program = await findProgram(options.platform);
    const content = await fetchRelease(options);
    await install(options, {program, content});
  } catch (error) {
    if (error instanceof ProvisionError && error.code === 'ERR_PROVISION_ROLLBACK') {
      throw new ActionFailure(
        `Update to version ${shown} failed, rollback also failed, server in broken state: ${error.message}`,
        {cause: error},
      );
    }
    throw new ActionFailure(`Update to version ${shown} failed, release rolled back: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function failed(text: string): ProvisionError {
  return new ProvisionError('ERR_PROVISION_RELEASE', text);
}

function checkWords({repository, version, key}: ReleaseOptions): void {
  if (!/^https?:\/\/[^\s?#]+$/.test(repository)) {
    throw failed(`${JSON.stringify(repository.slice(0, 100))} is no http or https address`);
  }
  // It becomes part of an address.
  if (!/^[A-Za-z0-9][A-Za-z0-9._+-]{0,31}$/.test(version) || version.includes('..')) {
    throw failed(`${JSON.stringify(version.slice(0, 32))} is no version`);
  }
  if (key !== undefined && !isHexKey(key)) throw failed('the key of releases is not 64 hexadecimal digits');
}

async function findProgram(platform: ReleasePlatform): Promise<string> {
  const path = programPath(platform.host);
  if (path === undefined) throw failed('this server runs inside another program, which has to be updated instead');
  const program = await platform.files.realPath(path);
  const {kind} = await platform.files.stat(program);
  if (kind !== 'file') throw failed(`${program} is no file`);
  return program;
}

const goArchitectures: Readonly<Record<string, string>> = {x64: 'amd64', ia32: '386', arm64: 'arm64'};

/** The proven program of a release. */
async function fetchRelease(options: ReleaseOptions): Promise<Buffer> {
  const {platform, version, repository, logger} = options;
  const {platform: os, arch} = platform.host;
  const place = {os, arch: goArchitectures[arch] ?? arch};
  const base = `${repository.replace(/\/+$/, '')}/${version}/${place.os}/${place.arch}`;
  const release = readRelease(
    await download(`${base}/release.json`, options, provisionLimits.releaseDescriptionBytesMax),
  );
  if (options.key === undefined) logger.warn('The release is not checked for a signature: no key is known');
  else checkSignature(release, {version, ...place, key: options.key});
  logger.warn(`Fetching version ${version} from ${base}`);
  const packed = await download(`${base}/${release.binary}`, options, provisionLimits.releaseBytesMax);
  const content = unpackBzip2(packed, provisionLimits.programBytesMax);
  const hash = createHash('sha256').update(content).digest('hex');
  if (hash === release.hash) return content;
  throw failed(`the program has the SHA-256 ${hash}, its description says ${release.hash}`);
}

async function download(url: string, {platform}: ReleaseOptions, bytesMax: number): Promise<Buffer> {
  const {status, body} = await platform.http.request({
    url,
    timeoutMs: provisionLimits.releaseFetchMs,
    responseBytesMax: bytesMax,
  });
  if (status === 200) return body;
  throw failed(`${url} answered with status ${status}, expected 200`);
}

function readRelease(text: Buffer): Release {
  const value = parseJson(text);
  const fields = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const field = (name: string): string => {
    const item = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return typeof item === 'string' ? item : '';
  };
  const release = {binary: field('binary'), hash: field('hash').toLowerCase(), signature: field('signature')};
  // A plain name: the program comes from beside its description.
  if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$/.test(release.binary))
    throw failed('release.json names no "binary" beside it');
  if (!/^[0-9a-f]{64}$/.test(release.hash)) throw failed('release.json has no SHA-256 "hash"');
  return release;
}

/** What the signature of a release is over: a good release of another version or machine is no good one of this. */
export function releaseStatement(release: {
  readonly version: string;
  readonly os: string;
  readonly arch: string;
  readonly hash: string;
}): Buffer {
  const {version, os, arch, hash} = release;
  return Buffer.from(`choria release\n${version}\n${os}\n${arch}\n${hash}\n`, 'utf8');
}

function checkSignature(
  release: Release,
  wanted: {readonly version: string; readonly os: string; readonly arch: string; readonly key: string},
): void {
  if (!/^[0-9a-fA-F]{128}$/.test(release.signature)) throw failed('the release is not signed');
  const isGood = verifyEd25519(ed25519PublicKey(Buffer.from(wanted.key, 'hex')), {
    message: releaseStatement({...wanted, hash: release.hash}),
    signature: Buffer.from(release.signature, 'hex'),
  });
  if (!isGood) throw failed('the signature of the release is not by the key that is known here');
}

const programMode = 0o755;

async function install(
  options: ReleaseOptions,
  parts: {readonly program: string; readonly content: Buffer},
): Promise<void> {
  const {platform, version, currentVersion, logger} = options;
  const {program, content} = parts;
  const {files} = platform;
  // Node tells by the end of its name what a file is.
  const staged = join(dirname(program), `.new-${basename(program)}`);
  const backup = backupPath(program);
  await files.writeAtomic(staged, content, {mode: programMode});
  try {
    await tryOut(platform, {program: staged, version});
    await files.writeAtomic(backup, await files.read(program, {limitBytes: provisionLimits.programBytesMax}), {
      mode: programMode,
    });
    await noteUpgrade(files, {program, version, previous: currentVersion});
    await files.rename(staged, program);
  } catch (error) {
    await files.remove(staged).catch((problem: unknown) => logger.warn(`${staged} stays: ${errorMessage(problem)}`));
    throw error;
  }
  logger.warn(`Version ${version} is in the place of ${currentVersion}, which is kept as ${backup}`);
}

/** A program that cannot say its version would not run either. */
async function tryOut(
  platform: ReleasePlatform,
  options: {readonly program: string; readonly version: string},
): Promise<void> {
  const {command, args} = platform.host.self;
  const result = await platform.processes.run({
    command,
    args: [...args.slice(0, -1), options.program, '--version'],
    env: {PATH: platform.env['PATH'] ?? '', HOME: platform.env['HOME'] ?? '/'},
    cwd: '/',
    timeoutMs: provisionLimits.releaseTrialMs,
    outputBytesMax: provisionLimits.releaseDescriptionBytesMax,
  });
  if (result.exitCode !== 0) {
    const lines = result.stderr.toString('utf8').trim().split('\n');
    const words = lines.find((line) => line.includes('Error')) ?? lines.at(-1) ?? '';
    throw failed(
      `the new program does not start: it ended with ${result.exitCode ?? result.signalName ?? 'no exit code'} ${inert(words)}`.trim(),
    );
  }
  // On standard error, as the reference says it.
  const said = `${result.stdout.toString('utf8')} ${result.stderr.toString('utf8')}`.trim();
  if (said.split(/\s+/).includes(options.version)) return;
  throw failed(`the new program says that it is ${JSON.stringify(inert(said))}, expected ${options.version}`);
}

function inert(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
