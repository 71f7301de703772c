/** What every broker engine must do, whatever carries the messages. Each engine runs all of it. */
import {describe, expect, test} from 'vitest';
import type {RunningBroker} from '../../src/broker/index.ts';
import {type Connection, openConnection, queryInterest} from '../../src/connect/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {inboxPrefix} from '../../src/protocol/index.ts';
import {testTlsMaterial} from '../support/broker.ts';
import {startConfiguredBroker} from '../support/supervised.ts';

const platform = createNodePlatform();
const bytes = (text: string): Buffer => Buffer.from(text);
const soon = {timeoutMs: 5000};

interface Open {
  readonly certificate: 'alice' | 'node1' | 'node2' | 'foreign';
  readonly errors?: string[];
}

function open(broker: RunningBroker, {certificate, errors}: Open): Promise<Connection> {
  const identity = certificate === 'alice' ? 'alice.mcollective' : `${certificate}.example.net`;
  return openConnection({
    platform,
    name: certificate,
    servers: [`tls://127.0.0.1:${broker.port}`],
    tls: {material: testTlsMaterial(certificate), verify: false},
    inboxPrefix: inboxPrefix('mcollective', identity),
    attemptsMax: 1,
    events: {error: (error) => void errors?.push(error.message)},
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

    test('refuses a message beyond its limit and keeps what was agreed before', async () => {
      await using broker = await start();
      await using alice = await open(broker, {certificate: 'alice'});
      expect(() => alice.publish('a', Buffer.alloc(2 * 1024 * 1024))).toThrow('the broker accepts at most 1048576');
      await alice.flush(soon);
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
