import {describe, expect, test} from 'vitest';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {createTokenMaker} from '../../test/support/waiting-fleet.ts';
import {ed25519PublicFromSeed, signToken, ed25519PrivateKey} from '../crypto/index.ts';
import {FileTransaction} from './file-transaction.ts';
import {prepareServerStart} from './mode.ts';
import {readProvisioningToken} from './token.ts';

const tokens = createTokenMaker();
const tokenPath = '/etc/choria/provisioning.jwt';
const path = '/etc/choria/server.conf';
const target = {chu: 'nats://prov.example.net:4222'};

describe('the provisioning token', () => {
  test.each([
    [{cht: ''}, 'no auth token'],
    [{}, 'no srv domain or urls'],
    [{...target, chsrv: 'example.net'}, 'both srv domain and URLs supplied'],
    [{chu: 5}, 'claim "chu" is not a text'],
    [{...target, chpd: 'yes'}, 'claim "chpd" is neither true nor false'],
  ])('with %j is refused: %s', (claims, problem) => {
    expect(() => readProvisioningToken(tokens.make(claims))).toThrow(problem);
  });

  test('is read whole, whitespace around it ignored', () => {
    const claims = {
      chu: 'nats://a:1, nats://b:2',
      chf: '/f',
      chrd: '/r',
      chusr: 'u',
      chpwd: 'p',
      v2: true,
      update: true,
    };
    expect(readProvisioningToken(` ${tokens.make(claims)}\n`)).toMatchObject({
      token: 's3cret',
      isSecure: false,
      urls: ['nats://a:1', 'nats://b:2'],
      isDefault: true,
      factsFile: '/f',
      registrationFile: '/r',
      user: 'u',
      password: 'p',
      isVersion2: true,
      mayUpdate: true,
    });
  });
});

interface Situation {
  readonly config?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
}

async function start(situation: Situation) {
  const {config, claims, files = {}} = situation;
  const fake = createFakePlatform({
    files: {
      '/etc/choria/keep': '',
      ...(config === undefined ? {} : {[path]: config}),
      ...(claims === undefined ? {} : {[tokenPath]: tokens.make({...target, ...claims})}),
      ...files,
    },
    host: {hostname: 'vm.example.net'},
  });
  return {fake, start: await prepareServerStart({platform: fake.platform, path, tokenPath})};
}

const seed = Buffer.alloc(32, 3);
const serverToken = (identity: string, exp = 4_000_000_000): string =>
  signToken(
    {identity, purpose: 'choria_server', public_key: ed25519PublicFromSeed(seed).toString('hex'), exp},
    ed25519PrivateKey(seed),
  );
const choriaConfig = 'identity = n1\nplugin.security.provider = choria\n';
const seedFile = {'/etc/choria/server.seed': seed.toString('hex')};

describe('a server that starts', () => {
  test.each<readonly [string, Situation, boolean]>([
    ['has a configuration and no token', {config: 'identity = n1\n'}, false],
    ['has a token that does not ask by default', {config: 'identity = n1\n', claims: {chpd: false}}, false],
    ['has a token that asks by default', {config: 'identity = n1\n', claims: {}}, true],
    ['turns provisioning off', {config: 'identity = n1\nplugin.choria.server.provision = 0\n', claims: {}}, false],
    ['asks by itself', {config: 'identity = n1\nplugin.choria.server.provision = 1\n', claims: {chpd: false}}, true],
    ['has no configuration', {claims: {chpd: false}}, true],
    ['uses tokens and lacks them', {config: choriaConfig, claims: {chpd: false}}, true],
    [
      'has a good token of its own',
      {
        config: choriaConfig,
        claims: {chpd: false},
        files: {...seedFile, '/etc/choria/server.jwt': serverToken('n1')},
      },
      false,
    ],
    [
      'has an expired token',
      {
        config: choriaConfig,
        claims: {chpd: false},
        files: {...seedFile, '/etc/choria/server.jwt': serverToken('n1', 5)},
      },
      true,
    ],
    [
      'is a copy of another machine',
      {config: choriaConfig, claims: {chpd: false}, files: {...seedFile, '/etc/choria/server.jwt': serverToken('n2')}},
      true,
    ],
  ])('and %s', async (_title, situation, isProvisioning) => {
    const {start: made} = await start(situation);
    expect(made.isProvisioning).toBe(isProvisioning);
    if (isProvisioning) expect(made.config.get('collectives')).toEqual(['provisioning']);
  });

  test('keeps its name when it has to be configured anew, and loses its useless token', async () => {
    const {fake, start: made} = await start({config: choriaConfig, claims: {}, files: {...seedFile}});
    expect(made.config.get('identity')).toBe('n1');
    expect(fake.files.text('/etc/choria/server.seed')).toBeUndefined();
  });

  test('without configuration and token is told so', async () => {
    await expect(start({})).rejects.toThrow('was not found and provisioning is disabled');
  });

  test('with a token that cannot be used runs as it is configured, and says so', async () => {
    const {start: made} = await start({config: 'identity = n1\n', files: {[tokenPath]: 'nonsense'}});
    expect(made.isProvisioning).toBe(false);
    expect(made.notes.join()).toContain('Provisioning is off');
  });
});

describe('a change of several files', () => {
  const before = {'/d/a': 'old a', '/d/b': 'old b', '/d/p/x.policy': 'old x'};

  function prepare(files: ReturnType<typeof createFakePlatform>['files']): FileTransaction {
    const change = new FileTransaction({files, id: 'id'});
    change.write('/d/a', {content: 'new a', mode: 0o644});
    change.replaceDirectory('/d/p', {
      files: new Map([['rego/y.rego', {content: 'new y', mode: 0o400}]]),
      mode: 0o700,
    });
    change.remove('/d/b');
    change.write('/d/c', {content: 'new c', mode: 0o600});
    return change;
  }

  function content(
    files: ReturnType<typeof createFakePlatform>['files'],
  ): Readonly<Record<string, string | undefined>> {
    return Object.fromEntries(
      files.paths.filter((name) => files.text(name) !== undefined).map((name) => [name, files.text(name)]),
    );
  }

  test('happens as a whole', async () => {
    const {files} = createFakePlatform({files: before});
    await prepare(files).commit();
    expect(content(files)).toEqual({'/d/a': 'new a', '/d/c': 'new c', '/d/p/rego/y.rego': 'new y'});
  });

  test('does not happen when its check fails', async () => {
    const {files} = createFakePlatform({files: before});
    await expect(prepare(files).commit(() => Promise.reject(new Error('no good')))).rejects.toThrow('no good');
    expect(content(files)).toEqual(before);
  });

  test('does not happen when any one step fails (fault 55)', async () => {
    let steps = 0;
    const counting = createFakePlatform({files: before});
    counting.files.fault = () => void steps++;
    await prepare(counting.files).commit();
    for (let failing = 0; failing < steps; failing++) {
      const {files} = createFakePlatform({files: before});
      let step = 0;
      files.fault = () =>
        step++ === failing ? Object.assign(new Error('ENOSPC: no space left on device'), {code: 'ENOSPC'}) : undefined;
      const outcome = await prepare(files)
        .commit()
        .then(
          () => 'done',
          () => 'refused',
        );
      files.fault = undefined;
      const left = Object.fromEntries(Object.entries(content(files)).filter(([name]) => !/\.(old|new)-id/.test(name)));
      const done = {'/d/a': 'new a', '/d/c': 'new c', '/d/p/rego/y.rego': 'new y'};
      expect([failing, outcome, left]).toEqual([failing, outcome, outcome === 'done' ? done : before]);
    }
  });
});
