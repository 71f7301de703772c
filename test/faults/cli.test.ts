/** Faults that reach the command line: hostile texts, secrets in help, names that are not what they look like. */
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {program} from '../../src/cli/index.ts';
import {allCommandPaths, longHelp} from '../../src/cli/help.ts';
import {inert, inertJson, inertLine} from '../../src/cli/render/inert.ts';
import {renderTable} from '../../src/cli/render/table.ts';
import {runCliForTest} from '../support/cli.ts';

let library = '';

const hostileName = 'evil\u001b]0;owned\u0007';

beforeAll(() => {
  library = mkdtempSync(join(tmpdir(), 'choria-faults-'));
  const agents = join(library, 'mcollective', 'agent');
  mkdirSync(agents, {recursive: true});
  const document = {
    $schema: 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json',
    metadata: {
      name: 'hostile',
      description: 'clears \u001b[2J and \u202eturns',
      author: 'x',
      license: 'x',
      version: '1.0.0',
      url: 'https://example.net',
      timeout: 5,
    },
    actions: [{action: hostileName, description: 'line\nbreak', input: {}, output: {}, display: 'always'}],
  };
  writeFileSync(join(agents, 'hostile.json'), JSON.stringify(document));
});

afterAll(() => {
  rmSync(library, {recursive: true, force: true});
});

// eslint-disable-next-line no-control-regex
const active = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

test('fault 34: replies with escapes, overwrites, direction marks and long lines are shown, never acted on', () => {
  const attacks = [
    '\u001b[2J\u001b[H',
    '\u001b]0;title\u0007',
    '\u001b]52;c;ZXZpbA==\u0007',
    'all is well\rEVERYTHING IS LOST',
    '\u202etxt.exe',
    '\u009b31mred',
    '<script>alert(1)</script>',
    'x'.repeat(1_000_000),
  ];
  for (const attack of attacks) {
    expect(active.test(inert(attack))).toBe(false);
    expect(active.test(renderTable({headers: ['a'], rows: [[attack]]}))).toBe(false);
    const json = JSON.stringify({attack});
    expect(active.test(inertJson(json))).toBe(false);
    expect(JSON.parse(inertJson(json))).toEqual({attack});
  }
});

test('fault 34: a description from disk cannot write to the terminal through completion', async () => {
  const files = {'/home/rip/.choriarc': `libdir = /lib\nplugin.security.provider = file\n`};
  const mounts = [{virtual: '/lib', real: library}];
  for (const argv of [
    ['choria', 'completion', '--list', 'actions', '--agent', 'hostile'],
    ['choria', 'completion', '--zsh', '--list', 'agents'],
    ['choria', 'completion', '--zsh', '--list', 'actions', '--agent', 'hostile'],
  ]) {
    const {stdout, exit} = await runCliForTest({argv, files, mounts});
    expect(exit).toBe(0);
    expect(active.test(stdout)).toBe(false);
    expect(stdout.split('\n').filter((line) => line.startsWith('break'))).toEqual([]);
  }
});

test('fault 67: no help page shows a value of the environment or of the configuration', async () => {
  const secret = 's3cr3t-value';
  const env = {CHORIA_TOKEN: secret, MCOLLECTIVE_NATS_PASSWORD: secret};
  const files = {'/home/rip/.choriarc': `plugin.nats.pass = ${secret}\n`};
  for (const path of allCommandPaths(program)) {
    const argv = ['choria', ...path.slice(1).map((command) => command.name), '--help'];
    const {stderr, stdout} = await runCliForTest({argv, env, files});
    expect(stderr + stdout).not.toContain(secret);
  }
  expect(longHelp(program, {columns: 80})).not.toContain(secret);
});

test('fault 75: words typed on the command line are shown inert in errors', async () => {
  for (const argv of [
    ['choria', hostileName],
    ['choria', 'buildinfo', hostileName],
    ['choria', 'buildinfo', `--${hostileName}`],
    ['choria', 'completion', '--list', hostileName],
    ['choria', 'tool', 'sha256', `/${hostileName}`],
  ]) {
    const {stderr, stdout, exit} = await runCliForTest({argv});
    expect(exit).toBe(1);
    expect(active.test(stderr + stdout)).toBe(false);
  }
});

test('fault 75: a name with a line end stays one name in a list', () => {
  expect(inertLine('dev1.example.net\ndev2.example.net')).toBe('dev1.example.net\\ndev2.example.net');
});
