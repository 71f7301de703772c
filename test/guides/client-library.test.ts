/** The guide to the client library: its code is the code of the example, and the example runs against real servers. */
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import * as recipes from '../../examples/client-library/recipes.ts';
import {agentCalls, createClient, type FleetClient} from '../../src/client/index.ts';
import {type Config, configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {agentDdlJson} from '../../src/rpc/agent.ts';
import {createServer} from '../../src/server/index.ts';
import {runGuide} from '../support/guide.ts';
import {startTestBroker, type TestBroker} from '../support/broker.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const everybody = ['n1', 'n2', 'n3'].map((name) => `${name}.example.net`);

test('every piece of code in the guide is in the example', () => {
  const source = read('examples/client-library/recipes.ts');
  const blocks = [...read('docs/guides/client-library.md').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
  expect(blocks.length).toBeGreaterThan(7);
  for (const block of blocks) expect(source).toContain(block);
});

test('the commands of the guide work as they are written', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'choria-guide-'));
  try {
    writeFileSync(join(directory, 'greeter.json'), agentDdlJson(recipes.greeter));
    await runGuide('client-library', {
      directory,
      cli: {mounts: [{virtual: '/srv/site', real: directory}], cwd: '/srv/site'},
    });
    expect(readdirSync(join(directory, 'clients/greeter'))).not.toEqual([]);
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
});

const pki = fileURLToPath(new URL('../fixtures/pki/', import.meta.url));
const real = createNodePlatform();
const platform: Platform = {...real, env: {...real.env, MCOLLECTIVE_CERTNAME: 'alice.mcollective'}};
const nodes = {
  n1: {country: 'mt', role: 'web'},
  n2: {country: 'mt', role: 'db'},
  n3: {country: 'de', role: 'web'},
};

describe('the recipes', () => {
  let broker: TestBroker;
  let client: FleetClient;
  let config: Config;
  const stops: (() => Promise<unknown>)[] = [];

  const entries = (name: string, identity: string): Readonly<Record<string, string>> => ({
    identity,
    'plugin.choria.middleware_hosts': broker.url,
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': `${pki}${name}.pem`,
    'plugin.security.file.key': `${pki}${name}.key`,
    'plugin.security.file.ca': `${pki}ca.pem`,
    rpcauthorization: '0',
  });

  beforeAll(async () => {
    broker = await startTestBroker({tls: true});
    for (const [name, facts] of Object.entries(nodes)) {
      const server = await createServer({
        config: await configFromEntries(entries('node1', `${name}.example.net`), {platform, mode: 'server'}),
        platform,
        memory: 'memory',
        facts: () => Promise.resolve(facts),
        agents: [recipes.greeter],
        agentProviders: [],
      });
      await server.start();
      stops.push(() => server.stop({graceMs: 0}));
    }
    config = await configFromEntries(entries('alice', 'client.example.net'), {platform, mode: 'user'});
    client = createClient({config, platform});
  });
  afterAll(async () => {
    await client.close();
    await Promise.all(stops.map((stop) => stop()));
    await broker[Symbol.asyncDispose]();
  });

  test('find and ask', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    expect((await recipes.whoIsThere(client)).toSorted()).toEqual(everybody.slice(0, 2));
    const roles = await recipes.askEverybody(client);
    expect(everybody.map((name) => roles.get(name))).toEqual(['web', 'db', 'web']);
    expect(told).not.toHaveBeenCalled();
    told.mockRestore();
  });

  test('stop early', async () => {
    expect(everybody).toContain(await recipes.firstThatAnswers(client, everybody));
    expect(await recipes.atMost(client, 20_000)).toEqual({answers: 3, interrupted: false});
  });

  test('progress is told from nothing to all', async () => {
    expect(await recipes.withProgress(client)).toEqual([
      'asking 3 of 3',
      ...[0, 1, 2, 3].map((count) => `${count} of 3, ${3 - count} to come`),
    ]);
  });

  test('several requests are counted as one', async () => {
    const {asked, ok} = await recipes.inParts({config, platform});
    expect([asked.toSorted(), ok]).toEqual([everybody, 3]);
  });

  test('errors have codes', async () => {
    expect(await recipes.whatCanGoWrong(client)).toMatch(/^the call is wrong: Cannot call rpcutil#ping: /);
  });

  test('agents in TypeScript are called with their own types', async () => {
    const heard = Object.fromEntries(await recipes.greetings(client));
    expect(heard).toEqual(Object.fromEntries(everybody.map((name) => [name, 'HELLO ADA'])));
    const {greet} = agentCalls(client, recipes.greeter);
    await expect(greet({name: 'ada'}).finished).rejects.toMatchObject({code: 'ERR_CLIENT_INPUT'});
    // @ts-expect-error a required input is missing, and the compiler knows
    await expect(greet({loud: true}).finished).rejects.toMatchObject({code: 'ERR_CLIENT_INPUT'});
  });

  test('a broadcast reaches whoever listens and matches', async () => {
    const filter = {facts: ['role=web']};
    const options = {kind: 'broadcast', ddl: recipes.greeter.ddl, filter} as const;
    const replies = client.request('greeter', 'greet', {name: 'Bob'}, options);
    const senders: string[] = [];
    for await (const {sender} of replies) senders.push(sender);
    expect(senders.toSorted()).toEqual(['n1.example.net', 'n3.example.net']);
    expect((await replies.finished).silences).toEqual([]);
  });

  test('the ceilings of the configuration hold for programs too', async () => {
    await using bounded = createClient({config: config.with({'plugin.choria.client.max_nodes': 2}), platform});
    const refused = {code: 'ERR_CLIENT_REACH'};
    await expect(bounded.request('rpcutil', 'ping').finished).rejects.toMatchObject(refused);
    await expect(bounded.request('rpcutil', 'ping', {}, {kind: 'broadcast'}).finished).rejects.toMatchObject(refused);
    const two = bounded.request('rpcutil', 'ping', {}, {limit: '2'});
    expect(await two.finished).toMatchObject({ok: 2});
  });
});
