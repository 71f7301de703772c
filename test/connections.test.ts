/** The client's way to its fleet: one connection for everything, several brokers, WebSockets, and brokers that go while a request runs. */
import {fileURLToPath} from 'node:url';
import {afterEach, describe, expect, test} from 'vitest';
import {createClient, type FleetClient} from '../src/client/index.ts';
import {configFromEntries} from '../src/config/index.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import type {Network, Platform} from '../src/lib/platform.ts';
import type {NodeReply} from '../src/rpc/index.ts';
import {type ChoriaServer, createServer} from '../src/server/index.ts';
import {startTestBroker, type TestBroker, testTlsMaterial} from './support/broker.ts';
import {countingAgent} from './support/test-server.ts';

const pki = fileURLToPath(new URL('fixtures/pki/', import.meta.url));
const real = createNodePlatform();
/** Where in the list a process begins is drawn, so that a fleet spreads over its brokers: here everybody begins with the first. */
const platform: Platform = {...real, random: {...real.random, float: () => 0}};
const done = Buffer.from('{"statuscode":0,"statusmsg":"OK","data":{}}');
const open: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function broker(options: Parameters<typeof startTestBroker>[0] = {}): Promise<TestBroker> {
  const started = await startTestBroker({tls: true, ...options});
  open.push(() => started[Symbol.asyncDispose]());
  return started;
}

const entries = (name: string, identity: string, hosts: string): Readonly<Record<string, string>> => ({
  identity,
  'plugin.choria.use_srv': 'false',
  'plugin.choria.middleware_hosts': hosts,
  'plugin.security.provider': 'file',
  'plugin.security.file.certificate': `${pki}${name}.pem`,
  'plugin.security.file.key': `${pki}${name}.key`,
  'plugin.security.file.ca': `${pki}ca.pem`,
  rpcauthorization: '0',
});

interface Node {
  readonly server: ChoriaServer;
  readonly calls: () => number;
}

async function node(name: string, hosts: string, work?: () => Promise<Buffer>): Promise<Node> {
  const agent = countingAgent({name: 'work', timeoutSeconds: 20, work: work ?? (() => Promise.resolve(done))});
  const server = await createServer({
    config: await configFromEntries(entries('node1', `${name}.example.net`, hosts), {platform, mode: 'server'}),
    platform,
    memory: 'memory',
    agents: [agent],
    agentProviders: [],
  });
  await server.start();
  open.push(() => server.stop({graceMs: 0}));
  return {server, calls: agent.calls};
}

/** Also counts the connections that were made, and where to. */
async function client(hosts: string): Promise<{readonly client: FleetClient; readonly made: readonly string[]}> {
  const made: string[] = [];
  const network: Network = {
    ...platform.network,
    connect: (request) => {
      made.push(`${request.host}:${request.port}`);
      return platform.network.connect(request);
    },
  };
  const own: Platform = {...platform, network, env: {...platform.env, MCOLLECTIVE_CERTNAME: 'alice.mcollective'}};
  const config = await configFromEntries(entries('alice', 'client.example.net', hosts), {platform: own, mode: 'user'});
  const started = createClient({config, platform: own});
  open.push(() => started.close());
  return {client: started, made};
}

const targetsOf = (names: readonly string[]): readonly string[] => names.map((name) => `${name}.example.net`);

test('discovery, pings, requests in batches and the reasons of silence all share one connection', async () => {
  const {url} = await broker();
  await node('n1', url);
  await node('n2', url);
  const {client: caller, made} = await client(url);
  const [found] = await Promise.all([caller.discover({}), caller.ping({}), caller.callerId()]);
  const targets = [...found.identities, 'gone.example.net'];
  const asked = await caller.perform({
    agent: 'work',
    action: 'run',
    data: {},
    targets,
    timeoutMs: 5_000,
    batchSize: 1,
    batchSleepMs: 0,
    explain: true,
  });
  expect(asked).toMatchObject({ok: 2, silences: [{identity: 'gone.example.net', reason: 'not-connected'}]});
  expect(made).toHaveLength(1);
});

describe('several brokers', () => {
  test('they are tried in their order from where a process begins, and one that is away is passed over', async () => {
    const [first, second] = [await broker(), await broker()];
    await node('n1', second.url);
    const both = await client(`${first.url},${second.url}`);
    expect((await both.client.discover({timeoutMs: 500})).identities).toEqual([]);
    expect(both.made).toEqual([first.url.replace('tls://', '')]);

    await first[Symbol.asyncDispose]();
    const later = await client(`${first.url},${second.url}`);
    expect((await later.client.discover({timeoutMs: 500})).identities).toEqual(['n1.example.net']);
    expect(later.made).toEqual([first.url, second.url].map((url) => url.replace('tls://', '')));
  });

  test('when none is there the error names each', async () => {
    const {client: caller} = await client('tls://127.0.0.1:1,tls://127.0.0.1:2');
    const failure = await caller.discover({timeoutMs: 500}).catch((error: unknown) => error);
    expect(failure).toMatchObject({code: 'ERR_CLIENT_NO_BROKER'});
    for (const port of [1, 2]) expect((failure as Error).message).toContain(`tls://127.0.0.1:${port}`);
  });
});

test('middleware hosts of WebSockets carry discovery and requests, with TLS', async () => {
  const tls = {material: testTlsMaterial('broker'), clientCertificates: 'if-given'} as const;
  const {engine} = await broker({websocket: {host: '127.0.0.1', port: 0, tls}});
  const url = `wss://localhost:${engine.webSocketPort}/nats`;
  await node('n1', url);
  const {client: caller} = await client(url);
  expect((await caller.discover({})).identities).toEqual(['n1.example.net']);
  const targets = targetsOf(['n1']);
  expect(await caller.perform({agent: 'work', action: 'run', data: {}, targets, timeoutMs: 5_000})).toMatchObject({
    ok: 1,
  });
});

describe('a broker that ends while a request runs', () => {
  test.each(['comes back at its address', 'is replaced by the next one of the list'])(
    'fault 53: one that %s costs no answer, and no node runs the request twice',
    async (how) => {
      const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
      const first = await broker();
      const isBack = how.startsWith('comes');
      const hosts = isBack ? first.url : `${first.url},${(await broker()).url}`;
      let release = (): void => undefined;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      let begun = 0;
      let allBegun = (): void => undefined;
      const everybody = new Promise<void>((resolve) => {
        allBegun = resolve;
      });
      const work = async (isQuick: boolean): Promise<Buffer> => {
        begun += 1;
        if (begun === names.length) allBegun();
        if (!isQuick) await released;
        return done;
      };
      // Half of them answer before the broker goes, half while it is away or later.
      const nodes = await Promise.all(names.map((name, index) => node(name, hosts, () => work(index % 2 === 0))));
      const {client: caller} = await client(hosts);
      const replies: NodeReply[] = [];
      const asking = caller.perform(
        {agent: 'work', action: 'run', data: {}, targets: targetsOf(names), timeoutMs: 25_000},
        {reply: (reply) => replies.push(reply)},
      );
      await everybody;
      await expect.poll(() => replies.length).toBe(3);
      await first[Symbol.asyncDispose]();
      release();
      if (isBack) await broker({port: first.port});
      const statistics = await asking;
      expect(statistics).toMatchObject({ok: 6, noResponses: [], interrupted: false});
      expect(replies.map(({sender}) => sender).toSorted()).toEqual(targetsOf(names));
      expect(nodes.map(({calls}) => calls())).toEqual(names.map(() => 1));
    },
    40_000,
  );
});
