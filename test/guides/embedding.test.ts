/** The programs of docs/guides/embedding.md, copied out of it and run as they stand, against a broker with TLS. */
import {type ChildProcess, spawn} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {createClient} from '../../src/client/index.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {openConnection} from '../../src/connect/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {startTestBroker, type TestBroker, testTlsMaterial} from '../support/broker.ts';

const root = join(import.meta.dirname, '..', '..');
const guide = readFileSync(join(root, 'docs/guides/embedding.md'), 'utf8');
const programs = new Map(
  [...guide.matchAll(/```ts\n(\/\/ (\w+\.ts):[\s\S]*?)```/g)].map((match) => [match[2] ?? '', match[1] ?? '']),
);
const doors: readonly (readonly [string, string])[] = [
  ["'choria/server'", join(root, 'src/server/index.ts')],
  ["'choria/agent'", join(root, 'src/rpc/agent.ts')],
];
const pki = (name: string): string => join(root, 'test/fixtures/pki', name);
const platform = createNodePlatform();

let directory = '';
let broker: TestBroker;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'choria-embedding-'));
  broker = await startTestBroker({tls: true});
  const settings = {
    ...securityOf('node1', 'node1.example.net'),
    rpcauthorization: '1',
    rpcauthprovider: 'action_policy',
  };
  writeFileSync(join(directory, 'server.conf'), `${lines(settings)}\n`);
  mkdirSync(join(directory, 'policies'));
  const policy = /```policy\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
  writeFileSync(join(directory, 'policies', 'thermostat.policy'), policy);
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  rmSync(directory, {recursive: true, force: true});
});

function securityOf(name: string, identity: string): Readonly<Record<string, string>> {
  return {
    identity,
    collectives: 'mcollective',
    'plugin.choria.middleware_hosts': broker.url,
    'plugin.choria.use_srv': 'false',
    'plugin.choria.server.state_directory': join(directory, 'state'),
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': pki(`${name}.pem`),
    'plugin.security.file.key': pki(`${name}.key`),
    'plugin.security.file.ca': pki('ca.pem'),
  };
}

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}`)
    .join('\n');
}

/** Only the names of the packages are changed, to the sources of this package. */
function run(name: string, args: readonly string[]): {readonly child: ChildProcess; readonly said: () => string} {
  const text = programs.get(name) ?? '';
  const path = join(directory, name.replace('.ts', '.mts'));
  writeFileSync(
    path,
    doors.reduce((program, [from, to]) => program.replace(from, `'${to}'`), text),
  );
  const child = spawn(process.execPath, ['--import', 'tsx', path, join(directory, 'server.conf'), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return {child, said: () => output};
}

async function end(child: ChildProcess): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  return ended;
}

async function createOperator() {
  const entries = {...securityOf('alice', 'alice.example.net'), discovery_timeout: '1'};
  const config = await configFromEntries(entries, {platform, mode: 'user'});
  return createClient({
    config,
    platform: {...platform, env: {...platform.env, MCOLLECTIVE_CERTNAME: 'alice.mcollective'}},
  });
}

const wait = {timeout: 45_000, interval: 50};

describe('the guide to embedding', () => {
  test('has its two programs', () => {
    expect([...programs.keys()]).toEqual(['device.ts', 'site.ts']);
  });

  test('the device answers with its agent and facts, registers what it reads, and says goodbye', async () => {
    await using listener = await openConnection({
      platform,
      name: 'listener',
      servers: [broker.url],
      inboxPrefix: 'mcollective.reply',
      tls: {material: testTlsMaterial('alice'), verify: true},
    });
    const events: string[] = [];
    listener.subscribe('choria.lifecycle.event.*.thermostat', ({subject}) => events.push(subject));
    await listener.flush({timeoutMs: 5_000});
    const device = run('device.ts', []);
    try {
      await expect.poll(device.said, wait).toContain('node1.example.net is ready');
      await using operator = await createOperator();
      const found = await operator.discover({filter: {facts: ['model=T1000'], agents: ['thermostat']}, method: 'mc'});
      expect(found.identities).toEqual(['node1.example.net']);
      const ask = async (celsius: number): Promise<unknown> => {
        let answer: unknown;
        await operator.perform(
          {
            agent: 'thermostat',
            action: 'set',
            data: {celsius},
            targets: ['node1.example.net'],
            timeoutMs: 5_000,
          },
          {
            reply: (reply) => {
              answer = reply.statusCode === 0 ? reply.data : reply.statusMessage;
            },
          },
        );
        return answer;
      };
      expect([await ask(23), await ask(19)]).toEqual([{before: 20}, {before: 23}]);
      expect(await end(device.child)).toBe(0);
      await expect.poll(() => events, wait).toContain('choria.lifecycle.event.shutdown.thermostat');
    } finally {
      device.child.kill('SIGKILL');
    }
  }, 120_000);

  test('a hundred servers of one process are there', async () => {
    const site = run('site.ts', ['100']);
    try {
      await expect.poll(site.said, wait).toContain('100 servers are ready');
      await using operator = await createOperator();
      const found = await operator.discover({filter: {facts: ['sensor=/^(7|42)$/']}, method: 'mc', timeoutMs: 3_000});
      expect([...found.identities].toSorted()).toEqual(['sensor42.node1.example.net', 'sensor7.node1.example.net']);
      expect(await end(site.child)).toBe(0);
    } finally {
      site.child.kill('SIGKILL');
    }
  }, 120_000);
});
