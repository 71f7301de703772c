/** The service behind real sockets: addresses, TLS rules, metrics. */
import {describe, expect, test} from 'vitest';
import {createNodePlatform} from '../lib/node-platform.ts';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {createAaaService} from './index.ts';
import {createRateLimit} from './rate-limit.ts';
import {parseSettings} from './settings.ts';

const settings = {
  authenticator: 'userlist',
  userlist_authenticator: {users: [], signing_key: '/aaa/key'},
  monitor_port: 1,
};

async function serviceWith(change: Readonly<Record<string, unknown>>) {
  const {platform, files} = createFakePlatform({files: {'/aaa/x': ''}});
  await files.writeAtomic('/aaa/key', 'ab'.repeat(32), {mode: 0o600});
  const {httpServers} = createNodePlatform();
  return createAaaService({
    settings: {
      ...parseSettings(Buffer.from(JSON.stringify({...settings, ...change})), '/aaa/config.json'),
      monitorPort: 0,
    },
    platform: {...platform, httpServers},
    logger: createRecordingLogger(),
  });
}

describe('the service', () => {
  test('it answers over HTTP on loopback', async () => {
    const service = await serviceWith({address: '127.0.0.1'});
    await service.start();
    const {port} = service.address ?? {port: 0};
    const response = await fetch(`http://127.0.0.1:${port}/choria/v1/login`, {method: 'POST', body: '{}'});
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({error: 'Login failed'});
    await service.stop();
  });

  test('it listens without TLS on no other address', async () => {
    for (const address of ['', '0.0.0.0', '192.0.2.1', '127.evil.example']) {
      const service = await serviceWith({address});
      await expect(service.start()).rejects.toThrow('Cannot listen without TLS');
    }
  });
});

describe('settings', () => {
  test('names that mean nothing here are told, and change nothing', () => {
    const parsed = parseSettings(Buffer.from(JSON.stringify({...settings, authoriser: 'opa'})), '/aaa/config.json');
    expect(parsed.warnings).toEqual(['Cannot use "/aaa/config.json": "authoriser": there is no such setting']);
    expect(parsed.authorizer).toBeUndefined();
  });
});

describe('a rate limit', () => {
  test('lets a burst through, then as many as time gives, each name for itself', () => {
    let nowMs = 0;
    const rate = createRateLimit({clock: {monotonicMs: () => nowMs}, perSecond: 2, burst: 3});
    const take = (name: string, count: number) => Array.from({length: count}, () => rate.take(name));
    expect(take('a', 4)).toEqual([true, true, true, false]);
    expect(take('b', 1)).toEqual([true]);
    nowMs = 1_000;
    expect(take('a', 3)).toEqual([true, true, false]);
    nowMs = 1_000_000;
    expect(take('a', 4)).toEqual([true, true, true, false]);
  });
});
