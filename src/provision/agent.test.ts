import {describe, expect, test} from 'vitest';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {createTokenMaker} from '../../test/support/waiting-fleet.ts';
import {configFromEntries} from '../config/index.ts';
import {emptyFilter} from '../protocol/index.ts';
import type {NodeContext} from '../rpc/types.ts';
import {createProvisionAgent} from './agent.ts';
import {readProvisioningToken} from './token.ts';

const path = '/etc/choria/server.conf';
const before = {[path]: 'identity = n1\n'};
const settings = JSON.stringify({identity: 'n1', 'plugin.choria.server.provision': '0'});
const tokens = createTokenMaker();

/** What came of one action: its status, its words, the files afterwards and whether the program was told to end or start again. */
async function ask(
  action: string,
  options: {
    readonly isWaiting: boolean;
    readonly data?: Readonly<Record<string, unknown>>;
    readonly files?: Readonly<Record<string, string>>;
    readonly failing?: (operation: string, path: string) => Error | undefined;
  },
) {
  const {platform, files: disk} = createFakePlatform({files: options.files ?? before});
  if (options.failing !== undefined) disk.fault = options.failing;
  const told: string[] = [];
  const agent = createProvisionAgent({
    version: '1.0.0',
    target: readProvisioningToken(tokens.make({chu: 'nats://prov.example.net:4222', cht: 's3cret'})),
    configPath: path,
    control: {
      restart: () => void told.push('restart'),
      shutdown: () => void told.push('shutdown'),
      publishEvent: ({type}) => void told.push(type),
    },
  });
  const node = {
    identity: 'n1',
    platform,
    config: await configFromEntries({}, {platform, mode: 'server'}),
    logger: createRecordingLogger(),
    provisioning: options.isWaiting,
  } as unknown as NodeContext;
  const body = await agent.handle({
    request: {
      version: 1,
      id: '0123456789abcdef0123456789abcdef',
      senderId: 'p1',
      callerId: 'choria=p1.mcollective',
      collective: 'provisioning',
      agent: 'choria_provision',
      ttlSeconds: 60,
      sentAtMs: platform.clock.nowMs(),
      filter: emptyFilter,
      body: Buffer.from(JSON.stringify({agent: 'choria_provision', action, data: {token: 's3cret', ...options.data}})),
    },
    node,
    signal: new AbortController().signal,
    authorizer: {name: 'everybody', authorize: () => Promise.resolve({allowed: true, reason: 'a test'})},
  });
  disk.fault = undefined;
  const reply = JSON.parse(body?.toString('utf8') ?? '') as {readonly statuscode: number; readonly statusmsg: string};
  const files = Object.fromEntries(
    disk.paths.map((name) => [name, disk.text(name)] as const).filter(([, text]) => text !== undefined),
  );
  return {status: reply.statuscode, words: reply.statusmsg, told, files};
}

describe('a node that was configured', () => {
  test.each([
    ['jwt', {}],
    ['gen25519', {nonce: 'abc'}],
    ['gencsr', {cn: 'n1'}],
    ['configure', {config: settings}],
    ['release_update', {repository: 'https://example.net', version: '2.0.0'}],
  ])('refuses %s, and nothing of it changes', async (action, data) => {
    const {status, words, files, told} = await ask(action, {isWaiting: false, data});
    expect(status).toBe(1);
    expect(words).toMatch(/^Cannot (reconfigure|update) a server that is not in provisioning mode$/);
    expect(files).toEqual(before);
    expect(told).toEqual([]);
  });
});

describe('a node that waits to be configured', () => {
  test('is not sent back to where it is', async () => {
    const {status, words, files} = await ask('reprovision', {isWaiting: true});
    expect([status, words]).toEqual([
      1,
      'Server is already in provisioning mode, cannot enable provisioning mode again',
    ]);
    expect(files).toEqual(before);
  });

  test('is configured', async () => {
    const {status, files, told} = await ask('configure', {isWaiting: true, data: {config: settings}});
    expect(status).toBe(0);
    expect(files[path]).toContain('\nplugin.choria.server.provision=0\n');
    expect(told).toEqual(['provisioned']);
  });

  test.each(['jwt', 'gen25519', 'gencsr', 'configure', 'release_update', 'restart', 'shutdown'])(
    'does %s for nobody without the shared token',
    async (action) => {
      const data = {token: 'guessed', config: settings, nonce: 'abc'};
      const {status, words, files, told} = await ask(action, {isWaiting: true, data});
      expect([status, words]).toEqual([1, 'Incorrect provision token supplied']);
      expect(files).toEqual(before);
      expect(told).toEqual([]);
    },
  );

  test.each([
    ['a value of two lines', {config: JSON.stringify({identity: 'n1\nplugin.x = 1'})}],
    ['a policy with a bad name', {config: settings, action_policies: {'../x.policy': 'policy default allow'}}],
    ['a key that nobody agreed on', {config: settings, key: 'x', ecdh_public: '00', ssldir: '/ssl'}],
  ])('keeps the configuration it has when it is sent %s', async (_what, data) => {
    const {status, files, told} = await ask('configure', {isWaiting: true, data});
    expect(status).toBe(1);
    expect(files).toEqual(before);
    expect(told).toEqual([]);
  });
});

test('fault 55: a configuration is never in place without the policies and the token that come with it', async () => {
  const data = {config: settings, server_jwt: 'a.b.c', action_policies: {'rpcutil.policy': 'policy default deny\n'}};
  const whole = await ask('configure', {isWaiting: true, data});
  expect(whole.files).toMatchObject({
    '/etc/choria/server.jwt': 'a.b.c',
    '/etc/choria/policies/rpcutil.policy': 'policy default deny\n',
  });
  let steps = 0;
  const count = (): undefined => {
    steps += 1;
    return undefined;
  };
  await ask('configure', {isWaiting: true, data, failing: count});
  expect(steps).toBeGreaterThan(3);
  for (let failing = 0; failing < steps; failing++) {
    let step = 0;
    const {status, files} = await ask('configure', {
      isWaiting: true,
      data,
      failing: () =>
        step++ === failing ? Object.assign(new Error('ENOSPC: no space left'), {code: 'ENOSPC'}) : undefined,
    });
    const kept = Object.fromEntries(Object.entries(files).filter(([name]) => !/\.(old|new)-/.test(name)));
    const named = (name: string): string | undefined => kept[name];
    if (status === 0) expect([failing, Object.keys(kept)]).toEqual([failing, Object.keys(whole.files)]);
    else expect([failing, named(path), named('/etc/choria/server.jwt')]).toEqual([failing, before[path], undefined]);
  }
});
