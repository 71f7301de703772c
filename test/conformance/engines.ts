/** What every broker engine must do, whatever carries the messages. Each engine runs all of it. */
import {describe, expect, test} from 'vitest';
import type {RunningBroker} from '../../src/broker/index.ts';
import {createClient} from '../../src/client/index.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {type Connection, openConnection, queryInterest} from '../../src/connect/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {inboxPrefix} from '../../src/protocol/index.ts';
import {testTlsMaterial} from '../support/broker.ts';
import {brokerEntries, pkiFile, startConfiguredBroker} from '../support/supervised.ts';

const platform = createNodePlatform();
const bytes = (text: string): Buffer => Buffer.from(text);
const soon = {timeoutMs: 5000};

interface Open {
  readonly certificate: 'alice' | 'node1' | 'node2' | 'foreign';
  readonly errors?: string[];
  /** What happens to the link, in words. */
  readonly events?: string[];
  readonly auth?: {readonly user: string; readonly password: string};
  /** Brokers to go to beside the first. */
  readonly others?: readonly RunningBroker[];
}

const addressOf = (broker: RunningBroker): string => `tls://127.0.0.1:${broker.port}`;

function open(broker: RunningBroker, {certificate, errors, events, auth, others = []}: Open): Promise<Connection> {
  const identity = certificate === 'alice' ? 'alice.mcollective' : `${certificate}.example.net`;
  return openConnection({
    platform,
    name: certificate,
    servers: [broker, ...others].map(addressOf),
    tls: {material: testTlsMaterial(certificate), verify: false},
    inboxPrefix: inboxPrefix('mcollective', identity),
    attemptsMax: 1,
    ...(auth === undefined ? {} : {auth}),
    events: {
      error: (error) => void errors?.push(error.message),
      disconnected: () => void events?.push('lost'),
      reconnected: () => void events?.push('back'),
    },
  });
}

export function describeEngine(engine: 'embedded' | 'nats-server', options: {readonly skip: boolean}): void {
  const start = (): Promise<RunningBroker> => startConfiguredBroker({'plugin.choria.network.engine': engine});

  describe.skipIf(options.skip)(`the engine ${engine}`, () => {
    test('routes to every subscription and to one member of a queue group, headers included', async () => {
      await using broker = await start();
      await using alice = await open(broker, {certificate: 'alice'});
      await using other = await open(broker, {certificate: 'alice'});
      const seen: string[] = [];
      const counts = [0, 0];
      other.subscribe(
        'a.*',
        ({headers, payload}) => void seen.push(`${headers?.toString() ?? ''}${payload.toString()}`),
      );
      for (const index of counts.keys()) {
        other.subscribe('work', () => void (counts[index] = (counts[index] ?? 0) + 1), {queue: 'workers'});
      }
      await other.flush(soon);
      alice.publish('a.b', bytes('plain'));
      alice.publish('a.c', bytes('with'), {headers: {'X-Test': ['one']}});
      for (let count = 0; count < 100; count++) alice.publish('work', bytes('x'));
      await alice.flush(soon);
      await expect.poll(() => (counts[0] ?? 0) + (counts[1] ?? 0)).toBe(100);
      expect(Math.min(...counts)).toBeGreaterThan(0);
      expect(seen[0]).toBe('plain');
      expect(seen[1]).toMatch(/^NATS\/1\.0\r\nX-Test: ?one\r\n\r\nwith$/);
    });

    test('tells at once when nobody listens', async () => {
      await using broker = await start();
      await using alice = await open(broker, {certificate: 'alice'});
      await expect(alice.request('nobody.there', bytes(''), {timeoutMs: 30_000})).rejects.toThrow('Nobody listens');
    });

    test('lets a node be itself and nobody else', async () => {
      await using broker = await start();
      const errors: string[] = [];
      await using node = await open(broker, {certificate: 'node1', errors});
      await using alice = await open(broker, {certificate: 'alice'});
      node.subscribe('mcollective.node.node1.example.net', ({replyTo}) =>
        node.publish(replyTo ?? '', bytes('it is me')),
      );
      node.subscribe('mcollective.node.node2.example.net', () => {});
      node.subscribe('mcollective.>', () => {});
      node.publish('mcollective.broadcast.agent.discovery', bytes('an order'));
      node.publish('mcollective.node.node2.example.net', bytes('an order'));
      await node.flush(soon);
      await expect.poll(() => errors.length).toBe(4);
      expect(errors.every((text) => text.includes('Permissions Violation'))).toBe(true);
      const answer = await alice.request('mcollective.node.node1.example.net', bytes('who'), soon);
      expect(answer.payload.toString()).toBe('it is me');
    });

    test('refuses a certificate of another authority', async () => {
      await using broker = await start();
      await expect(open(broker, {certificate: 'foreign'})).rejects.toThrow();
    });

    test('says who listens, to callers only', async () => {
      await using broker = await start();
      await using node = await open(broker, {certificate: 'node1', errors: []});
      await using alice = await open(broker, {certificate: 'alice'});
      node.subscribe('mcollective.node.node1.example.net', () => {});
      node.subscribe('mcollective.broadcast.agent.discovery', () => {});
      await node.flush(soon);
      const question = {collective: 'mcollective', list: true};
      expect(await queryInterest(alice, question, soon)).toMatchObject({
        servers: 1,
        identities: ['node1.example.net'],
        complete: true,
      });
      expect(await queryInterest(node, question, {timeoutMs: 30_000})).toBeUndefined();
    });

    test('lets a request end when the last node that it waits for has gone', async () => {
      await using broker = await start();
      await using leaving = await open(broker, {certificate: 'node1', errors: []});
      await using alice = await open(broker, {certificate: 'alice'});
      const reached = new Promise<void>((resolve) => {
        leaving.subscribe('mcollective.node.node1.example.net', () => resolve());
      });
      await leaving.flush(soon);
      const asAlice = {...platform, env: {...platform.env, MCOLLECTIVE_CERTNAME: 'alice.mcollective'}};
      const config = await configFromEntries(
        {
          ...brokerEntries,
          identity: 'client.example.net',
          'plugin.choria.middleware_hosts': addressOf(broker),
          'plugin.security.file.certificate': pkiFile('alice.pem'),
          'plugin.security.file.key': pkiFile('alice.key'),
        },
        {platform: asAlice, mode: 'user'},
      );
      await using client = createClient({config, platform: asAlice});
      const targets = ['node1.example.net'];
      const asked = {agent: 'work', action: 'run', data: {}, targets, timeoutMs: 900_000};
      const running = client.perform(asked);
      await reached;
      // What the client asked before it sent the request is answered by then: the node was there.
      await queryInterest(alice, {collective: 'mcollective', identities: targets}, {timeoutMs: 30_000});
      await leaving.close();
      await expect(running).resolves.toMatchObject({silences: [{identity: 'node1.example.net', reason: 'lost'}]});
    }, 60_000);

    test('refuses a message beyond its limit and keeps what was agreed before', async () => {
      await using broker = await start();
      await using alice = await open(broker, {certificate: 'alice'});
      expect(() => alice.publish('a', Buffer.alloc(2 * 1024 * 1024))).toThrow('the broker accepts at most 1048576');
      await alice.flush(soon);
    });

    test('follows a message for who may have it told to himself, and tells nobody else', async () => {
      await using broker = await start();
      const errors: string[] = [];
      await using alice = await open(broker, {certificate: 'alice', errors});
      await using node = await open(broker, {certificate: 'node1', errors});
      const heard: string[] = [];
      const traces: unknown[] = [];
      const own = `${inboxPrefix('mcollective', 'alice.mcollective')}.trace`;
      alice.subscribe(own, ({payload}) => void traces.push(JSON.parse(payload.toString())));
      node.subscribe('mcollective.broadcast.agent.rpcutil', ({payload}) => void heard.push(payload.toString()));
      node.subscribe('mcollective.node.node1.example.net', ({payload}) => void heard.push(payload.toString()));
      await node.flush(soon);
      const send = (text: string, more: Readonly<Record<string, readonly string[]>>, destination = own): void =>
        alice.publish('mcollective.broadcast.agent.rpcutil', bytes(text), {
          headers: {'Nats-Trace-Dest': [destination], 'X-Test': ['one', 'two'], ...more},
        });
      send('nobody gets this', {'Nats-Trace-Only': ['true']});
      send('node1 gets this', {});
      await expect.poll(() => traces.length).toBe(2);
      expect(heard).toEqual(['node1 gets this']);
      for (const trace of traces) {
        expect(trace).toMatchObject({
          server: {name: expect.any(String), id: expect.stringMatching(/^N/), ver: expect.any(String)},
          request: {header: {'X-Test': ['one', 'two']}, msgsize: expect.any(Number)},
          events: [
            {type: 'in', kind: 0, name: 'alice', acc: 'choria', subj: 'mcollective.broadcast.agent.rpcutil'},
            {type: 'eg', kind: 0, name: 'node1', sub: 'mcollective.broadcast.agent.rpcutil'},
          ],
        });
      }
      // Nobody makes the broker speak where he himself may not: not even the message goes on.
      node.publish('mcollective.reply.x', bytes('not told'), {
        headers: {'Nats-Trace-Dest': ['mcollective.node.node1.example.net']},
      });
      await expect.poll(() => errors.length).toBe(1);
      expect(errors[0]).toContain('Permissions Violation for Publish to "mcollective.node.node1.example.net"');
      send('no subject at all', {'Nats-Trace-Only': ['1']}, 'a..b');
      send('nobody listens to the trace', {}, 'nobody.there');
      await expect.poll(() => heard.length).toBe(2);
      expect(heard).toEqual(['node1 gets this', 'nobody listens to the trace']);
      expect(traces).toHaveLength(2);
    });

    test('keeps accounts apart, and answers about itself in the system account only', async () => {
      const system = {user: 'system', password: 's3cret'};
      await using broker = await startConfiguredBroker({
        'plugin.choria.network.engine': engine,
        'plugin.choria.network.system.user': system.user,
        'plugin.choria.network.system.password': system.password,
      });
      await using admin = await open(broker, {certificate: 'alice', auth: system});
      await using alice = await open(broker, {certificate: 'alice'});
      const heard: string[] = [];
      alice.subscribe('>', ({subject}) => void heard.push(subject));
      admin.subscribe('mcollective.node.y', ({subject}) => void heard.push(`system: ${subject}`));
      await alice.flush(soon);
      await admin.flush(soon);
      admin.publish('mcollective.node.x', bytes('from the system account'));
      alice.publish('mcollective.node.y', bytes('from the fleet'));
      await admin.flush(soon);
      await alice.flush(soon);
      await expect.poll(() => heard).toEqual(['mcollective.node.y']);
      const answer = await admin.request('$SYS.REQ.SERVER.PING.VARZ', bytes(''), soon);
      expect(answer.payload.toString()).toContain('"server_name":"broker.example.net"');
      // Who listens to everything hears the question too, and so nobody is told that there is no answer.
      await alice.close();
      await using other = await open(broker, {certificate: 'alice'});
      const question = other.request('$SYS.REQ.SERVER.PING.VARZ', bytes(''), {timeoutMs: 30_000});
      await expect(question).rejects.toThrow('Nobody listens');
      const wrong = open(broker, {certificate: 'alice', auth: {...system, password: 'wrong'}});
      await expect(wrong).rejects.toThrow('Authorization Violation');
    });

    test('a client comes back with its subscriptions to a broker that was started again', async () => {
      const first = await start();
      const events: string[] = [];
      await using alice = await open(first, {certificate: 'alice', events});
      const heard: string[] = [];
      alice.subscribe('a', ({payload}) => void heard.push(payload.toString()));
      await alice.flush(soon);
      await first.stop();
      await using second = await startConfiguredBroker({
        'plugin.choria.network.engine': engine,
        'plugin.choria.network.client_port': String(first.port),
      });
      await expect.poll(() => events, {timeout: 20_000}).toEqual(['lost', 'back']);
      await using other = await open(second, {certificate: 'alice'});
      await alice.flush(soon);
      other.publish('a', bytes('after'));
      await expect.poll(() => heard).toEqual(['after']);
    });

    test('sends its clients elsewhere before it stops, and they never lose their link', async () => {
      const leaving = await start();
      await using staying = await start();
      const events: string[] = [];
      await using alice = await open(leaving, {certificate: 'alice', events, others: [staying]});
      // The list of brokers is tried from a place of its own.
      if (alice.connectedServer !== addressOf(leaving)) await staying.stop({graceMs: 10_000});
      else await leaving.stop({graceMs: 10_000});
      expect(events).toEqual(['back']);
      await alice.flush(soon);
      await leaving.stop();
    });

    test('takes changed rights over without dropping who stays allowed, and cuts who does not', async () => {
      const entries = {
        'plugin.choria.network.engine': engine,
        'plugin.choria.network.system.user': 'system',
        'plugin.choria.network.system.password': 'before',
        'plugin.choria.network.open_certificates': 'true',
      };
      await using broker = await startConfiguredBroker(entries);
      const events: string[] = [];
      const errors: string[] = [];
      await using alice = await open(broker, {certificate: 'alice', events});
      await using node = await open(broker, {certificate: 'node1', events, errors});
      const systemEvents: string[] = [];
      const auth = {user: 'system', password: 'before'};
      await using _system = await open(broker, {certificate: 'alice', auth, events: systemEvents});
      const heard: string[] = [];
      node.subscribe('mcollective.>', ({subject}) => void heard.push(subject));
      node.subscribe('mcollective.node.node1.example.net', ({payload}) => void heard.push(payload.toString()));
      await node.flush(soon);
      const changed = await configFromEntries(
        {
          ...brokerEntries,
          ...entries,
          'plugin.choria.network.system.password': 'after',
          'plugin.choria.network.open_certificates': 'false',
        },
        {platform, mode: 'server'},
      );
      await broker.reload(changed);
      await expect.poll(() => systemEvents).toContain('lost');
      await alice.flush(soon);
      alice.publish('mcollective.node.other', bytes('not for node1'));
      alice.publish('mcollective.node.node1.example.net', bytes('for node1'));
      await alice.flush(soon);
      await expect.poll(() => heard).toEqual(['for node1']);
      expect(events).toEqual([]);
      expect(errors).toEqual([expect.stringContaining('Permissions Violation for Subscription to "mcollective.>"')]);
    });

    test('a configuration that cannot be used changes nothing', async () => {
      await using broker = await start();
      await using alice = await open(broker, {certificate: 'alice'});
      const wrong = await configFromEntries(
        {...brokerEntries, 'plugin.security.file.certificate': '/nonexistent.pem'},
        {platform, mode: 'server'},
      );
      await expect(broker.reload(wrong)).rejects.toThrow('/nonexistent.pem');
      await alice.flush(soon);
      await using _other = await open(broker, {certificate: 'alice'});
    });

    test('a second start on the same port says so', async () => {
      await using broker = await start();
      const again = startConfiguredBroker({
        'plugin.choria.network.engine': engine,
        'plugin.choria.network.client_port': String(broker.port),
      });
      await expect(again).rejects.toThrow(/in use|already listens/i);
    });
  });
}
