import {connect} from '@nats-io/transport-node';
import {describe, expect, test} from 'vitest';
import {startTestBroker} from '../../test/support/broker.ts';
import {RawClient} from '../../test/support/raw-client.ts';
import {configFromEntries} from '../config/index.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import {createNetworkList} from './authentication/networks.ts';
import {createStaticAuthenticator} from './authentication/static.ts';
import {CompiledPermissions} from './permissions.ts';
import {readSettings} from './settings.ts';

describe('the official JavaScript client', () => {
  test('publishes, subscribes, shares a queue, requests and drains', async () => {
    await using broker = await startTestBroker();
    const client = await connect({servers: broker.url});
    const worker = await connect({servers: broker.url});
    const seen: string[] = [];
    worker.subscribe('work.*', {
      queue: 'workers',
      callback: (_error, message) => {
        seen.push(message.subject);
        message.respond(`done ${message.string()}`);
      },
    });
    await worker.flush();
    const answer = await client.request('work.a', 'one', {timeout: 5000});
    expect(answer.string()).toBe('done one');
    expect(seen).toEqual(['work.a']);
    await expect(client.request('nobody.there', '', {timeout: 5000})).rejects.toThrow('no responders');
    await worker.drain();
    await client.drain();
    expect(broker.engine.statistics().inMessages).toBe(3);
  });

  test('is told when it may not, and stays connected', async () => {
    await using broker = await startTestBroker({
      accounts: ['one', 'two'],
      authenticator: createStaticAuthenticator({
        users: [
          {user: 'a', password: 'x', account: 'one', permissions: {subscribe: {allow: ['open.>']}}},
          {user: 'b', password: 'x', account: 'two'},
        ],
      }),
    });
    const client = await connect({servers: broker.url, user: 'a', pass: 'x'});
    const other = await connect({servers: broker.url, user: 'b', pass: 'x'});
    const refused = new Promise<Error | undefined>((resolve) => {
      client.subscribe('closed', {callback: (error) => resolve(error ?? undefined)});
    });
    expect((await refused)?.message).toContain('Permissions Violation');
    const received: string[] = [];
    client.subscribe('open.*', {callback: (_error, message) => void received.push(message.subject)});
    await client.flush();
    other.publish('open.other-account');
    await other.flush();
    client.publish('open.own');
    await client.flush();
    expect(received).toEqual(['open.own']);
    await expect(connect({servers: broker.url, user: 'a', pass: 'wrong', reconnect: false})).rejects.toThrow();
    await client.close();
    await other.close();
  });
});

describe('permissions', () => {
  test('a subscription must be a subset of what is allowed', () => {
    const permissions = new CompiledPermissions({subscribe: {allow: ['foo.*', 'q.* workers'], allowSingle: ['one.*']}});
    const table: [string, string | undefined, boolean][] = [
      ['foo.bar', undefined, true],
      ['foo.*', undefined, true],
      ['foo.>', undefined, false],
      ['>', undefined, false],
      ['q.a', undefined, false],
      ['q.a', 'workers', true],
      ['q.a', 'others', false],
      ['foo.a', 'any', true],
      ['one.a', undefined, true],
      ['one.a', 'any', true],
      ['one.*', undefined, false],
    ];
    for (const [subject, queue, expected] of table) {
      expect(permissions.maySubscribe(subject, queue), `${subject} ${queue}`).toBe(expected);
    }
  });

  test('permission to answer alone forbids every other publish', () => {
    expect(new CompiledPermissions({allowResponses: {max: 1, expiresMs: 1000}}).mayPublish('a')).toBe(false);
    expect(new CompiledPermissions({}).mayPublish('a')).toBe(true);
  });

  test('what is no subject is an error', () => {
    for (const text of ['', 'a..b', 'a b c', 'a.>.b']) {
      expect(() => new CompiledPermissions({publish: {allow: [text]}})).toThrow('expected a subject');
    }
  });
});

describe('networks', () => {
  test.each([
    ['10.0.0.0/8', '10.9.8.7', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.1.1', true],
    ['192.168.1.7', '192.168.1.7', true],
    ['192.168.1.7', '192.168.1.8', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['0.0.0.0/0', '::1', false],
  ])('%s holds %s: %s', (network, address, expected) => {
    expect(createNetworkList([network]).contains(address)).toBe(expected);
  });

  test('entries that are none match nothing and are named', () => {
    const list = createNetworkList(['nonsense', '10.0.0.0/33', '10.0.0.0/8/8', '']);
    expect(list.invalid).toHaveLength(4);
    expect(list.contains('10.0.0.1')).toBe(false);
  });
});

describe('settings', () => {
  const platform = createNodePlatform();
  const base = {identity: 'broker.example.net', 'plugin.choria.broker_network': 'true'};
  const read = async (entries: Readonly<Record<string, string>>) =>
    readSettings(await configFromEntries({...base, ...entries}, {platform, mode: 'server'}));

  test.each([
    [{'plugin.choria.network.peers': 'nats://b:5222'}, 'asks for a cluster, which needs the engine nats-server'],
    [{'plugin.choria.network.stream.store': '/data'}, 'asks for streams, which needs the engine nats-server'],
    [{'plugin.choria.network.leafnode_port': '7422'}, 'asks for leaf nodes'],
    [{'plugin.choria.network.gateway_port': '7222'}, 'asks for gateways'],
    [
      {
        'plugin.choria.network.gateway_remotes': 'paris',
        'plugin.choria.network.gateway_remote.paris.urls': 'nats://paris:7222',
      },
      '"plugin.choria.network.gateway_remotes" asks for gateways, which needs the engine nats-server',
    ],
    [
      {
        'plugin.choria.network.leafnode_remotes': 'hub',
        'plugin.choria.network.leafnode_remote.hub.url': 'nats://hub:7422',
      },
      '"plugin.choria.network.leafnode_remotes" asks for leaf nodes, which needs the engine nats-server',
    ],
    [
      {'plugin.choria.network.websocket_port': '4333', 'plugin.choria.network.websocket_origins': 'a.example/x'},
      'expected scheme, host and port',
    ],
    [{'plugin.choria.network.auth_timeout': '61s'}, 'must not exceed 60 seconds'],
    [{'plugin.choria.network.client_port': '70000'}, 'expected 0 to 65535'],
    [{'plugin.choria.network.public_url': 'nowhere'}, 'expected host:port'],
    [{'plugin.choria.broker_federation': 'true'}, 'Cannot start the federation broker'],
    [{'plugin.choria.adapters': 'facts'}, 'Cannot start the adapters "facts"'],
    [{'plugin.choria.broker_network': 'false'}, 'all broker features are disabled'],
  ])('%j is an error that says so', async (entries, text) => {
    await expect(read(entries as Record<string, string>)).rejects.toThrow(text);
  });

  test('remotes without an address are left out with a warning, as nothing is asked for then', async () => {
    const settings = await read({
      'plugin.choria.network.gateway_port': '7222',
      'plugin.choria.network.gateway_remotes': 'r1',
    });
    expect(settings.warnings).toEqual([expect.stringContaining('Gateway r1 has no remote url, ignoring')]);
  });

  test.each([
    [{'plugin.choria.network.client_hosts': '10.0.0.0/8, 10.0.0.0/33'}, 'Cannot use "10.0.0.0/33" of'],
    [{'plugin.choria.network.provisioning.signer_cert': '/s.pem'}, 'there is no provisioning account'],
    [{'plugin.choria.network.provisioning.client_password': 'x'}, 'Unprovisioned servers are refused'],
    [{'plugin.choria.network.provisioning.provisioner_without_token': 'true'}, 'lets the provisioner in by password'],
  ])('%j works only in part, which is said', async (entries, text) => {
    const {warnings} = await read(entries);
    expect(warnings).toEqual([expect.stringContaining(text)]);
  });

  test('origins of web pages are read for the WebSocket listener', async () => {
    const settings = await read({
      'plugin.choria.network.websocket_port': '4333',
      'plugin.choria.network.websocket_origins': 'https://a.example, http://b.example:8080',
      'plugin.choria.network.websocket_same_origin': 'true',
    });
    expect(settings.websocket).toMatchObject({
      allowedOrigins: ['https://a.example', 'http://b.example:8080'],
      isSameOriginRequired: true,
    });
  });

  test('a peer port without peers, and a listener of statistics, do not keep the broker from starting', async () => {
    const settings = await read({'plugin.choria.network.peer_port': '5222', 'plugin.choria.stats_port': '8222'});
    expect(settings.port).toBe(4222);
    expect(settings.warnings).toEqual([]);
    expect(settings.stats).toEqual({host: '127.0.0.1', port: 8222});
    expect((await read({'plugin.choria.network.public_url': '[::1]:4222'})).advertise).toEqual({
      host: '::1',
      port: 4222,
    });
  });
});

test('when fewer connections are allowed than there are, those that came last are told so and go', async () => {
  await using broker = await startTestBroker();
  const [first, second] = [await RawClient.connect(broker), await RawClient.connect(broker)];
  for (const client of [first, second]) await client.until(({received}) => received.includes('INFO'));
  await broker.engine.reload({limits: {connectionsMax: 1}});
  await second.until(({isClosed}) => isClosed);
  expect(second.received).toContain("-ERR 'maximum connections exceeded'\r\n");
  first.send('PING\r\n');
  await first.until(({received}) => received.includes('PONG'));
});
