/** Finds the program nats-server and asks it for its version. */
import {errorMessage} from '../../lib/errors.ts';
import type {Platform} from '../../lib/platform.ts';
import {SupervisedError} from './errors.ts';
import {supervisedLimits} from './limits.ts';

type ProgramPlatform = Pick<Platform, 'processes' | 'files' | 'host' | 'env'>;

/** Older ones lack parts of the auth callout. */
export const natsServerVersionMin = '2.10.0';

const howToGetIt =
  'get it from https://github.com/nats-io/nats-server/releases, or with "go install github.com/nats-io/nats-server/v2@v2.15.2", and put it on the PATH or name it in "plugin.choria.network.nats_server"';

export interface NatsServerProgram {
  readonly path: string;
  /** Such as `2.15.2`. */
  readonly version: string;
}

/**
 * @param configured  the setting; when it is empty: the PATH, GOBIN, GOPATH/bin, ~/.local/bin and ~/go/bin
 * @throws {SupervisedError} `ERR_NATS_SERVER_MISSING` | `ERR_NATS_SERVER_VERSION`
 */
export async function findNatsServer(platform: ProgramPlatform, configured: string): Promise<NatsServerProgram> {
  const path = configured === '' ? await search(platform) : configured;
  if (path === undefined) {
    throw new SupervisedError(
      'ERR_NATS_SERVER_MISSING',
      `Cannot start the engine nats-server: there is no program "nats-server" on the PATH: ${howToGetIt}`,
    );
  }
  const version = await versionOf(platform, path);
  if (!isAtLeast(version, natsServerVersionMin)) {
    throw new SupervisedError(
      'ERR_NATS_SERVER_VERSION',
      `Cannot use "${path}": it is nats-server ${version}, expected at least ${natsServerVersionMin}: ${howToGetIt}`,
      {details: {path, version}},
    );
  }
  return {path, version};
}

async function search(platform: ProgramPlatform): Promise<string | undefined> {
  const {env, host} = platform;
  const home = host.homeDirectory;
  const goPaths = (env['GOPATH'] ?? '').split(':').filter((item) => item !== '');
  const directories = [
    ...(env['PATH'] ?? '').split(':'),
    env['GOBIN'] ?? '',
    ...goPaths.map((item) => `${item}/bin`),
    ...(home === undefined ? [] : [`${home}/.local/bin`, `${home}/go/bin`]),
  ];
  for (const directory of directories) {
    // A relative entry of the PATH would find whatever lies in the working directory.
    if (!directory.startsWith('/')) continue;
    const path = `${directory.replace(/\/+$/, '')}/nats-server`;
    if (await isProgram(platform, path)) return path;
  }
  return undefined;
}

async function isProgram(platform: ProgramPlatform, path: string): Promise<boolean> {
  try {
    const {kind, mode} = await platform.files.stat(path);
    return kind === 'file' && (mode & 0o111) !== 0;
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return false;
    throw error;
  }
}

async function versionOf(platform: ProgramPlatform, path: string): Promise<string> {
  let text: string;
  try {
    const result = await platform.processes.run({
      command: path,
      args: ['--version'],
      env: {},
      cwd: '/',
      timeoutMs: supervisedLimits.checkTimeoutMs,
      outputBytesMax: supervisedLimits.outputBytesMax,
    });
    text = result.stdout.toString('utf8');
  } catch (cause) {
    throw new SupervisedError(
      'ERR_NATS_SERVER_MISSING',
      `Cannot start the engine nats-server: "${path}" cannot be run: ${errorMessage(cause)}: ${howToGetIt}`,
      {cause, details: {path}},
    );
  }
  const found = /nats-server: v(\d{1,4}\.\d{1,4}\.\d{1,4})/.exec(text)?.[1];
  if (found !== undefined) return found;
  throw new SupervisedError(
    'ERR_NATS_SERVER_VERSION',
    `Cannot use "${path}": it does not say that it is nats-server: ${howToGetIt}`,
    {details: {path}},
  );
}

export function isAtLeast(version: string, minimum: string): boolean {
  const left = version.split('.').map(Number);
  const right = minimum.split('.').map(Number);
  for (const [index, wanted] of right.entries()) {
    const found = left[index] ?? 0;
    if (found !== wanted) return found > wanted;
  }
  return true;
}
