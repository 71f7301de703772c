/** Finds the configuration file of client commands. Rules: spec/config.md section 1. */
import {join} from 'node:path';
import type {Platform} from '../lib/platform.ts';

const windowsPath = 'C:\\ProgramData\\choria\\etc\\client.conf';
const systemPaths: readonly string[] = ['/etc/choria/client.conf', '/usr/local/etc/choria/client.conf'];
/** Given back also when it is not there: the error that follows names a place to put a file. */
const lastPath = '/etc/puppetlabs/mcollective/client.cfg';

/**
 * The first file that exists: `~/.choriarc`, `~/.mcollective`, then the system's places. Anything that lies there counts, also a directory.
 */
export async function findUserConfig(platform: Pick<Platform, 'files' | 'host'>): Promise<string> {
  const {homeDirectory} = platform.host;
  const homePaths = homeDirectory ? [join(homeDirectory, '.choriarc'), join(homeDirectory, '.mcollective')] : [];
  for (const path of homePaths) if (await isThere(path, platform)) return path;
  if (platform.host.platform === 'win32') return windowsPath;
  for (const path of systemPaths) if (await isThere(path, platform)) return path;
  return lastPath;
}

async function isThere(path: string, platform: Pick<Platform, 'files'>): Promise<boolean> {
  try {
    await platform.files.stat(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
