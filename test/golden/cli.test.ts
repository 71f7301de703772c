/**
 * What people and scripts see of each command: its help, and for commands that need no network a success and a failure.
 *
 * The expected texts are the files beside this one. After an intended change: `npx vitest run test/golden -u`, then read the diff.
 */
import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';
import {program} from '../../src/cli/index.ts';
import {allCommandPaths} from '../../src/cli/help.ts';
import {commandsReference} from '../../tools/commands-reference.ts';
import {type CliTestRun, runCliForTest} from '../support/cli.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));

async function transcript(run: CliTestRun): Promise<string> {
  const {stdout, stderr, exit} = await runCliForTest(run);
  const times = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g;
  const part = (name: string, text: string): string =>
    text === '' ? '' : `--- ${name}\n${text.replace(times, '<time>')}`;
  return `$ ${run.argv.join(' ')}\n${part('stdout', stdout)}${part('stderr', stderr)}--- exit ${exit}\n`;
}

/** Wrong in several ways, and far from any network. */
const sickConfig = [
  'identity = rip.mcollective',
  'ttl = 1',
  'plugin.choria.middleware_hosts = localhost:http',
  'plugin.security.provider = file',
  'plugin.security.file.certificate = /home/rip/certificate.pem',
  'plugin.security.file.key = /home/rip/key.pem',
  '',
].join('\n');

const policyFiles = {
  '/home/rip/server.conf':
    'identity = web1.example.net\nclassesfile = /home/rip/classes.txt\nplugin.yaml = /home/rip/facts.json\n',
  '/home/rip/facts.json': '{"country":"mt"}',
  '/home/rip/classes.txt': 'apache\n',
  '/home/rip/policies/puppet.policy': [
    'policy default deny',
    'allow\tchoria=alice.mcollective\t*\t*\t*',
    'allow\tops\tstop\t*\t*',
    'allow\t*\tstatus\tcountry=mt\tapache',
    '',
  ].join('\n'),
};
const explained = ['puppet', 'status', '--caller', 'choria=bob.mcollective', '--policies', '/home/rip/server.conf'];

describe('the command line', () => {
  for (const path of allCommandPaths(program)) {
    const words = path.slice(1).map((command) => command.name);
    test(`${words.join(' ')} shows its help`, async () => {
      const text = await transcript({argv: ['choria', ...words, '--help']});
      await expect(text).toMatchFileSnapshot(join(here, 'help', `${words.join('-')}.txt`));
    });
  }

  const runs: Readonly<Record<string, CliTestRun>> = {
    'no-arguments': {argv: ['choria']},
    help: {argv: ['choria', '--help']},
    'help-narrow': {argv: ['choria', 'buildinfo', '--help'], env: {COLUMNS: '45'}},
    'help-of-unknown': {argv: ['choria', 'help', 'buildinf']},
    'unknown-command': {argv: ['choria', 'buildinf']},
    'unknown-flag': {argv: ['choria', 'buildinfo', '--dependecies']},
    'unexpected-argument': {argv: ['choria', 'buildinfo', 'x']},
    cheat: {argv: ['choria', 'cheat']},
    'cheat-sheet': {argv: ['choria', 'cheat', 'facts']},
    'help-as-markdown': {argv: ['choria', 'facts', '--help'], env: {LLMFORMAT: '1'}},
    'completion-bash-top': {argv: ['choria', '--completion-bash', '']},
    init: {argv: ['choria', 'init', '--directory', 'acme', '--node', 'web1.example.net']},
    'init-json': {argv: ['choria', 'init', '--directory', 'acme', '--node', 'web1.example.net', '--json']},
    'init-bad-name': {argv: ['choria', 'init', '--directory', 'acme', '--node', 'rip.mcollective']},
    'init-status-of-nothing': {argv: ['choria', 'init', 'status']},
    doctor: {argv: ['choria', 'doctor', '--config', 'client.conf'], files: {'/home/rip/client.conf': sickConfig}},
    'doctor-json': {
      argv: ['choria', 'doctor', '--config', 'client.conf', '--json'],
      files: {'/home/rip/client.conf': sickConfig},
    },
    'doctor-of-nothing': {argv: ['choria', 'doctor', '--config', '/home/rip/nowhere.conf']},
    'aaa-without-a-file': {argv: ['choria', 'aaa', 'run', '--config', '/home/rip/aaa.json']},
    'aaa-empty': {
      argv: ['choria', 'aaa', 'run', '--config', '/home/rip/aaa.json'],
      files: {'/home/rip/aaa.json': '{}'},
    },
    'policy-explain': {argv: ['choria', 'policy', 'explain', ...explained], files: policyFiles},
    'policy-explain-denied': {
      argv: ['choria', 'policy', 'explain', ...explained, 'noop=true'].with(4, 'stop'),
      files: policyFiles,
    },
    'policy-explain-json': {argv: ['choria', 'policy', 'explain', ...explained, '--json'], files: policyFiles},
    'policy-explain-nobody': {argv: ['choria', 'policy', 'explain', 'puppet', 'status']},
    'plugin-generate-agent': {
      argv: ['choria', 'plugin', 'generate', 'agent', 'web', '--author', 'Ops <ops@example.net>', '--typescript'],
    },
    'plugin-generate-agent-bad-name': {argv: ['choria', 'plugin', 'generate', 'agent', 'Web-1']},
    'completion-script-bash': {argv: ['choria', '--completion-script-bash']},
    'completion-script-zsh': {argv: ['mco', '--completion-script-zsh']},
  };
  for (const [name, run] of Object.entries(runs)) {
    test(`answers ${name} as recorded`, async () => {
      await expect(await transcript(run)).toMatchFileSnapshot(join(here, 'cli', `${name}.txt`));
    });
  }

  test('says its version, the one of the package', async () => {
    const {version} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {readonly version: string};
    expect(await runCliForTest({argv: ['choria', '--version']})).toMatchObject({exit: 0, stderr: `${version}\n`});
  });

  test('describes itself as JSON, without a command that has neither an implementation nor sub commands', async () => {
    const {stdout} = await runCliForTest({argv: ['choria', '--fisk-introspect']});
    expect(JSON.parse(stdout)).toMatchObject({name: 'choria'});
    const dead = allCommandPaths(program).filter((path) => {
      const command = path.at(-1);
      return command?.run === undefined && (command?.commands ?? []).length === 0;
    });
    expect(dead).toEqual([]);
  });

  test('the reference page is the one that the declarations make', async () => {
    await expect(commandsReference(program)).toMatchFileSnapshot(join(root, 'docs', 'reference', 'commands.md'));
  });

  test('one page of Markdown holds every command that help shows, and no table cell breaks its row', async () => {
    const {stdout, exit} = await runCliForTest({argv: ['choria', '--help-llm']});
    expect(exit).toBe(0);
    const titles = stdout.split('\n').filter((line) => line.startsWith('## '));
    expect(titles).toContain('## choria plugin generate client');
    const rows = stdout.split('\n').filter((line) => line.startsWith('|'));
    expect(rows.filter((row) => row.replaceAll('\\|', '').split('|').length !== 5)).toEqual([]);
  });
});
