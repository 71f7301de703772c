import {describe, expect, test} from 'vitest';
import {ConnectError, type Connection, type MiddlewareMessage} from '../../connect/index.ts';
import {silentLogger} from '../../lib/logger.ts';
import {decodeInterestAnswer, encodeInterestQuery, type InterestAnswer} from '../../protocol/index.ts';
import {serveInterest} from './interest.ts';
import {supervisedLimits} from './limits.ts';

const serverIds = ['A', 'B'].map((letter) => `N${letter.repeat(55)}`);

interface FakeConnection {
  readonly cid: number;
  readonly subscriptions_list: readonly string[];
}

function nodes(count: number, first = 0): FakeConnection[] {
  return Array.from({length: count}, (_, index) => ({
    cid: 10 + (first + index) * 2,
    subscriptions_list: [
      `mcollective.node.n${String(first + index).padStart(5, '0')}`,
      'mcollective.broadcast.agent.discovery',
    ],
  }));
}

interface Asked {
  readonly offset: number;
  readonly limit: number;
}

/** Members of a cluster that tell their connections as nats-server does: in the order of their numbers, from an offset on. */
function fakeCluster(members: readonly FakeConnection[][], options: {readonly ended?: (asked: number) => void} = {}) {
  const pages: Asked[] = [];
  const silent = new Set<string>();
  const reply = (data: object): Promise<MiddlewareMessage> =>
    Promise.resolve({
      subject: 'x',
      replyTo: undefined,
      headers: undefined,
      payload: Buffer.from(JSON.stringify({data})),
    });
  const system = {
    request: (subject: string, payload: Buffer) => {
      const [, , , id = '', what = ''] = subject.split('.');
      if (silent.has(id)) return Promise.reject(new ConnectError('ERR_REQUEST_TIMEOUT', 'silent'));
      if (what === 'ROUTEZ')
        return reply({routes: serverIds.slice(1, members.length).map((other) => ({remote_id: other}))});
      const asked = JSON.parse(payload.toString()) as Asked & {readonly auth?: boolean; readonly acc?: string};
      expect(asked).toMatchObject({subscriptions: true, acc: 'choria'});
      // It puts the certificates together again for each connection when it is asked who they are.
      expect(asked.auth).toBeUndefined();
      pages.push({offset: asked.offset, limit: asked.limit});
      const connections = members[serverIds.indexOf(id)] ?? [];
      const page = connections.slice(asked.offset, asked.offset + asked.limit);
      const answer = reply({total: connections.length, connections: page});
      options.ended?.(pages.length);
      return answer;
    },
  };
  const published: Buffer[] = [];
  let handler: (message: MiddlewareMessage) => void = () => undefined;
  const fleet = {
    state: 'connected',
    subscribe: (_subject: string, take: (message: MiddlewareMessage) => void) => {
      handler = take;
    },
    publish: (_subject: string, payload: Buffer) => void published.push(payload),
  };
  serveInterest({
    links: {fleet, system} as unknown as Parameters<typeof serveInterest>[0]['links'],
    serverId: () => serverIds[0] ?? '',
    seesAll: true,
    logger: silentLogger,
  });
  const send = (): void =>
    handler({
      subject: 'choria.broker.interest',
      replyTo: 'mcollective.reply.0123456789abcdef.1',
      headers: undefined,
      payload: encodeInterestQuery({collective: 'mcollective', list: true, packs: true}),
    });
  const answers = async (count: number): Promise<readonly InterestAnswer[]> => {
    await expect.poll(() => published.length, {interval: 1}).toBe(count);
    return published.splice(0).map(decodeInterestAnswer);
  };
  const ask = async (): Promise<InterestAnswer | undefined> => {
    send();
    return (await answers(1))[0];
  };
  return {ask, send, answers, pages, silent, connection: system as unknown as Connection};
}

const names = (count: number): readonly string[] =>
  Array.from({length: count}, (_, index) => `n${String(index).padStart(5, '0')}`);

describe('the interest service of a cluster', () => {
  test('reads all connections of a member in a page to learn their size and one more', async () => {
    const cluster = fakeCluster([nodes(5_000), nodes(3_000, 5_000)]);
    const answer = await cluster.ask();
    expect(answer).toMatchObject({servers: 8_000, complete: true, brokers: 2});
    expect(answer?.identities).toEqual(names(8_000));
    expect(cluster.pages).toHaveLength(4);
    // What is known of their size is used the next time.
    await cluster.ask();
    expect(cluster.pages).toHaveLength(6);
  });

  test('loses nobody when connections end between two pages', async () => {
    const connections = nodes(2_000);
    const cluster = fakeCluster([connections], {
      ended: (asked) => void (asked <= 3 && connections.splice(0, 20)),
    });
    const {identities = [], complete} = (await cluster.ask()) ?? {};
    expect(complete).toBe(true);
    // Those that ended may or may not be told; all that stayed must be.
    const told = new Set(identities);
    expect(names(2_000).filter((name, index) => index >= 60 && !told.has(name))).toEqual([]);
    expect(new Set(identities).size).toBe(identities.length);
  });

  test('never ends with a number that is too low while connections end for ever', async () => {
    const connections = nodes(30_000);
    const cluster = fakeCluster([connections], {ended: () => void connections.splice(0, 1_500)});
    const {complete} = (await cluster.ask()) ?? {};
    expect(cluster.pages.length).toBeLessThanOrEqual(supervisedLimits.connectionPagesMax);
    expect(complete || cluster.pages.length === supervisedLimits.connectionPagesMax).toBe(true);
  });

  test('tells whoever asks during a look of a server that came after the look had begun', async () => {
    const connections = nodes(3);
    const cluster = fakeCluster([connections], {
      ended: (asked) => {
        if (asked > 1) return;
        connections.push(...nodes(1, 3));
        for (let count = 0; count < 3; count++) cluster.send();
      },
    });
    cluster.send();
    const answers = await cluster.answers(4);
    expect(answers.map(({servers}) => servers)).toEqual([3, 4, 4, 4]);
    expect(cluster.pages).toHaveLength(2);
  });

  test('says that it does not know all when a member is silent', async () => {
    const cluster = fakeCluster([nodes(3), nodes(2, 3)]);
    cluster.silent.add(serverIds[1] ?? '');
    expect(await cluster.ask()).toMatchObject({servers: 3, complete: false, brokers: 1});
  });
});
