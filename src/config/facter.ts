/** Asks Facter for one fact, when it is installed. */
import {trimSpace} from '../lib/go-text.ts';
import type {Platform} from '../lib/platform.ts';
import {facterOutputBytesMax, facterTimeoutMs} from './limits.ts';

/** Puppet's packages put it there, which is seldom on the PATH of a service. */
const packagePath = '/opt/puppetlabs/bin/facter';

type FacterPlatform = Pick<Platform, 'files' | 'processes' | 'env' | 'host'>;

/** The path of Facter; undefined when it is not installed. */
export async function findFacter(platform: FacterPlatform): Promise<string | undefined> {
  const separator = platform.host.platform === 'win32' ? ';' : ':';
  const name = platform.host.platform === 'win32' ? 'facter.bat' : 'facter';
  const directories = (platform.env['PATH'] ?? '').split(separator).filter((directory) => directory !== '');
  const candidates = [packagePath, ...directories.map((directory) => `${directory}/${name}`)];
  for (const candidate of candidates) {
    const info = await platform.files.stat(candidate).catch(() => undefined);
    if (info?.kind === 'file') return candidate;
  }
  return undefined;
}

/** The fact's text; empty when there is no Facter, no such fact, or it took too long. */
export async function readFact(fact: string, platform: FacterPlatform): Promise<string> {
  const command = await findFacter(platform);
  if (command === undefined) return '';
  try {
    const result = await platform.processes.run({
      command,
      args: [fact],
      env: Object.fromEntries(
        Object.entries(platform.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
      cwd: platform.host.tempDirectory,
      timeoutMs: facterTimeoutMs,
      outputBytesMax: facterOutputBytesMax,
    });
    return result.exitCode === 0 ? trimSpace(result.stdout.toString('utf8')) : '';
  } catch {
    // A Facter that can't be started is as good as none.
    return '';
  }
}
