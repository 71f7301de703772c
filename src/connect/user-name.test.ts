/** Which name a client has: that of the environment, else the one that the system knows the user by. */
import {describe, expect, test} from 'vitest';
import {configFromEntries} from '../config/index.ts';
import {silentLogger} from '../lib/logger.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import {puppetCertname} from './security.ts';

async function certname(env: Readonly<Record<string, string>>, userName: string | undefined): Promise<string> {
  const platform = createNodePlatform();
  const host = {...platform.host, platform: 'linux' as const, userName};
  const config = await configFromEntries({}, {platform, mode: 'user'});
  return puppetCertname(config, {platform: {...platform, env, host}, mode: 'client', logger: silentLogger});
}

describe('the name of a client', () => {
  test('is that of the environment', async () => {
    expect(await certname({USER: 'rip'}, 'root')).toBe('rip.mcollective');
  });

  test('is that of the system where the environment has none, as in containers', async () => {
    expect(await certname({}, 'rip')).toBe('rip.mcollective');
    expect(await certname({USER: ''}, 'rip')).toBe('rip.mcollective');
  });

  test('is an error for a process that runs as a number without a name', async () => {
    await expect(certname({}, undefined)).rejects.toThrow('ensure USER environment variable is set');
  });
});
