import {describe, expect, test} from 'vitest';
import {runCliForTest} from '../../../test/support/cli.ts';
import {createFakePlatform, type FakePlatformOptions} from '../../../test/support/fake-platform.ts';
import {wrapDescription} from './tool-config-box.ts';

const base = 'identity = n1.example.net\nplugin.security.provider = file\nplugin.choria.use_srv = false\n';

/** On a platform in memory, where nothing but the files given exists. */
function run(words: readonly string[], settings: string, options: FakePlatformOptions & {terminal?: boolean} = {}) {
  const {platform} = createFakePlatform({
    ...options,
    files: {'/etc/choria/client.conf': base + settings, ...options.files},
  });
  return runCliForTest({
    argv: ['choria', 'tool', 'config', '--config', '/etc/choria/client.conf', ...words],
    platform,
    mounts: [{virtual: '/etc/choria', real: '/etc/choria'}],
    ...(options.env === undefined ? {} : {env: options.env as Record<string, string>}),
    ...(options.terminal === true ? {tty: {cols: 80, rows: 24}} : {}),
  });
}

describe('choria tool config', () => {
  test('masks secrets in the table, in boxes and in addresses', async () => {
    const settings =
      'plugin.nats.pass = hunter2\nplugin.x.password = hunter2\nplugin.choria.middleware_hosts = nats://u:hunter2@h:4222\n';
    const {stdout, exit} = await run(['nats.pass|middleware_hosts'], settings);
    expect(exit).toBe(0);
    expect(stdout).not.toContain('hunter2');
    expect(stdout).toContain('Choria Brokers: nats://u:********@h:4222\n');
    expect(stdout).toContain('\u2551        Value: ********\n');
  });

  test('finds the settings of this program alone only when no shared one matches', async () => {
    expect((await run(['-l', 'replay_store'], '')).stdout).toBe('plugin.choria.security.replay_store\n');
    expect((await run(['-l', 'plugin.choria.security'], '')).stdout).not.toContain('replay_store');
    expect((await run(['-l'], '')).stdout.trim().split('\n')).toHaveLength(163);
  });

  test('a value that drives terminals is shown, not obeyed', async () => {
    const {output} = await run([], 'plugin.x.y = \u001b[2Jz\u202e\n', {terminal: true});
    expect(output).not.toContain('\u001b[2J');
    expect(output).toContain('plugin.x.y: \\x1b[2Jz\\u202e');
  });

  test('tells on a terminal that a file named cannot be read, and shows defaults', async () => {
    const {platform} = createFakePlatform();
    const {output, exit} = await runCliForTest({
      argv: ['choria', 'tool', 'config', '--config', '/etc/nope.conf', '^ttl$'],
      platform,
      tty: {cols: 80, rows: 24},
    });
    expect(exit).toBe(0);
    expect(output).toContain(
      "The configuration can't be read, defaults are shown: open /etc/nope.conf: no such file or directory",
    );
    expect(output).not.toContain('Value:');
  });

  test('an unknown security provider ends it, a device without its PIN is named as a problem', async () => {
    const unknown = await run([], 'plugin.security.provider = wibble\n');
    expect(unknown.exit).toBe(1);
    expect(unknown.stdout).toContain('could not set up security framework: unknown security provider wibble');
    const pkcs11 = await run([], 'plugin.security.provider = pkcs11\nplugin.security.pkcs11.driver_file = /lib/x.so\n');
    expect(pkcs11.exit).toBe(0);
    expect(pkcs11.stdout).toContain('Security Errors: There is no PIN for the PKCS#11 device');
    expect(pkcs11.stdout).toContain('PKC11 Driver: /lib/x.so (absent)\n');
  });

  test('the caller is the one that a readable token names', async () => {
    const claims = Buffer.from(JSON.stringify({callerid: 'up=alice'})).toString('base64url');
    const settings =
      'plugin.security.provider = choria\nloglevel = warn\nplugin.security.choria.token_file = /etc/choria/t\nplugin.security.choria.seed_file = /etc/choria/s\n';
    const {stdout} = await run([], settings, {files: {'/etc/choria/t': `x.${claims}.y`}});
    expect(stdout).toContain('Caller ID: up=alice\n              Certname: rip\n');
    const broken = await run([], settings, {files: {'/etc/choria/t': 'x.%.y'}});
    expect(broken.stdout).toContain('Caller ID: choria=rip\n');
  });

  test('settings that name a host win over DNS, and DNS over the default', async () => {
    const srv = {name: 'db.example.net.', port: 9999, priority: 0, weight: 0};
    const settings = 'loglevel = error\nplugin.choria.use_srv = true\nplugin.choria.srv_domain = example.net\n';
    const names = {srv: {'_x-puppet._tcp.example.net': [srv]}};
    expect((await run([], settings, {names})).stdout).toContain('PuppetDB Server: https://db.example.net:8081\n');
    const own = {srv: {...names.srv, '_x-puppet-db._tcp.example.net': [srv]}};
    expect((await run([], settings, {names: own})).stdout).toContain('PuppetDB Server: https://db.example.net:9999\n');
    const configured = await run([], `${settings}plugin.choria.puppetdb_host = here\n`, {names: own});
    expect(configured.stdout).toContain('PuppetDB Server: https://here:8081\n');
  });
});

test('descriptions wrap by words; only the first line pays for its bar', () => {
  expect(wrapDescription('aa bb cc dd', 9)).toEqual(['\u2551 aa bb', '\u2551 cc dd']);
  expect(wrapDescription('aaaa bbbb', 1)).toEqual(['\u2551 aaaa', '\u2551 bbbb']);
  expect(wrapDescription('a\u00e9 b', -5)).toEqual(['\u2551 a\u00e9', '\u2551 b']);
});
