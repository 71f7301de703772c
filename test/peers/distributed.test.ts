/** Gateways, leaf nodes, WebSockets and mappings of the engine nats-server: each carries messages between real servers. */
import {describe, expect, test} from 'vitest';
import type {RunningBroker} from '../../src/broker/index.ts';
import {type Connection, openConnection} from '../../src/connect/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {testTlsMaterial} from '../support/broker.ts';
import {freePorts} from '../support/cluster.ts';
import {pkiFile, startConfiguredBroker, supervisedEngine} from '../support/supervised.ts';
import {missingPeer} from './nats-server.ts';

const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');
const platform = createNodePlatform();
const soon = {timeoutMs: 5000};
const remoteTls = (prefix: string): Readonly<Record<string, string>> => ({
  [`${prefix}.tls.cert`]: pkiFile('broker.pem'),
  [`${prefix}.tls.key`]: pkiFile('broker.key'),
  [`${prefix}.tls.ca`]: pkiFile('ca.pem'),
});

function open(server: string): Promise<Connection> {
  return openConnection({
    platform,
    name: 'alice',
    servers: [server],
    tls: {material: testTlsMaterial('alice'), verify: false},
    inboxPrefix: 'mcollective.reply.alice',
    attemptsMax: 3,
  });
}

const addressOf = (broker: RunningBroker): string => `tls://127.0.0.1:${broker.port}`;

/** A request over whatever is between the two, as soon as that is there; the answer says who gave it. */
async function asks(from: Connection, to: Connection): Promise<void> {
  to.subscribe('far.away', ({replyTo}) => to.publish(replyTo ?? '', Buffer.from('from the other side')));
  await to.flush(soon);
  const ask = async (): Promise<string> => {
    try {
      return (await from.request('far.away', Buffer.from('x'), {timeoutMs: 1000})).payload.toString();
    } catch (error) {
      return String(error);
    }
  };
  await expect.poll(ask, {timeout: 30_000}).toBe('from the other side');
}

describe.skipIf(skip)('nats-servers under our supervision, at a distance', () => {
  test('gateways join two clusters', {timeout: 90_000}, async () => {
    const [one = 0, two = 0] = await freePorts(2);
    const start = (name: string, own: number, other: {readonly name: string; readonly port: number}) =>
      startConfiguredBroker({
        identity: `${name}.example.net`,
        'plugin.choria.network.gateway_name': name,
        'plugin.choria.network.gateway_port': String(own),
        'plugin.choria.network.gateway_remotes': other.name,
        [`plugin.choria.network.gateway_remote.${other.name}.urls`]: `nats://localhost:${other.port}`,
        'plugin.choria.network.peer_password': 'only the brokers know',
      });
    await using london = await start('LONDON', one, {name: 'PARIS', port: two});
    await using paris = await start('PARIS', two, {name: 'LONDON', port: one});
    await using alice = await open(addressOf(london));
    await using bob = await open(addressOf(paris));
    await asks(alice, bob);
    await asks(bob, alice);
  });

  test('a leaf node joins a hub, and its figures are shown', {timeout: 90_000}, async () => {
    const [port = 0] = await freePorts(1);
    const prefix = 'plugin.choria.network.leafnode_remote.hub';
    await using hub = await startConfiguredBroker({
      identity: 'hub.example.net',
      'plugin.choria.network.leafnode_port': String(port),
      // The leaf connection shows the certificate of a broker, which is no caller.
      'plugin.choria.network.open_certificates': 'true',
    });
    await using leaf = await startConfiguredBroker({
      identity: 'leaf.example.net',
      'plugin.choria.network.leafnode_remotes': 'hub',
      [`${prefix}.url`]: `nats://localhost:${port}`,
      ...remoteTls(prefix),
    });
    await using alice = await open(addressOf(leaf));
    await using bob = await open(addressOf(hub));
    await asks(alice, bob);
    const page = await fetch(`${hub.addresses.monitoring}/leafz`);
    expect(await page.json()).toMatchObject({leafnodes: 1, leafs: [{account: 'choria'}]});
  });

  test('members of a cluster are found by their SRV records, before the setting', {timeout: 90_000}, async () => {
    const [one = 0, two = 0] = await freePorts(2);
    const asked: string[] = [];
    const named = {
      ...platform,
      names: {
        ...platform.names,
        resolveSrv: (name: string) => {
          asked.push(name);
          return Promise.resolve([one, two].map((port) => ({name: 'localhost.', port, priority: 1, weight: 1})));
        },
      },
    };
    const start = (identity: string, port: number) =>
      startConfiguredBroker(
        {
          identity,
          'plugin.choria.use_srv': 'true',
          'plugin.choria.srv_domain': 'example.net',
          'plugin.choria.network.peers': 'nats://nowhere.invalid:5222',
          'plugin.choria.network.peer_port': String(port),
          'plugin.choria.network.peer_password': 'only the brokers know',
        },
        {platform: named},
      );
    await using first = await start('first.example.net', one);
    await using second = await start('second.example.net', two);
    await using alice = await open(addressOf(first));
    await using bob = await open(addressOf(second));
    await asks(alice, bob);
    expect(new Set(asked)).toEqual(new Set(['_mcollective-broker._tcp.example.net']));
  });

  test('WebSockets are served beside the client port', {timeout: 60_000}, async () => {
    const [port = 0] = await freePorts(1);
    await using broker = await startConfiguredBroker({'plugin.choria.network.websocket_port': String(port)});
    await using alice = await open(`wss://localhost:${port}`);
    await using bob = await open(addressOf(broker));
    await asks(alice, bob);
  });

  test('mappings of the configuration apply, the same as on the embedded engine', {timeout: 60_000}, async () => {
    const mapping = {
      'plugin.choria.network.mapping.names': 'old',
      'plugin.choria.network.mapping.old.source': 'old.*.*',
      'plugin.choria.network.mapping.old.destination': 'new.{{partition(10,1)}}.$2.$1',
    };
    const heard: Record<string, string> = {};
    for (const engine of ['embedded', 'nats-server']) {
      await using broker = await startConfiguredBroker({...mapping, 'plugin.choria.network.engine': engine});
      await using alice = await open(addressOf(broker));
      alice.subscribe('>', ({subject}) => void (heard[engine] = subject));
      await alice.flush(soon);
      alice.publish('old.web1.example', Buffer.from('x'));
      await expect.poll(() => heard[engine]).toMatch(/^new\.\d\.example\.web1$/);
    }
    expect(heard['embedded']).toBe(heard['nats-server']);
  });

  test('a nats-server that is killed comes back with its gateway and leaf ports', {timeout: 60_000}, async () => {
    const [port = 0] = await freePorts(1);
    await using broker = await startConfiguredBroker({'plugin.choria.network.leafnode_port': String(port)});
    const engine = supervisedEngine(broker);
    const before = engine.serverId;
    process.kill(engine.processId ?? -1, 'SIGKILL');
    await expect.poll(() => engine.serverId !== before && engine.restarts, {timeout: 20_000}).toBe(1);
    const page = (await (await fetch(`${broker.addresses.monitoring}/varz`)).json()) as {leaf: {port: number}};
    expect(page.leaf.port).toBe(port);
  });
});
