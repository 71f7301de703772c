/**
 * A fleet whose nodes lie in every text that they may send, seen through every command that shows something of them: nothing that a terminal would act
 * upon comes out, in no format (faults 34 and 75). Pieces are tested by themselves in src/cli/terminal.test.ts; this is the whole way.
 */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {type AnsweringNodes, startAnsweringNodes} from './support/answering-nodes.ts';
import {startTestBroker, type TestBroker} from './support/broker.ts';
import {runCliForTest} from './support/cli.ts';

const pki = fileURLToPath(new URL('./fixtures/pki/', import.meta.url));
/** Everything that a terminal would act upon, but the line feed and the tab, which only moves the cursor on. */
const active =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0001}]/u;
/** The bar of the progress moves the cursor, and headings have colours. */
const own = /\u001b\[1A\u001b\[2K|\r(?=\d+ \/ \d+)|\u001b\[(?:0|1|22|31|32|33|97)m/gu;
const attacks = [
  '\u001b]0;title\u0007',
  '\u001b[2J\u001b[H',
  '\u009b31m',
  '\rroot@safe#',
  '\u202egnp.exe\u2066',
  'a\u0000b\u0008',
  '\u2028next\u{e0001}',
  '\t\u200b\u061c',
];
const evil = `${attacks.join('')}${'long'.repeat(300)}`;
const names = ['n\u202e1.example.net', 'n\u20662.example.net', 'plain.example.net'];

/** Whatever is asked for, and much that is not. */
const data: Readonly<Record<string, unknown>> = {
  [evil]: evil,
  fact: evil,
  value: evil,
  values: {[evil]: [evil, {[evil]: evil}]},
  agents: [evil, `a${evil}`],
  classes: [evil, 'plain'],
  collectives: [evil, 'mcollective'],
  data_plugins: [evil],
  main_collective: evil,
  version: evil,
  facts: {country: evil, [evil]: {[evil]: [evil]}},
  machines: evil,
  configfile: evil,
  starttime: evil,
  pid: evil,
  times: {utime: evil, stime: [evil]},
  total: evil,
  pong: evil,
};

function around(text: string): string {
  const at = active.exec(text)?.index ?? 0;
  return text.slice(Math.max(0, at - 200), at + 50);
}

/** Half of the nodes fail, with words of their own. */
function answer(node: string): string {
  const statuscode = node.startsWith('plain') ? 1 : 0;
  return JSON.stringify({action: evil, statuscode, statusmsg: evil, data});
}

describe('nodes that lie in every text', () => {
  let directory: string;
  let broker: TestBroker;
  let nodes: AnsweringNodes;

  const run = (argv: readonly string[], style = 'client.conf') =>
    runCliForTest({
      argv: [...argv, '--config', `${directory}/${style}`],
      env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective'},
      mounts: [directory, pki].map((path) => ({virtual: path.replace(/\/$/, ''), real: path.replace(/\/$/, '')})),
    });

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'choria-hostile-'));
    broker = await startTestBroker({tls: true});
    nodes = await startAnsweringNodes({url: broker.url, names, answer});
    const lines = [
      'identity = client.example.net',
      'collectives = mcollective',
      'main_collective = mcollective',
      'loglevel = debug',
      'color = false',
      'discovery_timeout = 10',
      'plugin.choria.use_srv = false',
      `plugin.choria.middleware_hosts = ${broker.url}`,
      `plugin.choria.client.state_directory = ${directory}/state`,
      'plugin.security.provider = file',
      `plugin.security.file.certificate = ${pki}alice.pem`,
      `plugin.security.file.key = ${pki}alice.key`,
      `plugin.security.file.ca = ${pki}ca.pem`,
    ];
    writeFileSync(join(directory, 'client.conf'), `${lines.join('\n')}\n`);
    writeFileSync(join(directory, 'classic.conf'), `${[...lines, 'plugin.choria.mco_style = classic'].join('\n')}\n`);
  });

  afterAll(async () => {
    await nodes.stop();
    await broker[Symbol.asyncDispose]();
    rmSync(directory, {recursive: true, force: true});
  });

  const all = names.flatMap((name) => ['-I', name]);
  const fact = ['choria', 'req', 'rpcutil', 'get_fact', 'fact=country', ...all];
  const commands: readonly (readonly string[])[] = [
    ['choria', 'ping', '--expect', '3'],
    ['choria', 'ping', '--expect', '3', '--graph'],
    ['choria', 'ping', '--expect', '3', '--names'],
    ['choria', 'find', '-v'],
    ['choria', 'find', '-j'],
    [...fact, '--display', 'all'],
    [...fact, '--display', 'all', '-v', '--np'],
    [...fact, '--table', '-v'],
    [...fact, '--senders'],
    [...fact, '--senders', '-j'],
    [...fact, '--json'],
    [...fact, '--jsonl'],
    [...fact, '--np', '--display', 'all', '--filter-replies', 'data("value") + 1 > 2'],
    [...fact, '--np', '--debug'],
    ['choria', 'req', 'rpcutil', 'inventory', ...all, '--table'],
    ['choria', 'req', 'rpcutil', 'inventory', ...all, '--display', 'all'],
    ['choria', 'facts', 'country', ...all, '-v'],
    ['choria', 'facts', 'country', ...all, '-n'],
    ['choria', 'facts', 'country', ...all, '-t', '-n'],
    ['choria', 'facts', 'country', ...all, '-j'],
    ...names.map((name) => ['choria', 'inventory', name]),
    ['choria', 'inventory', '--collectives', ...all],
    ['choria', 'tool', 'inventory', 'DIRECTORY/fleet.json', ...all],
    ['choria', 'why'],
    ['choria', 'why', 'n\u202e1.example.net', '--json'],
    ['choria', 'why', 'plain.example.net'],
    ['choria', 'why', 'n\u202e1.example.net'],
    ['mco', 'ping'],
    ['mco', 'find', '-v'],
    ['mco', 'rpc', 'rpcutil', 'get_fact', 'fact=country', ...all],
    ['mco', 'federation', 'trace', 'n\u202e1.example.net'],
  ];
  const classic: readonly (readonly string[])[] = [
    ['mco', 'ping', '-g'],
    ['mco', 'rpc', 'rpcutil', 'get_fact', 'fact=country', '--display', 'all', ...all],
    ['mco', 'rpc', 'rpcutil', 'get_fact', 'fact=country', '-v', '--np', ...all],
    ['mco', 'rpc', 'rpcutil', 'get_fact', 'fact=country', '--json', ...all],
    ['mco', 'facts', 'country', '-v', ...all],
    ['mco', 'inventory', 'n\u202e1.example.net'],
    ['mco', 'inventory', '--lc', ...all],
    ['mco', 'inventory', '--cg', 'DIRECTORY/map.dot', ...all],
  ];

  test.each([
    ...commands.map((argv) => [argv, 'client.conf'] as const),
    ...classic.map((argv) => [argv, 'classic.conf'] as const),
  ])('%j shows nothing that acts (%s)', async (argv, style) => {
    const words = argv.map((word) => word.replace('DIRECTORY', directory));
    const {stdout, stderr} = await run(words, style);
    const shown = `${stdout}${stderr}`.replaceAll(own, '');
    expect(shown.length).toBeGreaterThan(0);
    expect(active.exec(shown)?.[0], JSON.stringify(around(shown))).toBeUndefined();
  });

  test('JSON still holds the very names, for the next program', async () => {
    const listed = async (argv: readonly string[]): Promise<readonly string[]> => {
      const {stdout} = await run(argv);
      // The log of this configuration is in front of it.
      const list = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as readonly string[];
      return list.toSorted();
    };
    expect(await listed([...fact, '--senders', '-j'])).toEqual(names.slice(0, 2).toSorted());
    expect(await listed(['choria', 'find', '-j'])).toEqual(names.toSorted());
  });

  test('files that are written for other programs hold it escaped or not at all', () => {
    expect(active.exec(readFileSync(join(directory, 'map.dot'), 'utf8'))?.[0]).toBeUndefined();
  });
});
