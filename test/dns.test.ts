/** Finding brokers and services by real DNS questions over UDP, asked of a name server of this test. */
import {describe, expect, test} from 'vitest';
import {configFromEntries} from '../src/config/index.ts';
import {openConnection, resolveServers, resolveSrv, serverSource} from '../src/connect/index.ts';
import {createNodeNames} from '../src/lib/node-names.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import type {Platform, SrvRecord} from '../src/lib/platform.ts';
import {provisioningServers} from '../src/provision/index.ts';
import {startTestBroker} from './support/broker.ts';
import {type DnsServer, startDnsServer} from './support/dns-server.ts';

const record = (name: string, port: number, priority = 10, weight = 1): SrvRecord => ({name, port, priority, weight});

/** What a provisioning token says that names a domain. */
const tokenTarget = {
  text: 'token',
  token: 'secret',
  isSecure: true,
  urls: [],
  srvDomain: 'example.net',
  isDefault: true,
  registrationFile: '',
  factsFile: '',
  user: '',
  password: '',
  isVersion2: true,
  mayUpdate: false,
  releaseKey: '',
  claims: {},
};

function platformWith(server: DnsServer): Platform {
  return {...createNodePlatform(), names: createNodeNames({servers: [server.address]})};
}

async function brokers(server: DnsServer, entries: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const platform = platformWith(server);
  const config = await configFromEntries(
    {identity: 'n1.example.net', 'plugin.choria.srv_domain': 'example.net', ...entries},
    {platform, mode: 'server'},
  );
  return resolveServers(config, {platform});
}

describe('DNS', () => {
  test('servers and clients ask for the two names in order, until one has records', async () => {
    await using server = await startDnsServer({
      '_x-puppet-mcollective._tcp.example.net': [record('b1.example.net', 4223)],
    });
    expect(await brokers(server)).toEqual(['nats://b1.example.net:4223']);
    expect(server.questions).toEqual([
      '_mcollective-server._tcp.example.net',
      '_x-puppet-mcollective._tcp.example.net',
    ]);
  });

  test('what changes in DNS is seen at the next question', async () => {
    const name = '_mcollective-server._tcp.example.net';
    await using server = await startDnsServer({[name]: [record('old.example.net', 4222)]});
    expect(await brokers(server)).toEqual(['nats://old.example.net:4222']);
    server.records.set(name, [record('new.example.net', 4222)]);
    expect(await brokers(server)).toEqual(['nats://new.example.net:4222']);
  });

  test('lower priorities come first, and weights decide among equals', async () => {
    const name = '_mcollective-server._tcp.example.net';
    await using server = await startDnsServer({
      [name]: [
        record('spare.example.net', 4222, 20),
        record('heavy.example.net', 4222, 10, 10_000),
        record('light.example.net', 4222, 10, 0),
      ],
    });
    const orders = await Promise.all(Array.from({length: 40}, () => brokers(server)));
    expect(orders.every((order) => order[2] === 'nats://spare.example.net:4222')).toBe(true);
    const heavyFirst = orders.filter((order) => order[0] === 'nats://heavy.example.net:4222').length;
    expect(heavyFirst).toBeGreaterThanOrEqual(36);
  });

  test('every process connects to the best record while it lives, wherever it would start in a list of equals', async () => {
    await using best = await startTestBroker();
    await using spare = await startTestBroker();
    await using server = await startDnsServer({
      '_mcollective-server._tcp.example.net': [record('localhost', spare.port, 20), record('localhost', best.port, 10)],
    });
    const platform = platformWith(server);
    const config = await configFromEntries({'plugin.choria.srv_domain': 'example.net'}, {platform, mode: 'server'});
    const servers = serverSource(config, {platform});
    for (let attempt = 0; attempt < 8; attempt++) {
      await using connection = await openConnection({platform, name: 'n1', servers, inboxPrefix: 'x', attemptsMax: 1});
      expect(connection.connectedServer).toContain(`:${best.port}`);
    }
  });

  test('federated clients ask for the brokers of the federation', async () => {
    await using server = await startDnsServer({
      '_x-puppet-mcollective_federation._tcp.example.net': [record('fed.example.net', 4222)],
    });
    const found = await brokers(server, {'plugin.choria.federation.collectives': 'london,paris'});
    expect(found).toEqual(['nats://fed.example.net:4222']);
    expect(server.questions[0]).toBe('_mcollective-federation_server._tcp.example.net');
  });

  test('a node that is not yet configured asks for the provisioning brokers of its token', async () => {
    await using server = await startDnsServer({
      '_choria-provisioner._tcp.example.net': [
        record('prov2.example.net', 4222, 20),
        record('prov1.example.net', 4222),
      ],
    });
    const found = await provisioningServers(tokenTarget, platformWith(server))({signal: new AbortController().signal});
    expect(found).toEqual({inOrder: ['nats://prov1.example.net:4222', 'nats://prov2.example.net:4222']});
  });

  test.each(['_x-puppet-db._tcp', '_x-puppet-ca._tcp'])('%s is asked for as it is', async (name) => {
    await using server = await startDnsServer({[`${name}.example.net`]: [record('puppet.example.net', 8141)]});
    const platform = platformWith(server);
    const config = await configFromEntries({'plugin.choria.srv_domain': 'example.net'}, {platform, mode: 'user'});
    expect(await resolveSrv(config, {platform, records: [name, '_x-puppet._tcp']})).toEqual([
      record('puppet.example.net', 8141),
    ]);
  });

  test('fault 58: a name server that never answers costs a bounded time, and the name puppet is tried', async () => {
    await using server = await startDnsServer({'_mcollective-server._tcp.example.net': 'silent'});
    expect(await brokers(server)).toEqual(['nats://puppet:4222']);
  });
});
