import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {fileURLToPath} from 'node:url';
import {type AnsweringNodes, startAnsweringNodes} from '../../test/support/answering-nodes.ts';
import {startTestBroker, type TestBroker} from '../../test/support/broker.ts';
import {configFromEntries} from '../config/index.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import {mergeStatistics} from '../rpc/index.ts';
import {createClient} from './create-client.ts';
import type {FleetClient} from './client.ts';

const pki = fileURLToPath(new URL('../../test/fixtures/pki/', import.meta.url));
const names = ['n1.example.net', 'n2.example.net', 'n3.example.net'];

async function clientFor(url: string, changes: Readonly<Record<string, string>> = {}): Promise<FleetClient> {
  const platform = {
    ...createNodePlatform(),
    env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective', HOME: '/nowhere'},
  };
  const entries = {
    identity: 'client.example.net',
    collectives: 'mcollective,other',
    'plugin.choria.middleware_hosts': url,
    'plugin.choria.use_srv': 'false',
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': `${pki}alice.pem`,
    'plugin.security.file.key': `${pki}alice.key`,
    'plugin.security.file.ca': `${pki}ca.pem`,
    discovery_timeout: '1',
    ...changes,
  };
  const config = await configFromEntries(entries, {platform, mode: 'user'});
  return createClient({config, platform});
}

describe('a client over a real broker', () => {
  let broker: TestBroker;
  let nodes: AnsweringNodes;

  beforeAll(async () => {
    broker = await startTestBroker({tls: true});
    nodes = await startAnsweringNodes({url: broker.url, names});
  });
  afterAll(async () => {
    await nodes.stop();
    await broker[Symbol.asyncDispose]();
  });

  test('a ping hears every node and ends when the expected number answered', async () => {
    await using client = await clientFor(broker.url);
    const {answers} = await client.ping({expect: names.length, timeoutMs: 20_000});
    expect(answers.map(({identity}) => identity).toSorted()).toEqual(names);
  });

  test('a sliding window ends discovery soon after the last answer', async () => {
    await using client = await clientFor(broker.url);
    const found = await client.discover({slidingWindow: true, timeoutMs: 20_000, agent: 'rpcutil'});
    expect(found.identities.toSorted()).toEqual(names);
    expect(nodes.requests.at(-1)?.request.filter.agents).toEqual(['rpcutil']);
  });

  test('names without a pattern are the result and nothing is sent', async () => {
    await using client = await clientFor(broker.url);
    const before = nodes.requests.length;
    const found = await client.discover({filter: {identities: ['gone.example.net']}, agent: 'rpcutil'});
    expect(found.identities).toEqual(['gone.example.net']);
    expect(nodes.requests).toHaveLength(before);
  });

  test('a request streams its replies and ends with statistics, proven by the certificate', async () => {
    await using client = await clientFor(broker.url);
    const stream = client.request('rpcutil', 'ping', {}, {targets: names});
    const senders: string[] = [];
    for await (const reply of stream) senders.push(reply.sender);
    const statistics = await stream.finished;
    expect(senders.toSorted()).toEqual(names);
    expect(statistics).toMatchObject({ok: 3, failed: 0, noResponses: [], discovered: 3});
    expect(nodes.requests.at(-1)?.proven.callerId).toBe('choria=alice.mcollective');
    expect(nodes.requests.at(-1)?.request.filter.identities.toSorted()).toEqual(names);
  });

  test('programs give their connection a name, and are told of discovery, of who is waited for and of who was asked', async () => {
    const platform = {...createNodePlatform(), env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective'}};
    const {config} = await clientFor(broker.url);
    await using client = createClient({config, platform, connectionName: 'nightly report'});
    const told: string[] = [];
    const waiting: number[] = [];
    const parts = [];
    for (const limit of ['1', '2']) {
      const stream = client.request('rpcutil', 'ping', undefined, {
        limit,
        method: 'mc',
        onSelected: ({method}) => told.push(method),
        onProgress: ({waitingFor}) => waiting.push(waitingFor().length),
      });
      parts.push(await stream.finished);
    }
    expect(told).toEqual(['mc', 'mc']);
    expect(waiting).toEqual([1, 0, 2, 1, 0]);
    const sum = mergeStatistics(parts);
    expect(sum).toMatchObject({discovered: 3, ok: 3, noResponses: []});
    expect(sum.targets).toHaveLength(3);
    const connected = [...broker.engine.monitoring.clients.values()].map(({options}) => options.name);
    expect(connected).toContain('nightly report');
  });

  test('a description of another agent is refused before anything is sent', async () => {
    await using client = await clientFor(broker.url);
    const ddl = await client.describe('choria_util');
    const before = nodes.requests.length;
    await expect(client.request('rpcutil', 'ping', {}, {ddl, targets: names}).finished).rejects.toMatchObject({
      code: 'ERR_CLIENT_AGENT',
      message: expect.stringContaining('the DDL does not describe the rpcutil agent') as string,
    });
    expect(nodes.requests).toHaveLength(before);
  });

  test('an unknown collective, agent and action are told before anything is sent', async () => {
    await using client = await clientFor(broker.url);
    const before = nodes.requests.length;
    await expect(client.discover({collective: 'nope'})).rejects.toMatchObject({code: 'ERR_CLIENT_COLLECTIVE'});
    await expect(client.describe('nosuch')).rejects.toMatchObject({code: 'ERR_CLIENT_AGENT'});
    await expect(client.request('rpcutil', 'nosuch').finished).rejects.toMatchObject({code: 'ERR_CLIENT_ACTION'});
    expect(nodes.requests).toHaveLength(before);
  });

  test('a certificate of another authority is refused at once', async () => {
    await using client = await clientFor(broker.url, {
      'plugin.security.file.ca': `${pki}foreign-ca.pem`,
      'plugin.security.file.certificate': `${pki}foreign.pem`,
      'plugin.security.file.key': `${pki}foreign.key`,
    });
    await expect(client.ping({timeoutMs: 20_000})).rejects.toMatchObject({name: 'ClientError'});
  });
});

test('a broker that is not there is told long before the timeout', async () => {
  await using client = await clientFor('nats://127.0.0.1:1');
  await expect(client.ping({timeoutMs: 600_000})).rejects.toMatchObject({
    code: 'ERR_CLIENT_NO_BROKER',
    message: expect.stringContaining('127.0.0.1:1') as string,
  });
});
