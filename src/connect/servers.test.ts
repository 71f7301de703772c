import {describe, expect, test} from 'vitest';
import {createFakePlatform, type FakePlatformOptions} from '../../test/support/fake-platform.ts';
import {configFromEntries} from '../config/index.ts';
import type {Names} from '../lib/platform.ts';
import {orderSrv, resolveServers} from './servers.ts';

async function resolve(
  entries: Readonly<Record<string, string>>,
  options: FakePlatformOptions & {readonly ownNames?: Names; readonly federations?: readonly string[]} = {},
): Promise<readonly string[]> {
  const {platform, clock} = createFakePlatform(options);
  const used = options.ownNames === undefined ? platform : {...platform, names: options.ownNames};
  const config = await configFromEntries({identity: 'n1.example.net', ...entries}, {platform, mode: 'server'});
  const found = resolveServers(config, {
    platform: used,
    ...(options.federations === undefined ? {} : {federations: options.federations}),
  });
  const [list] = await Promise.all([found, clock.advance(10_000)]);
  return list;
}

const record = (name: string, priority = 0, weight = 0, port = 4222) => ({name, priority, weight, port});
const domain = {'plugin.choria.srv_domain': 'example.net'};

describe('finding the brokers', () => {
  test('settings come first', async () => {
    const entries = {...domain, 'plugin.choria.middleware_hosts': 'a:1, nats://b:2'};
    expect(await resolve(entries, {names: {srv: {'_mcollective-server._tcp.example.net': [record('c')]}}})).toEqual([
      'a:1',
      'nats://b:2',
    ]);
  });

  test('then SRV records by priority, the second name when the first has none', async () => {
    const srv = {'_x-puppet-mcollective._tcp.example.net': [record('late.', 20), record('early', 10)]};
    expect(await resolve(domain, {names: {srv}})).toEqual(['nats://early:4222', 'nats://late:4222']);
  });

  test.each([
    ['nothing is known', {...domain}],
    ['SRV is off', {...domain, 'plugin.choria.use_srv': 'false'}],
  ])('then the name puppet, when %s', async (_name, entries) => {
    expect(await resolve(entries)).toEqual(['nats://puppet:4222']);
  });

  test('fault 58: a resolver that hangs costs a bounded time', async () => {
    const hang = (_name: string, options: {readonly signal: AbortSignal}): Promise<never> =>
      new Promise((_resolve, reject) => options.signal.addEventListener('abort', () => reject(options.signal.reason)));
    expect(await resolve(domain, {ownNames: {resolveSrv: hang, lookup: hang, reverse: hang}})).toEqual([
      'nats://puppet:4222',
    ]);
  });

  test('fault 58: thousands of records and records without a target are bounded and left out', async () => {
    const many = Array.from({length: 5000}, (_, index) => record(index % 2 === 0 ? '.' : `b${index}`));
    const found = await resolve(domain, {names: {srv: {'_mcollective-server._tcp.example.net': many}}});
    expect(found).toHaveLength(500);
  });

  test('a federated process never falls back to the name puppet', async () => {
    await expect(resolve(domain, {federations: ['london']})).rejects.toMatchObject({code: 'ERR_NO_SERVERS'});
    const entries = {'plugin.choria.federation_middleware_hosts': 'fed:4222'};
    expect(await resolve(entries, {federations: ['london']})).toEqual(['fed:4222']);
  });

  test('an address that is none is refused with the address', async () => {
    await expect(resolve({'plugin.choria.middleware_hosts': 'http://a'})).rejects.toThrow('http://a');
  });
});

test('among equals the heavier record comes first more often', () => {
  let first = 0;
  for (let draw = 0; draw < 100; draw++) {
    const [winner] = orderSrv([record('light', 0, 0), record('heavy', 0, 98)], () => draw / 100);
    if (winner?.name === 'heavy') first++;
  }
  expect(first).toBe(99);
});
