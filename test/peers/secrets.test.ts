/** Everything that a busy fleet prints, writes and shows of itself, searched for every secret that it has. */
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {runCliForTest} from '../support/cli.ts';
import {freePort, type RunningProgram, startProgram} from '../support/programs.ts';

/** Files whose whole purpose is to hold a secret. */
const keepers = /(?:^|\/)(?:seed|[\w.-]+\.(?:key|seed|jwt)|key\.pem|provisioner\.yaml|broker\.conf)$/;

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Seeds, the middle lines of keys, signatures of tokens, passwords. */
function secretsOf(directory: string): ReadonlyMap<string, string> {
  const secrets = new Map<string, string>();
  for (const path of filesBelow(directory).filter((file) => keepers.test(file))) {
    const text = readFileSync(path, 'utf8').trim();
    if (path.endsWith('seed')) secrets.set(text, path);
    else if (path.endsWith('.jwt')) secrets.set(text.split('.')[2] ?? text, path);
    else if (/key$|key\.pem$/.test(path)) for (const line of text.split('\n').slice(1, -1)) secrets.set(line, path);
    for (const match of text.matchAll(/(?:client_password = |"token": "|_password": ")([\w-]+)/g)) {
      secrets.set(match[1] ?? '', path);
    }
  }
  return new Map([...secrets].filter(([text]) => text.length >= 16));
}

test.each([
  {how: 'tokens', flags: [], user: 'rip', other: 'eve'},
  {how: 'certificates', flags: ['--x509'], user: 'rip.mcollective', other: 'eve.mcollective'},
])('fault 67: a busy fleet with $how shows none of its secrets', {timeout: 120_000}, async ({flags, user, other}) => {
  const root = mkdtempSync(join(tmpdir(), 'choria-secrets-'));
  const acme = join(root, 'acme');
  const port = await freePort();
  const running: RunningProgram[] = [];
  const told: string[] = [];
  try {
    const init = ['choria', 'init', ...flags, '--directory', acme, '--listen', '127.0.0.1', '--port', String(port)];
    const choria = async (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> => {
      const {stdout, stderr, exit} = await runCliForTest({argv, env: {MCOLLECTIVE_CERTNAME: user, ...env}});
      told.push(stdout, stderr);
      return exit;
    };
    expect(await choria([...init, '--node', 'web1.example.net'])).toBe(0);
    await choria(['choria', 'init', 'user', 'eve', '--directory', acme]);
    const secrets = secretsOf(acme);
    expect(secrets.size).toBeGreaterThan(10);
    for (const path of [
      'broker/broker.conf',
      'nodes/web1.example.net/server.conf',
      `users/${user}/client.conf`,
      `users/${other}/client.conf`,
    ]) {
      const file = join(acme, path);
      writeFileSync(file, readFileSync(file, 'utf8').replace(/loglevel = \w+/, 'loglevel = debug'));
    }
    running.push(startProgram(['broker', 'run', '--config', join(acme, 'broker', 'broker.conf')]));
    running.push(startProgram(['server', 'run', '--config', join(acme, 'nodes', 'web1.example.net', 'server.conf')]));
    running.push(
      startProgram([
        'provisioner',
        'run',
        '--config',
        join(acme, 'provisioning', 'provisioner.yaml'),
        '--choria-config',
        join(acme, 'provisioning', 'provisioner.conf'),
      ]),
    );
    const client = ['--config', join(acme, 'users', user, 'client.conf')];
    await expect
      .poll(() => choria(['choria', 'ping', '--expect', '1', '--timeout', '1', ...client]), {timeout: 60_000})
      .toBe(0);
    for (const args of [
      ['req', 'rpcutil', 'inventory', '--json'],
      ['req', 'rpcutil', 'get_config_item', 'item=plugin.security.choria.seed_file'],
      ['inventory', 'web1.example.net'],
      ['find', '-v'],
      ['tool', 'config'],
      ['doctor', '--json'],
    ]) {
      await choria(['choria', ...args, ...client]);
    }
    const stranger = ['--config', join(acme, 'users', other, 'client.conf')];
    await choria(['choria', 'req', 'rpcutil', 'get_config_item', 'item=identity', ...stranger], {
      MCOLLECTIVE_CERTNAME: other,
    });
    await choria(['choria', 'init', 'revoke', 'eve', '--directory', acme]);
    await choria(['choria', 'ping', '--timeout', '1', ...stranger], {MCOLLECTIVE_CERTNAME: other});
    await choria(['choria', 'init', 'status', '--json', '--directory', acme]);

    const processes = execFileSync('ps', ['-ww', '-o', 'args=', '-p', running.map(({pid}) => pid).join(',')], {
      encoding: 'utf8',
    });
    const shown = new Map([
      ['what commands printed', told.join('')],
      ['the list of processes', processes],
      ...running.map((item, index): [string, string] => [`the log of process ${index}`, item.log()]),
      ...filesBelow(acme)
        .filter((path) => !keepers.test(path))
        .map((path): [string, string] => [path, readFileSync(path, 'utf8')]),
    ]);
    expect(running[1]?.log()).toContain('Registered agent rpcutil');
    expect(shown.get('the list of processes')).toContain('server run');
    const leaks = [...shown].flatMap(([place, text]) =>
      [...secrets].filter(([secret]) => text.includes(secret)).map(([, owner]) => `${place} shows what is in ${owner}`),
    );
    expect(leaks).toEqual([]);
  } finally {
    for (const item of running) await item.stop();
    rmSync(root, {recursive: true, force: true});
  }
});
