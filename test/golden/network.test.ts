/**
 * What people and scripts see of the commands that talk to a fleet: one success, one failure and the JSON form of each, against three
 * real servers. What differs from run to run is written as a mark, and replies are put in order, by the rules that judge transcripts.
 *
 * After an intended change: `npx vitest run test/golden -u`, then read the diff.
 */
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, test} from 'vitest';
import {createClient, loadConfig} from '../../src/client/index.ts';
import {encodeLifecycleEvent, lifecycleSubject} from '../../src/events/index.ts';
import {version} from '../../src/cli/version.ts';
import {normaliseOutput} from '../conformance/judges/cli/_compare.ts';
import type {Lab} from '../support/lab.ts';
import {startSmallLab} from '../support/small-lab.ts';

const here = dirname(fileURLToPath(import.meta.url));
let lab: Lab;

beforeAll(async () => {
  lab = await startSmallLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Only the limit: with our broker discovery ends when everybody has answered, and a busy machine needs its time. */
const quick = ['--discovery-timeout', '10'];
const inventory = ['--dm', 'inventory', '--do', 'file=/scratch/nodes/none.yaml'];

const runs: Readonly<Record<string, readonly string[]>> = {
  ping: ['ping', '--timeout', '10'],
  'ping-names': ['ping', '--names', '--timeout', '10', '-F', 'country=mt'],
  'ping-none': ['ping', '--timeout', '10', '-F', 'country=zz'],
  find: ['find', ...quick, '-W', 'roles::web country=mt'],
  'find-verbose': ['find', '-v', '--nodes', '/scratch/nodes/nodes.txt'],
  'find-json': ['find', '--json', ...quick],
  'find-failure': ['find', ...inventory],
  req: ['req', 'rpcutil', 'get_fact', 'fact=country', '--sort', ...quick],
  'req-verbose': ['req', 'rpcutil', 'ping', '-v', '--sort', '--np', '-I', 'n1.example.net'],
  'req-json': ['req', 'rpcutil', 'get_fact', 'fact=country', '--json', '-I', 'n2.example.net'],
  'req-jsonl': ['req', 'rpcutil', 'get_fact', 'fact=country', '--jsonl', '-I', 'n2.example.net'],
  'req-table': ['req', 'rpcutil', 'get_fact', 'fact=country', '--table', '--sort', '--np', '-I', 'n1.example.net'],
  'req-failed-reply': ['req', 'rpcutil', 'get_config_item', 'item=no.such', '--np', '-I', 'n1.example.net'],
  'req-bad-input': ['req', 'rpcutil', 'get_fact', 'fakt=country'],
  'req-unknown-agent': ['req', 'rpcutl', 'ping'],
  'req-plan': ['req', 'rpcutil', 'ping', '--plan', '--nodes', '/scratch/nodes/nodes.txt', '--canary', '1'],
  'req-plan-json': ['req', 'rpcutil', 'ping', '--plan', '--json', '--nodes', '/scratch/nodes/nodes.txt'],
  'req-canary': ['req', 'rpcutil', 'get_fact', 'fact=country', '--np', '--sort', '--canary', '1', ...quick],
  'req-max-nodes': ['req', 'rpcutil', 'ping', '--max-nodes', '1', '--nodes', '/scratch/nodes/nodes.txt'],
  'req-bad-ramp': ['req', 'rpcutil', 'ping', '--ramp', '2,1,100%', ...quick],
  'req-silent-verbose': ['req', 'rpcutil', 'ping', '--np', '-v', '-I', 'gone.example.net'],
  'why-live-json': ['why', '--json', 'never.example.net'],
  'why-unknown': ['why', '00000000000000000000000000000000'],
  'req-unknown-action': ['req', 'rpcutil', 'pign'],
  'find-unknown-collective': ['find', '-T', 'mt_colective'],
  facts: ['facts', 'country', ...quick],
  'facts-json': ['facts', 'country', '--json', ...quick],
  'facts-table': ['facts', 'role', '--table', '-n', ...quick],
  'facts-none': ['facts', 'country', '-F', 'country=zz', ...quick],
  inventory: ['inventory', 'n1.example.net'],
  'inventory-collectives': ['inventory', '--collectives'],
  'inventory-nobody': ['inventory'],
  'tool-inventory': ['tool', 'inventory', '/scratch/fleet.json', '-I', 'n1.example.net', '-I', 'n2.example.net'],
  'find-bad-operator': ['find', '-F', 'country~mt', ...quick],
  'find-empty-value': ['find', '-F', 'country=', ...quick],
  'req-bad-type': ['req', 'executor', 'signal', 'id=x', 'signal=nine'],
  'req-bad-input-name': ['req', 'rpcutil', 'get_fact', 'fcat=country'],
  'req-missing-input': ['req', 'rpcutil', 'get_fact'],
  'req-nobody': ['req', 'rpcutil', 'ping', '-F', 'country=zz', ...quick],
  'req-bad-expression': ['req', 'rpcutil', 'ping', '--filter-replies', 'ok(', '-I', 'n1.example.net'],
  'executor-info': ['executor', 'info', 'nosuch', '-I', 'n1.example.net'],
  'executor-signal': ['executor', 'signal', '9', 'nosuch', '--json', '-I', 'n1.example.net'],
  'tool-protocol-failure': ['tool', 'protocol', '/scratch/nodes/nodes.txt'],
  'tool-inventory-failure': ['tool', 'inventory', '/scratch/fleet.txt', '-I', 'n1.example.net'],
};

const classicRuns: Readonly<Record<string, readonly string[]>> = {
  'mco-ping': ['ping', '--dt', '10', '--with-fact', 'country=mt'],
  'mco-ping-none': ['ping', '--dt', '10', '-F', 'country=zz'],
  'mco-find': ['find', '--dt', '10', '-v'],
  'mco-find-none': ['find', '--dt', '10', '-F', 'country=zz'],
  'mco-rpc': ['rpc', 'rpcutil', 'get_fact', 'fact=country', '--no-progress', '--sort', '--dt', '10'],
  'mco-rpc-failed': ['rpc', 'rpcutil', 'get_config_item', 'item=no.such', '--np', '-I', 'n1.example.net'],
  'mco-rpc-unknown-agent': ['rpc', 'rpcutl', 'ping'],
  'mco-facts': ['facts', 'country', '--dt', '10'],
  'mco-inventory': ['inventory', '--collectives'],
  'mco-rpc-options': [
    'rpc',
    '--agent',
    'rpcutil',
    '--action',
    'ping',
    '-1',
    '-I',
    'n1.example.net',
    '--np',
    '--sort',
    '--dt',
    '10',
  ],
  'mco-rpc-no-results': ['rpc', 'rpcutil', 'ping', '--nr', '-I', 'n1.example.net'],
  'mco-rpc-nothing': ['rpc'],
  'mco-choria-unknown': ['choria', 'show'],
  'mco-choria-request-cert': ['choria', 'request_cert'],
  'mco-federation-trace': ['federation', 'trace', 'n1.example.net'],
  'mco-federation-nothing': ['federation'],
  'mco-describe-filter': ['describe_filter', '-F', 'country=mt', '-C', 'roles::web'],
  'mco-unknown': ['fnd'],
  'mco-later': ['playbook', 'run', 'x'],
};

const classic = ['--config', '/lab/client/classic.conf'];

/** The same name in the style of MCollective 2.12. */
const olderRuns: Readonly<Record<string, readonly string[]>> = {
  'mco-classic-ping-graph': ['ping', '--dt', '10', '-I', 'n1.example.net', '--graph', 'ignored'],
  'mco-classic-inventory-graph': ['inventory', '--cg', '/home/rip/map.dot', '-I', 'n1.example.net'],
  'mco-classic-ping': ['ping', '--dt', '10', '-F', 'country=mt'],
  'mco-classic-find': ['find', '--dt', '10', '-v'],
  'mco-classic-rpc': ['rpc', 'rpcutil', 'get_fact', 'fact=country', '--sort', '--dt', '10'],
  'mco-classic-rpc-verbose': ['rpc', 'rpcutil', 'get_fact', 'fact=country', '--np', '-v', '-I', 'n1.example.net'],
  'mco-classic-rpc-json': ['rpc', 'rpcutil', 'get_fact', 'fact=country', '--json', '-I', 'n1.example.net'],
  'mco-classic-rpc-failed': ['rpc', 'rpcutil', 'get_config_item', 'item=no.such', '--np', '-I', 'n1.example.net'],
  'mco-classic-rpc-nobody': ['rpc', 'rpcutil', 'ping', '--np', '--dt', '10', '-F', 'country=zz'],
  'mco-classic-rpc-silent': ['rpc', 'rpcutil', 'ping', '--np', '-t', '1', '-I', 'gone.example.net'],
  'mco-classic-rpc-missing': ['rpc', 'rpcutil', 'get_fact'],
  'mco-classic-rpc-display': ['rpc', 'rpcutil', 'ping', '--display', 'none'],
  'mco-classic-facts': ['facts', 'country', '--dt', '10'],
  'mco-classic-facts-verbose': ['facts', 'country', '-v', '--dt', '10'],
  'mco-classic-inventory': ['inventory', 'n1.example.net'],
  'mco-classic-inventory-collectives': ['inventory', '--lc', '--dt', '10'],
  'mco-classic-plugin-doc': ['plugin', 'doc', 'rpcutil'],
};

function shown(name: string, text: string, argv: readonly string[]): string {
  return text === '' ? '' : `--- ${name}\n${normaliseOutput(text, argv, {versions: [version]})}`.replace(/\n?$/, '\n');
}

describe('commands that talk to a fleet', () => {
  const all = [
    ...Object.entries(runs).map(([name, words]) => [name, ['choria', ...words]] as const),
    ...Object.entries(classicRuns).map(([name, words]) => [name, ['mco', ...words]] as const),
    ...Object.entries(olderRuns).map(([name, words]) => [name, ['mco', ...words, ...classic]] as const),
  ];
  for (const [name, argv] of all) {
    test.concurrent(`answers ${name} as recorded`, async ({expect}) => {
      const {stdout, stderr, exit} = await lab.run({argv});
      const text = `$ ${argv.join(' ')}\n${shown('stdout', stdout, argv)}${shown('stderr', stderr, argv)}--- exit ${exit}\n`;
      await expect(text).toMatchFileSnapshot(join(here, 'network', `${name}.txt`));
    });
  }

  test('tool event shows an event as it happens, and ends well when it is interrupted', async ({expect}) => {
    const platform = lab.platform();
    const config = await loadConfig({platform, mode: 'user', path: '/lab/client/client.conf'});
    await using client = createClient({config, platform});
    const connection = await client.connection({timeoutMs: 10_000});
    const event = {
      id: '1',
      identity: 'n7.example.net',
      component: 'server',
      atMs: 0,
      type: 'startup',
      version: '9.9.9',
    } as const;
    const stop = new AbortController();
    const {stdout, exit} = await lab.run({
      argv: ['choria', 'tool', 'event', '--type', 'startup'],
      signal: stop.signal,
      onOutput: (text) => {
        if (text.startsWith('Waiting'))
          connection.publish(lifecycleSubject(event), encodeLifecycleEvent(event, 'cloudevent'));
        if (text.includes('n7.example.net')) stop.abort();
      },
    });
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^Waiting for events from topic choria\.lifecycle\.event\.startup\.> on nats:/);
    expect(stdout).toMatch(/\n\d\d:\d\d:\d\d \[startup\] n7\.example\.net: server version 9\.9\.9\n$/);
  });
});
