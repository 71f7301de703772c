/** The lines of the fault list that the library layer and the configuration answer for. */
import {spawnSync} from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as fc from 'fast-check';
import {afterAll, describe, expect, test} from 'vitest';
import {configFromEntries, displayConfigValue, loadConfig} from '../../src/config/index.ts';
import {parseJson} from '../../src/lib/json.ts';
import {createLogger} from '../../src/lib/node-logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {ProcessRequest} from '../../src/lib/platform.ts';
import {compileRegex} from '../../src/lib/regex.ts';
import {systemError} from '../support/fake-files.ts';
import {createFakePlatform} from '../support/fake-platform.ts';

const scratch = mkdtempSync(join(tmpdir(), 'choria-faults-'));
afterAll(() => rmSync(scratch, {recursive: true, force: true}));

const platform = createNodePlatform();
const {files, processes} = platform;

describe('data from outside', () => {
  test('fault 22: prototype names are data in configurations and JSON', async () => {
    const {platform: fake} = createFakePlatform();
    const config = await configFromEntries(
      {identity: 'n1', ['__proto__']: 'x', constructor: 'y', 'plugin.__proto__.polluted': 'z', hasOwnProperty: 'w'},
      {platform: fake, mode: 'server'},
    );
    expect(config.raw('constructor')).toBe('y');
    expect(config.raw('toString')).toBeUndefined();
    for (const bigIntegers of [false, true]) {
      parseJson('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"n":99999999999999999999}', {
        bigIntegers,
      });
    }
    expect(({} as {polluted?: unknown}).polluted).toBeUndefined();
  });

  test('fault 23: depth and size of JSON are bounded, whichever reader is used', () => {
    for (const bigIntegers of [false, true]) {
      const deep = `[99999999999999999999,${'['.repeat(100_000)}${']'.repeat(100_000)}]`;
      expect(() => parseJson(deep, {bigIntegers})).toThrow(expect.objectContaining({code: 'ERR_JSON_TOO_DEEP'}));
    }
    expect(() => parseJson(Buffer.alloc(20 * 1024 * 1024, 0x20))).toThrow(
      expect.objectContaining({code: 'ERR_JSON_TOO_LARGE'}),
    );
  });

  test('fault 24: numbers keep their meaning or are refused', async () => {
    expect(parseJson('[1e308,-0,9007199254740993]', {bigIntegers: true})).toEqual([1e308, -0, 9007199254740993n]);
    expect(() => parseJson('[NaN]')).toThrow(expect.objectContaining({code: 'ERR_JSON_SYNTAX'}));
    const {platform: fake} = createFakePlatform();
    const config = await configFromEntries(
      {identity: 'n1', ttl: '1.5', registerinterval: '99999999999999999999'},
      {platform: fake, mode: 'server'},
    );
    expect([config.get('ttl'), config.get('registerinterval')]).toEqual([60, 300]);
    expect(config.warnings).toHaveLength(2);
  });

  test('fault 35: a pattern that makes a backtracking engine hang is answered in linear steps', () => {
    // A backtracking engine would not come back from these within the life of this test.
    const hostile = compileRegex('^(a+)+$');
    expect(hostile.test(`${'a'.repeat(50_000)}b`)).toBe(false);
    expect(compileRegex('(x+x+)+y').test('x'.repeat(50_000))).toBe(false);
  });

  test.each(['(?<=a)b', 'a(?!b)', '(a)\\1', 'a++', '(?>a)', '\\Z', 'a{1001}', '((a{100}){100}){100}'])(
    'fault 36: %s is refused, as on the other programs',
    (pattern) => {
      expect(() => compileRegex(pattern)).toThrow(expect.objectContaining({code: 'ERR_REGEX_SYNTAX'}));
    },
  );

  test('fault 36: the rest means what it means there', () => {
    expect(compileRegex('^\\d$').test('\u0663')).toBe(false);
    expect(compileRegex('a$').test('a\n')).toBe(false);
    expect(compileRegex('(?i)K').test('\u212a')).toBe(true);
    expect(compileRegex('^.$').test('\u{1f600}')).toBe(true);
  });

  test('fault 70: no bytes make the configuration loader fail', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({maxLength: 400}), async (bytes) => {
        const fake = createFakePlatform({
          files: {'/etc/c.conf': Buffer.concat([Buffer.from('identity = n1\n'), bytes])},
        });
        const config = await loadConfig({platform: fake.platform, mode: 'system', path: '/etc/c.conf'});
        expect(config.warnings.length).toBeLessThan(300);
      }),
    );
  });
});

describe('children', () => {
  const shell = (script: string, changes: Partial<ProcessRequest> = {}): ProcessRequest => ({
    command: '/bin/sh',
    args: ['-c', script],
    env: {PATH: process.env['PATH'] ?? ''},
    cwd: scratch,
    timeoutMs: 20_000,
    outputBytesMax: 10_000,
    ...changes,
  });

  test('fault 44: a flood of output is counted, not kept, and a line without end comes in pieces', async () => {
    let longest = 0;
    const result = await processes.run(
      shell('head -c 20000000 /dev/zero', {onLine: (_stream, line) => (longest = Math.max(longest, line.length))}),
    );
    expect(result.stdout.length).toBe(10_000);
    expect(result.droppedBytes).toBe(19_990_000);
    expect(longest).toBeLessThanOrEqual(64 * 1024);
  });

  test('fault 44: who ignores SIGTERM is killed with everything that it started', async () => {
    const result = await processes.run(shell('trap "" TERM; sleep 600 & sleep 600', {timeoutMs: 100}));
    expect(result).toMatchObject({timedOut: true, signalName: 'SIGKILL'});
  });

  test('fault 44: a daemon that holds the pipe and an end by signal are told apart from a hang', async () => {
    expect(await processes.run(shell('sleep 3 & exit 0'))).toMatchObject({exitCode: 0, timedOut: false});
    expect(await processes.run(shell('kill -SEGV $$'))).toMatchObject({exitCode: null, signalName: 'SIGSEGV'});
  });
});

describe('files', () => {
  test('fault 46: a symbolic link planted at the place of a file is replaced, not followed', async () => {
    const victim = join(scratch, 'victim');
    const place = join(scratch, 'state');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, place);
    await files.writeAtomic(place, 'new', {mode: 0o600});
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(lstatSync(place).isSymbolicLink()).toBe(false);
  });

  test('fault 46: modes hold whatever the umask, temporary directories are private and their names differ', async () => {
    const path = join(scratch, 'secret');
    await files.writeAtomic(path, 'x', {mode: 0o600});
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const [first, second] = [await files.makeTempDirectory('choria-t-'), await files.makeTempDirectory('choria-t-')];
    expect(statSync(first).mode & 0o777).toBe(0o700);
    expect(first).not.toBe(second);
    await files.remove(first);
    await files.remove(second);
  });

  test('fault 46: a write that fails leaves the old file and no temporary one', async () => {
    const directory = join(scratch, 'target');
    mkdirSync(join(directory, 'state'), {recursive: true});
    writeFileSync(join(directory, 'state', 'inside'), '');
    await expect(files.writeAtomic(join(directory, 'state'), 'x', {mode: 0o600})).rejects.toThrow();
    await expect(files.writeAtomic(join(scratch, 'none', 'x'), 'x', {mode: 0o600})).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(readdirSync(directory)).toEqual(['state']);
  });

  test('fault 55: a log that can not be written stops nothing', () => {
    const log = createLogger({destination: {path: '/dev/full'}, level: 'info', clock: platform.clock, startedAtMs: 0});
    for (let count = 0; count < 100; count++) log.info('lost');
    log.close();
  });

  test('fault 80: a FIFO, a device or endless content in place of a configuration is an error at once', async () => {
    const fifo = join(scratch, 'fifo.conf');
    spawnSync('mkfifo', [fifo]);
    const large = join(scratch, 'large.conf');
    writeFileSync(large, Buffer.alloc(5 * 1024 * 1024, 'a'));
    for (const path of [fifo, '/dev/zero', large]) {
      await expect(loadConfig({platform, mode: 'system', path})).rejects.toMatchObject({
        code: 'ERR_CONFIG_FILE_UNREADABLE',
      });
    }
  });
});

describe('names and secrets', () => {
  test('fault 58: a resolver that fails in any way leaves the node its short name', async () => {
    const {platform: fake} = createFakePlatform({host: {hostname: 'n1'}});
    const failures: Partial<typeof fake.names>[] = [
      {lookup: () => Promise.reject(systemError('ENOTFOUND', 'n1'))},
      {lookup: () => Promise.resolve([])},
      {lookup: () => Promise.resolve(['10.0.0.1']), reverse: () => Promise.resolve([])},
      {lookup: () => Promise.resolve(['10.0.0.1']), reverse: () => Promise.resolve(['.'])},
    ];
    for (const failure of failures) {
      const config = await configFromEntries(
        {},
        {platform: {...fake, names: {...fake.names, ...failure}}, mode: 'server'},
      );
      expect(config.get('identity')).toBe('n1');
    }
  });

  test('fault 67: a secret setting appears neither in warnings nor in what is shown of it', async () => {
    const {platform: fake} = createFakePlatform({env: {MCOLLECTIVE_NATS_PASSWORD: 'hunter2'}});
    const config = await configFromEntries(
      {
        identity: 'n1',
        'plugin.nats.pass': 'hunter2',
        'plugin.nats.Pass': 'hunter2',
        'plugin.choria.network.peer_password': 'hunter2',
      },
      {platform: fake, mode: 'server'},
    );
    expect(JSON.stringify(config.warnings)).not.toContain('hunter2');
    expect(displayConfigValue(config, 'plugin.nats.pass')).toBe('********');
  });

  test('fault 78: every setting that holds a password is masked for whoever asks from outside', async () => {
    const {platform: fake} = createFakePlatform();
    const config = await configFromEntries(
      {
        identity: 'n1',
        'plugin.choria.network.system.password': 'hunter2',
        'plugin.choria.network.provisioning.client_password': 'hunter2',
        'plugin.choria.middleware_hosts': 'nats://bob:hunter2@broker:4222',
      },
      {platform: fake, mode: 'server'},
    );
    for (const key of [
      'plugin.choria.network.system.password',
      'plugin.choria.network.provisioning.client_password',
      'plugin.choria.middleware_hosts',
    ] as const) {
      expect(displayConfigValue(config, key)).not.toContain('hunter2');
    }
  });
});
