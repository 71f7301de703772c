import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {systemError} from '../../test/support/fake-files.ts';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {parseConfigText} from './file-syntax.ts';
import {
  configFromEntries,
  configKeys,
  type ConfigMode,
  defaultConfig,
  displayConfigValue,
  displayValue,
  findUserConfig,
  keySpec,
  loadConfig,
  standardConfigKeys,
} from './index.ts';

const path = '/etc/choria/server.conf';

async function load(
  text: string,
  options: {mode?: ConfigMode; files?: Record<string, string>; env?: Record<string, string>} = {},
) {
  const fake = createFakePlatform({files: {[path]: text, ...options.files}, env: {HOME: '/home/bob', ...options.env}});
  return loadConfig({platform: fake.platform, mode: options.mode ?? 'system', path});
}

describe('the registry', () => {
  test('has the shared keys, documents every key and masks those that hold passwords', () => {
    expect(standardConfigKeys).toHaveLength(163);
    for (const key of configKeys) {
      const spec = keySpec(key);
      expect(spec.doc, key).toMatch(/^[A-Z0-9].*[.)]$|\.$/);
      expect(/password$|\.pass$/.test(key), key).toBe(spec.secret === true);
    }
  });

  test('every default is a valid value of its own key', async () => {
    const config = await defaultConfig({platform: createFakePlatform().platform, mode: 'system'});
    expect(config.warnings).toEqual([]);
    expect(config.get('plugin.choria.security.request_ttl_max')).toBe(3_600_000);
  });
});

describe('file syntax', () => {
  test('no bytes make the parser fail, and what it reads has keys and values', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          for (const {key, value, line} of parseConfigText(bytes).lines) {
            expect(key.length).toBeGreaterThan(0);
            expect(value.length).toBeGreaterThan(0);
            expect(line).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  test('plain settings survive being written and read', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9_.]{0,20}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word)), (settings) => {
        const text = settings.map(([key, value]) => `${key} = ${value}\n`).join('');
        expect(parseConfigText(Buffer.from(text)).lines.map(({key, value}) => [key, value])).toEqual(settings);
      }),
    );
  });

  test('a line of 65,536 bytes with its end is read, one byte more stops the reading', () => {
    const line = (bytes: number) => `k=${'x'.repeat(bytes - 3)}\n`;
    expect(parseConfigText(Buffer.from(`${line(65_536)}a=b\n`)).lines).toHaveLength(2);
    const stopped = parseConfigText(Buffer.from(`a=b\n${line(65_537)}c=d\n`));
    expect(stopped.lines.map((item) => item.key)).toEqual(['a']);
    expect(stopped.problems).toEqual([{line: 2, text: expect.stringContaining('every later line is ignored')}]);
    expect(parseConfigText(Buffer.from(`k=${'x'.repeat(65_534)}`)).lines).toHaveLength(0);
  });
});

describe('what used to pass in silence', () => {
  test.each<[string, string]>([
    [
      'ttl = six',
      `${path}:2: "ttl" is "six", which is not a whole number and is ignored, the value stays 60; expected digits, such as 30`,
    ],
    [
      'loglevel = verbose',
      `${path}:2: "loglevel" is "verbose", which is none of the words known here; expected one of debug, info, warn, error, fatal`,
    ],
    [
      'rpcaudit = on',
      `${path}:2: "rpcaudit" is "on", which is not a known word and counts as false; expected true, yes, 1 or false, no, 0`,
    ],
    ['LogLevel = debug', `${path}:2: "LogLevel" is not a known setting and has no effect; did you mean "loglevel"?`],
    [
      'plugin.choria.midleware_hosts = x',
      `${path}:2: "plugin.choria.midleware_hosts" is not a known setting and has no effect; did you mean "plugin.choria.middleware_hosts"?`,
    ],
    ['identiyt = x', `${path}:2: "identiyt" is not a known setting and has no effect; did you mean "identity"?`],
    [
      '; loglevel = debug',
      `${path}:2: "; loglevel" is not a known setting and has no effect; did you mean "loglevel"?`,
    ],
    ['loglevel debug', `${path}:2: it has no "key = value" and sets nothing; comments start with "#"`],
    ['ttl =', `${path}:2: "ttl" has no value behind "=" and sets nothing; remove the line or give it a value`],
    [
      'main_collective = acme',
      '"main_collective" is "acme", which is none of the collectives (mcollective); expected one of them',
    ],
  ])('%s', async (line, warning) => {
    expect((await load(`identity = n1\n${line}\n`)).warnings).toEqual([warning]);
  });

  test('settings of plugins, comments and settings of Ruby programs need no word', async () => {
    const config = await load('identity = n1\n# x\nplugin.nettest.activate_agent = n\nconnector = nats\n');
    expect(config.warnings).toEqual([]);
    expect(config.raw('plugin.nettest.activate_agent')).toBe('n');
    expect(config.has('connector')).toBe(true);
  });

  test('a bad environment variable is named', async () => {
    const config = await load('identity = n1\nplugin.choria.services.registry.cache = /x\n', {
      env: {CHORIA_REGISTRY: '~alice/x'},
    });
    expect(config.warnings[0]).toContain('environment variable CHORIA_REGISTRY');
    await expect(
      load('identity = n1\nplugin.choria.services.registry.cache = /x\n', {env: {CHORIA_REGISTRY: ''}}),
    ).rejects.toMatchObject({code: 'ERR_CONFIG_ENVIRONMENT_EMPTY'});
  });

  test('files of plugin.d that have no effect are named', async () => {
    const config = await load('identity = n1\n', {
      files: {
        '/etc/choria/plugin.d/security.cfg': 'provider = file\n',
        '/etc/choria/plugin.d/lone.conf': 'a = b\n',
      },
    });
    expect(config.get('plugin.security.provider')).toBe('puppet');
    expect(config.warnings).toEqual([
      expect.stringContaining('lone.conf: it is not read; rename it to "lone.cfg"'),
      expect.stringContaining('security.cfg:1: "plugin.security.provider" has no effect in this file'),
    ]);
  });

  test('a flood of warnings is bounded', async () => {
    const config = await load(
      `identity = n1\n${Array.from({length: 500}, (_unused, index) => `k${index} = v\n`).join('')}`,
    );
    expect(config.warnings).toHaveLength(201);
    expect(config.warnings.at(-1)).toContain('more than 200');
  });
});

describe('loading', () => {
  test('files that cannot be read are errors in known words', async () => {
    const fake = createFakePlatform({files: {[path]: 'identity = n1\n'}});
    const attempt = (file: string) => loadConfig({platform: fake.platform, mode: 'system', path: file});
    await expect(attempt('/nope.conf')).rejects.toThrow('open /nope.conf: no such file or directory');
    fake.files.fault = (operation, file) => (operation === 'read' ? systemError('EACCES', file) : undefined);
    await expect(attempt(path)).rejects.toMatchObject({
      code: 'ERR_CONFIG_FILE_UNREADABLE',
      message: `open ${path}: permission denied`,
    });
    fake.files.put('/etc/choria/plugin.d/x.cfg', 'a = b\n');
    fake.files.fault = (operation, file) => (operation === 'list' ? systemError('EACCES', file) : undefined);
    await expect(attempt(path)).rejects.toThrow('open /etc/choria/plugin.d: permission denied');
  });

  test('a changed copy leaves the original as it was', async () => {
    const config = await load('identity = n1\n');
    expect(config.with({ttl: 5, collectives: ['a']}).get('ttl')).toBe(5);
    expect(config.get('ttl')).toBe(60);
  });

  test('entries make the same configuration as a file', async () => {
    const {platform} = createFakePlatform();
    const config = await configFromEntries(
      {identity: 'n1', 'plugin.choria.network.write_deadline': '1m', libdir: '/a:/b', rpcauthprovider: 'rego_policy'},
      {platform, mode: 'server'},
    );
    expect(config.get('plugin.choria.network.write_deadline')).toBe(60_000);
    expect(config.get('libdir')).toEqual(['/a', '/b']);
    expect(config.get('rpcauthprovider')).toBe('Rego_policy');
    expect(config.mode).toBe('server');
  });

  test('on Windows lists split on semicolons and nothing is coloured', async () => {
    const {platform} = createFakePlatform({host: {platform: 'win32'}});
    const config = await configFromEntries({identity: 'n1', libdir: 'C:\\a;C:\\b'}, {platform, mode: 'user'});
    expect(config.get('libdir')).toEqual(['C:\\a', 'C:\\b']);
    expect(config.get('color')).toBe(false);
  });
});

describe('the name of the node', () => {
  const identity = async (options: Parameters<typeof createFakePlatform>[0]) =>
    (await defaultConfig({platform: createFakePlatform(options).platform, mode: 'system'})).get('identity');

  test('is the host name when that is a full one', async () => {
    expect(await identity({host: {hostname: 'a.b.c'}})).toBe('a.b.c');
  });

  test('else what DNS says of its first IPv4 address', async () => {
    const names = {addresses: {a: ['::1', '10.0.0.1']}, reverse: {'10.0.0.1': ['a.example.net.']}};
    expect(await identity({host: {hostname: 'a'}, names})).toBe('a.example.net');
  });

  test('else what Facter says, never localhost', async () => {
    const names = {addresses: {a: ['127.0.0.1']}, reverse: {'127.0.0.1': ['localhost']}};
    const facter = {
      files: {'/usr/bin/facter': ''},
      env: {PATH: '/bin:/usr/bin'},
      programs: {'/usr/bin/facter': () => ({stdoutText: 'a.facter.net\n'})},
    };
    expect(await identity({host: {hostname: 'a'}, names, ...facter})).toBe('a.facter.net');
  });

  test('else the short name, and without any an error says what to set', async () => {
    expect(await identity({host: {hostname: 'a'}})).toBe('a');
    await expect(identity({host: {hostname: ''}})).rejects.toMatchObject({code: 'ERR_CONFIG_IDENTITY_UNKNOWN'});
  });

  test('a name server that never answers costs two seconds', async () => {
    const {platform, clock} = createFakePlatform({host: {hostname: 'a'}});
    const names = {
      ...platform.names,
      lookup: (_name: string, {signal}: {signal: AbortSignal}) =>
        new Promise<string[]>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    };
    const loading = defaultConfig({platform: {...platform, names}, mode: 'system'});
    await clock.advance(2_000);
    expect((await loading).get('identity')).toBe('a');
  });
});

describe('the file of client commands', () => {
  const find = (files: readonly string[], home = '/home/bob') =>
    findUserConfig(
      createFakePlatform({files: Object.fromEntries(files.map((file) => [file, ''])), env: {HOME: home}}).platform,
    );

  test('is the first that exists', async () => {
    expect(await find(['/home/bob/.mcollective', '/home/bob/.choriarc', '/etc/choria/client.conf'])).toBe(
      '/home/bob/.choriarc',
    );
    expect(await find(['/home/bob/.mcollective', '/etc/choria/client.conf'])).toBe('/home/bob/.mcollective');
    expect(await find(['/home/bob/.choriarc', '/usr/local/etc/choria/client.conf'], '')).toBe(
      '/usr/local/etc/choria/client.conf',
    );
    expect(await find([])).toBe('/etc/puppetlabs/mcollective/client.cfg');
  });
});

describe('secrets', () => {
  test('are masked wherever a setting is shown, also in warnings and URLs', async () => {
    expect(displayValue('plugin.nats.pass', 'hunter2')).toBe('********');
    expect(displayValue('plugin.other.api_key', 'hunter2')).toBe('********');
    expect(displayValue('plugin.security.choria.token_file', '/x')).toBe('/x');
    expect(displayValue('plugin.choria.middleware_hosts', 'nats://u:hunter2@h:1,nats://h2:2')).toBe(
      'nats://u:********@h:1,nats://h2:2',
    );
    const config = await load('identity = n1\nplugin.nats.pass = hunter2\n');
    expect(displayConfigValue(config, 'plugin.nats.pass')).toBe('********');
    expect(displayConfigValue(config, 'plugin.choria.network.write_deadline')).toBe('10s');
    expect(displayConfigValue(config, 'collectives')).toBe('[mcollective]');
  });
});
