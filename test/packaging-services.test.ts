/** Units, log rotation and default configurations: what they name exists, and the programs take it without a word. */
import {spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {program as rootCommand} from '../src/cli/commands/index.ts';
import type {CommandSpec} from '../src/cli/types.ts';
import {loadConfig} from '../src/config/index.ts';
import {parseProvisionerSettings} from '../src/provisioner/index.ts';
import {createFakePlatform} from './support/fake-platform.ts';

const packaging = join(import.meta.dirname, '../packaging');
const read = (path: string): string => readFileSync(join(packaging, path), 'utf8');
const units = readdirSync(join(packaging, 'systemd')).filter((name) => name.endsWith('.service'));
const analyzer = '/usr/bin/systemd-analyze';

function setting(unit: string, name: string): string | undefined {
  return new Map(
    read(`systemd/${unit}`)
      .split('\n')
      .filter((line) => /^[A-Z]\w*=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  ).get(name);
}

/** The command and the flags that it and its parents have. */
function commandOf(words: readonly string[]): {command: CommandSpec; flags: readonly string[]} {
  let command: CommandSpec = rootCommand;
  const flags = [...(command.flags ?? [])];
  for (const word of words) {
    const next = command.commands?.find((item) => item.name === word);
    if (next === undefined) throw new Error(`there is no command ${words.join(' ')}`);
    command = next;
    flags.push(...(command.flags ?? []));
  }
  return {command, flags: flags.map((flag) => flag.name)};
}

describe('systemd units', () => {
  test('are there for all that runs by itself', () => {
    expect(units).toEqual([
      'choria-aaa.service',
      'choria-broker.service',
      'choria-provisioner.service',
      'choria-server.service',
    ]);
  });

  test.each(units)('%s starts a command that there is, with flags that it has', (unit) => {
    const [program, ...words] = (setting(unit, 'ExecStart') ?? '').split(' ');
    expect(program).toBe('/usr/bin/choria');
    const {command, flags} = commandOf(words.filter((word) => !word.startsWith('--')));
    expect(command.run).toBeDefined();
    for (const word of words.filter((item) => item.startsWith('--'))) {
      expect(flags).toContain(word.slice(2).split('=')[0]);
    }
  });

  test('jobs outlive a restart of the server, and the end of one is waited for', () => {
    expect(setting('choria-server.service', 'KillMode')).toBe('process');
    expect(Number(setting('choria-server.service', 'TimeoutStopSec'))).toBeGreaterThan(10);
  });

  test.each(units.filter((unit) => unit !== 'choria-server.service'))(
    '%s is no root and can write nowhere else',
    (unit) => {
      expect(setting(unit, 'User')).toBe('choria');
      expect(setting(unit, 'ProtectSystem')).toBe('strict');
      expect(setting(unit, 'NoNewPrivileges')).toBe('yes');
      // The compiler of the runtime writes code and runs it.
      expect(setting(unit, 'MemoryDenyWriteExecute')).toBeUndefined();
    },
  );

  test('mean something to systemd, where it is there to be asked', () => {
    const directory = mkdtempSync(join(tmpdir(), 'choria-units-'));
    try {
      for (const unit of existsSync(analyzer) ? units : []) {
        const path = join(directory, unit);
        writeFileSync(path, read(`systemd/${unit}`).replaceAll('/usr/bin/choria', '/bin/true'));
        const {stdout, stderr} = spawnSync(analyzer, ['verify', '--man=no', path], {encoding: 'utf8'});
        const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(unit));
        expect(about).toEqual([]);
      }
    } finally {
      rmSync(directory, {recursive: true});
    }
  });
});

describe('default configurations', () => {
  test.each(['server.conf', 'broker.conf'])('%s has no setting that means nothing', async (name) => {
    const path = `/etc/choria/${name}`;
    const {platform} = createFakePlatform({files: {[path]: read(`config/${name}`)}});
    const config = await loadConfig({platform, mode: 'server', path});
    expect(config.warnings).toEqual([]);
  });

  test('a server without policies runs nothing, and records what it runs', async () => {
    const path = '/etc/choria/server.conf';
    const {platform} = createFakePlatform({files: {[path]: read('config/server.conf')}});
    const config = await loadConfig({platform, mode: 'server', path});
    expect(config.get('rpcauthorization')).toBe(true);
    expect(config.get('rpcauthprovider').toLowerCase()).toBe('action_policy');
    expect(config.get('rpcaudit')).toBe(true);
  });

  test('the provisioner takes its own', () => {
    const warnings: string[] = [];
    parseProvisionerSettings(read('config/provisioner.yaml'), {cpuCount: 2, warn: (text) => warnings.push(text)});
    expect(warnings).toEqual([]);
  });
});

test('logs are rotated by a signal that the server knows; each file that a configuration names is rotated', () => {
  const rotated = read('logrotate/choria');
  expect(rotated).toContain('--signal=HUP');
  const named = ['server.conf', 'broker.conf', 'provisioner.yaml'].flatMap((name) =>
    [...read(`config/${name}`).matchAll(/^\s*(?:logfile|plugin\.rpcaudit\.logfile)\s*[:=]\s*(\S+)/gm)].map(
      (match) => match[1] ?? '',
    ),
  );
  expect(named.length).toBeGreaterThan(3);
  for (const path of named) {
    const isNamed = rotated.includes(`${path} {`) || (path.startsWith('/var/log/choria/') && path.endsWith('.log'));
    expect([path, isNamed]).toEqual([path, true]);
  }
});
