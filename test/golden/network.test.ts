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

const quick = ['--discovery-timeout', '1'];
const inventory = ['--dm', 'inventory', '--do', 'file=/scratch/nodes/none.yaml'];

const runs: Readonly<Record<string, readonly string[]>> = {
  ping: ['ping', '--timeout', '1'],
  'ping-names': ['ping', '--names', '--timeout', '1', '-F', 'country=mt'],
  'ping-none': ['ping', '--timeout', '1', '-F', 'country=zz'],
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
  'tool-inventory-failure': ['tool', 'inventory', '/scratch/fleet.txt', '-I', 'n1.example.net'],
};

const classicRuns: Readonly<Record<string, readonly string[]>> = {
  'mco-ping': ['ping', '--dt', '1', '--with-fact', 'country=mt'],
  'mco-ping-none': ['ping', '--dt', '1', '-F', 'country=zz'],
  'mco-find': ['find', '--dt', '1', '-v'],
  'mco-find-none': ['find', '--dt', '1', '-F', 'country=zz'],
  'mco-rpc': ['rpc', 'rpcutil', 'get_fact', 'fact=country', '--no-progress', '--sort', '--dt', '1'],
  'mco-rpc-failed': ['rpc', 'rpcutil', 'get_config_item', 'item=no.such', '--np', '-I', 'n1.example.net'],
  'mco-rpc-unknown-agent': ['rpc', 'rpcutl', 'ping'],
  'mco-facts': ['facts', 'country', '--dt', '1'],
  'mco-inventory': ['inventory', '--collectives'],
};

function shown(name: string, text: string, argv: readonly string[]): string {
  return text === '' ? '' : `--- ${name}\n${normaliseOutput(text, argv, {versions: [version]})}`.replace(/\n?$/, '\n');
}

describe('commands that talk to a fleet', () => {
  const all = [
    ...Object.entries(runs).map(([name, words]) => [name, ['choria', ...words]] as const),
    ...Object.entries(classicRuns).map(([name, words]) => [name, ['mco', ...words]] as const),
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
