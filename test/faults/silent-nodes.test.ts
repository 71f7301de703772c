/** Each way in which a node can be silent has its own reason, over a real broker and real servers. */
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {createClient, type FleetClient, troubleOf} from '../../src/client/index.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Clock, Platform} from '../../src/lib/platform.ts';
import {defineAction, defineAgent, type NodeReply} from '../../src/rpc/index.ts';
import type {Agent} from '../../src/rpc/types.ts';
import {type ChoriaServer, createServer, type ServerOptions} from '../../src/server/index.ts';
import {startAnsweringNodes} from '../support/answering-nodes.ts';
import {startTestBroker, testTlsMaterial, type TestBroker} from '../support/broker.ts';
import {countingAgent} from '../support/test-server.ts';

const pki = fileURLToPath(new URL('../fixtures/pki/', import.meta.url));
const agent = 'work';
/** What takes a second in life takes 10 ms here; what takes longer, such as the agent's own time, takes as long as it does. */
const hurry = {times: 100, delayMsMax: 2_000};
/** A request that ends by what is known ends long before; only a busy machine needs more than a moment. */
const timeoutMs = 20_000;
/** For nodes that give no sign, so that the time has to pass. */
const shortMs = 600;

function platformWith(clock: (base: Clock) => Partial<Clock>): Platform {
  const platform = createNodePlatform();
  const base = platform.clock;
  const plain: Clock = {
    nowMs: () => base.nowMs(),
    monotonicMs: () => base.monotonicMs(),
    setTimer: (callback, delayMs, options) => base.setTimer(callback, delayMs, options),
  };
  return {
    ...platform,
    env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective', HOME: '/nowhere'},
    clock: {...plain, ...clock(base)},
  };
}

const usual = platformWith(() => ({}));
const skewed = (ms: number): Platform => platformWith((base) => ({nowMs: () => base.nowMs() + ms}));
const hurried = platformWith((base) => ({
  setTimer: (callback, delayMs, options) =>
    base.setTimer(callback, delayMs <= hurry.delayMsMax ? delayMs / hurry.times : delayMs, options),
}));

function securityOf(name: string): Readonly<Record<string, string>> {
  return {
    'plugin.choria.use_srv': 'false',
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': `${pki}${name}.pem`,
    'plugin.security.file.key': `${pki}${name}.key`,
    'plugin.security.file.ca': `${pki}ca.pem`,
  };
}

const never = (): Promise<undefined> => new Promise(() => undefined);

describe('why a node is silent', () => {
  let broker: TestBroker;
  let client: FleetClient;
  const started: {stop(): Promise<void>}[] = [];

  async function node(
    name: string,
    options: {
      readonly work?: Agent['handle'];
      readonly platform?: Platform;
      readonly entries?: Readonly<Record<string, string>>;
      readonly server?: Partial<ServerOptions>;
    } = {},
  ): Promise<ChoriaServer> {
    const {platform = usual, work, entries} = options;
    const identity = `${name}.example.net`;
    const config = await configFromEntries(
      {identity, 'plugin.choria.middleware_hosts': broker.url, ...securityOf('node1'), ...entries},
      {platform, mode: 'server'},
    );
    const server = await createServer({
      config,
      platform,
      memory: 'memory',
      agents: [countingAgent({name: agent, ...(work === undefined ? {} : {work})})],
      agentProviders: [],
      ...options.server,
    });
    await server.start();
    started.push({stop: () => server.stop({graceMs: 0})});
    return server;
  }

  beforeAll(async () => {
    broker = await startTestBroker({tls: true});
    const config = await configFromEntries(
      {identity: 'client.example.net', 'plugin.choria.middleware_hosts': broker.url, ...securityOf('alice')},
      {platform: usual, mode: 'user'},
    );
    client = createClient({config, platform: usual});
  });

  afterAll(async () => {
    await client.close();
    for (const part of started) await part.stop();
    await broker[Symbol.asyncDispose]();
  });

  /** Asks these nodes; gives the reason of each silent one. */
  async function ask(
    names: readonly string[],
    waitMs = timeoutMs,
  ): Promise<{readonly reasons: Readonly<Record<string, string>>; readonly replies: readonly NodeReply[]}> {
    const replies: NodeReply[] = [];
    const targets = names.map((name) => `${name}.example.net`);
    const {silences} = await client.perform(
      {agent, action: 'run', data: {}, targets, timeoutMs: waitMs, explain: true},
      {reply: (reply) => replies.push(reply)},
    );
    const reasons = silences.map(({identity, reason}) => [identity.replace('.example.net', ''), reason] as const);
    return {reasons: Object.fromEntries(reasons), replies};
  }

  test('discovery with a filter ends when all have spoken, and names whoever could not be asked', async () => {
    await node('one');
    await node('two');
    const wrong = await node('wrong', {platform: skewed(120_000)});
    const found = await client.discover({filter: {identities: ['/^(one|wrong)/']}, timeoutMs: 20_000});
    expect(found).toMatchObject({identities: ['one.example.net'], complete: false, isKnown: true});
    expect(found.missing).toMatchObject([{identity: 'wrong.example.net', reason: 'expired'}]);
    await wrong.stop({graceMs: 0});
    const all = await client.ping({timeoutMs: 20_000});
    expect(all).toMatchObject({complete: true, missing: []});
    expect(all.answers.map(({identity}) => identity).toSorted()).toEqual(['one.example.net', 'two.example.net']);
  });

  test('a node that was killed before is not connected, and nobody waits for it', async () => {
    const killed = await node('killed');
    await killed.stop({graceMs: 0});
    expect((await ask(['killed'])).reasons).toEqual({killed: 'not-connected'});
  });

  test('fault 53: a node that dies while it works is lost', async () => {
    const dying: ChoriaServer = await node('dying', {
      work: async () => {
        await dying.connection?.close();
        return never();
      },
    });
    expect((await ask(['dying'], shortMs)).reasons).toEqual({dying: 'lost'});
  });

  test('a node that is blocked gives no sign', async () => {
    const url = broker.url;
    const names = ['blocked.example.net'];
    const silent = {agents: ['discovery', agent], answersPings: false, answer: (): undefined => undefined};
    started.push(await startAnsweringNodes({url, names, ...silent}));
    expect((await ask(['blocked'], shortMs)).reasons).toEqual({blocked: 'unresponsive'});
  });

  test('a node of another program or version is alive and gives no reasons', async () => {
    const url = broker.url;
    const names = ['other.example.net'];
    const silent = {agents: ['discovery', agent], answer: (): undefined => undefined};
    started.push(await startAnsweringNodes({url, names, ...silent}));
    expect((await ask(['other'], shortMs)).reasons).toEqual({other: 'other-version'});
  });

  test('a node that denies by its policy answers, and its answer is told as a denial', async () => {
    let calls = 0;
    const run = async (): Promise<object> => ({calls: (calls += 1)});
    const guarded = defineAgent({
      name: agent,
      description: 'Works',
      author: 'Test',
      license: 'Apache-2.0',
      version: '1.0.0',
      url: 'https://example.net',
      timeoutSeconds: 10,
      actions: {run: defineAction({description: 'Runs', inputs: {}, outputs: {}, run})},
    });
    // There is no policy, and without one nothing is allowed.
    const entries = {rpcauthorization: '1', rpcauthprovider: 'action_policy'};
    await node('denying', {entries, server: {agents: [guarded]}});
    const {reasons, replies} = await ask(['denying']);
    expect(calls).toBe(0);
    expect(reasons).toEqual({});
    expect(replies.map((reply) => troubleOf(reply).reason)).toEqual(['denied']);
  });

  test('a node whose clock is two minutes off says so, and by how much', async () => {
    await node('ahead', {platform: skewed(120_000)});
    await node('behind', {platform: skewed(-120_000)});
    const {silences} = await client.perform({
      agent,
      action: 'run',
      data: {},
      targets: ['ahead.example.net', 'behind.example.net'],
      timeoutMs: 20_000,
    });
    expect(silences.map(({reason, clockAheadMs = 0}) => [reason, Math.round(clockAheadMs / 10_000)])).toEqual([
      ['expired', 12],
      ['expired', -12],
    ]);
  });

  test('a slow node is still running', async () => {
    await node('slow', {platform: hurried, work: never});
    expect((await ask(['slow'], shortMs)).reasons).toEqual({slow: 'running'});
  });

  test('a node whose agent fails without an answer says so at once', async () => {
    await node('failing', {work: () => Promise.reject(new Error('broken'))});
    expect((await ask(['failing'])).reasons).toEqual({failing: 'failed'});
  });

  test('a node without the agent is told from one that is away', async () => {
    await node('bare', {server: {agents: []}});
    expect((await ask(['bare', 'nobody'])).reasons).toEqual({bare: 'no-agent', nobody: 'not-connected'});
  });
});

describe('a certificate that the broker does not accept', () => {
  test('is named as the reason, and not a connection that just ended', async () => {
    const material = testTlsMaterial('broker');
    await using broker = await startTestBroker({tls: {material, clientCertificates: 'required'}});
    const config = await configFromEntries(
      {
        identity: 'client.example.net',
        'plugin.choria.middleware_hosts': broker.url,
        ...securityOf('foreign'),
      },
      {platform: usual, mode: 'user'},
    );
    await using client = createClient({config, platform: usual});
    const asked = client.ping({timeoutMs: 20_000});
    await expect(asked).rejects.toMatchObject({
      code: 'ERR_CLIENT_REFUSED',
      message: expect.stringMatching(/certificate.*another authority/) as string,
    });
  });
});
