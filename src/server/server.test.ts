import {describe, expect, test} from 'vitest';
import {
  countingAgent,
  newId,
  openPublished,
  replyTo,
  signedRequest,
  startTestServer,
  testIdentity,
  testProvider,
} from '../../test/support/test-server.ts';
import {agentMetadata} from '../../test/support/agent-metadata.ts';
import type {ConnectionEvents, PublishOptions} from '../connect/index.ts';
import {parseAgentDdl} from '../ddl/index.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import {parseLifecycleEvent} from '../events/index.ts';
import {encodeHeaders} from '../natswire/index.ts';
import {createTransportCache, encodeAgain, isResent} from '../protocol/index.ts';
import {serverLimits} from './limits.ts';

describe('subscriptions', () => {
  test('a server listens on its node subject and on each agent, in every collective', async () => {
    await using node = await startTestServer({
      agents: [countingAgent({name: 'one'}), countingAgent({name: 'two', service: true})],
    });
    const found = [...node.connection.subjects].map(([subject, {queue}]) => `${subject} ${queue ?? '-'}`);
    expect(new Set(found)).toEqual(
      new Set([
        'mcollective.broadcast.agent.one -',
        'mcollective.broadcast.service.two two',
        `mcollective.node.${testIdentity} -`,
        'other.broadcast.agent.one -',
        'other.broadcast.service.two two',
        `other.node.${testIdentity} -`,
      ]),
    );
  });

  test('agents that come and go while the server runs are followed', async () => {
    await using node = await startTestServer();
    await node.server.agents.add(countingAgent({name: 'late'}), node.server.node);
    expect(node.connection.subjects.has('mcollective.broadcast.agent.late')).toBe(true);
    await node.server.agents.remove('late');
    expect(node.connection.subjects.has('mcollective.broadcast.agent.late')).toBe(false);
  });
});

describe('the inbox', () => {
  test('takes more in a life than it holds at once', async () => {
    await using node = await startTestServer();
    const junk = Buffer.alloc(1024 * 1024, 'x');
    const count = serverLimits.inboxBytesMax / junk.length + 3;
    for (let index = 0; index < count; index++) node.deliver(junk);
    await node.settled();
    expect(node.statistics()).toMatchObject({total: count, unvalidated: count});
  });

  test('is looked at again when a turn was over before it was empty', async () => {
    const real = createNodePlatform();
    let elapsedMs = 0;
    // Each look at the clock finds the turn over.
    const clock = {...real.clock, monotonicMs: () => (elapsedMs += 2 * serverLimits.turnMs)};
    const transports = createTransportCache();
    let deliverMore: (() => void) | undefined;
    const agent = countingAgent();
    await using node = await startTestServer({
      agents: [agent],
      platform: {...real, clock},
      parts: {
        shared: {
          transports: {
            ...transports,
            open: (payload) => {
              deliverMore?.();
              return transports.open(payload);
            },
          },
        },
      },
    });
    const requests = await Promise.all([signedRequest(), signedRequest(), signedRequest()]);
    const [first, ...more] = requests;
    deliverMore = () => {
      deliverMore = undefined;
      for (const request of more) node.deliver(request);
    };
    if (first !== undefined) node.deliver(first);
    await expect.poll(() => agent.calls()).toBe(3);
  });
});

describe('a request', () => {
  test('is answered in the name of the node, to the inbox it names', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    const id = newId();
    node.deliver(await signedRequest({id}));
    await node.settled();
    const [published] = node.replies();
    expect(published?.subject).toBe(replyTo);
    expect(published && openPublished(published)).toMatchObject({
      requestId: id,
      senderId: testIdentity,
      agent: 'counter',
      body: Buffer.from('call 1'),
    });
    expect(node.statistics()).toMatchObject({
      total: 1,
      passed: 1,
      validated: 1,
      replies: 1,
      filtered: 0,
      unvalidated: 0,
    });
  });

  test('shows the proven caller to the agent', async () => {
    const callers: string[] = [];
    await using node = await startTestServer({
      agents: [
        countingAgent({
          work: ({request}) => {
            callers.push(request.callerId);
            return Promise.resolve(undefined);
          },
        }),
      ],
    });
    node.deliver(await signedRequest());
    await node.settled();
    expect(callers).toEqual(['choria=alice.mcollective']);
    expect(node.replies()).toEqual([]);
  });

  test('whose filter does not match is skipped and counted', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    node.deliver(await signedRequest({filter: {identities: ['elsewhere']}}));
    await node.settled();
    expect(agent.calls()).toBe(0);
    expect(node.statistics()).toMatchObject({total: 1, filtered: 1, passed: 0});
  });

  test('whose filter cannot be judged matches nothing', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({
      agents: [agent],
      parts: {matches: () => Promise.reject(new Error('no such function'))},
    });
    node.deliver(await signedRequest());
    await node.settled();
    expect(agent.calls()).toBe(0);
    expect(node.statistics()).toMatchObject({filtered: 1});
  });

  test('for an agent that is not there is logged and not answered', async () => {
    await using node = await startTestServer();
    node.deliver(await signedRequest({agent: 'ghost'}));
    await node.settled();
    expect(node.replies()).toEqual([]);
    expect(node.logger.lines.map((line) => line.message)).toContain(
      'Received a message for agent ghost that does not exist, discarding',
    );
  });

  test('without an address for the reply runs and is logged', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    const id = newId();
    node.deliver(await signedRequest({id, replyTo: undefined}));
    await node.settled();
    expect(agent.calls()).toBe(1);
    expect(node.logger.lines.map((line) => line.message)).toContain(
      `do not know how to reply, no reply-to header has been set on message ${id}`,
    );
  });

  test('that runs longer than its agent may is not answered, and the agent is told to stop', async () => {
    let aborted = false;
    await using node = await startTestServer({
      agents: [
        countingAgent({
          timeoutSeconds: 1,
          work: ({signal}) =>
            new Promise((resolve) => {
              signal.addEventListener('abort', () => {
                aborted = true;
                resolve(Buffer.from('late'));
              });
            }),
        }),
      ],
    });
    const id = newId();
    node.deliver(await signedRequest({id}));
    await expect
      .poll(() => node.logger.lines.map((line) => line.message), {timeout: 5000})
      .toContain(`agent dispatcher for request ${id} exiting on 1s timeout`);
    await node.settled();
    expect(aborted).toBe(true);
    expect(node.replies()).toEqual([]);
  });

  test('an agent that throws costs its request and nothing else', async () => {
    await using node = await startTestServer({
      agents: [countingAgent({name: 'bad', work: () => Promise.reject(new Error('oops'))}), countingAgent()],
    });
    node.deliver(await signedRequest({agent: 'bad'}));
    node.deliver(await signedRequest());
    await node.settled();
    expect(node.replies()).toHaveLength(1);
    expect(node.logger.lines.some((line) => line.message.includes('oops'))).toBe(true);
  });
});

describe('faults of messages', () => {
  test('fault 21: garbage is counted and dropped', async () => {
    await using node = await startTestServer();
    for (const text of ['', '{', '[]', 'null', '{"protocol":"x"}', '\u0000']) node.deliver(Buffer.from(text));
    await node.settled();
    expect(node.statistics()).toMatchObject({total: 6, unvalidated: 6, passed: 0});
  });

  test('fault 25: a request that nobody signed, or somebody else, is refused', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    const forged = testProvider('alice', 'bob.mcollective');
    node.deliver(await signedRequest({provider: forged}));
    const foreign = testProvider('foreign', 'alice.mcollective');
    node.deliver(await signedRequest({provider: foreign}));
    await node.settled();
    expect(agent.calls()).toBe(0);
    expect(node.statistics()).toMatchObject({unvalidated: 2});
  });

  test('fault 29: a request sent again on other subjects runs once, and only the agent that was signed for', async () => {
    const agent = countingAgent();
    const other = countingAgent({name: 'other'});
    await using node = await startTestServer({agents: [agent, other]});
    const request = await signedRequest();
    for (const subject of [
      'mcollective.broadcast.agent.other',
      'other.broadcast.agent.counter',
      `other.node.${testIdentity}`,
    ]) {
      node.deliver(request, subject);
    }
    await node.settled();
    expect([agent.calls(), other.calls()]).toEqual([1, 0]);
    expect(node.statistics()).toMatchObject({replayed: 2});
  });

  test('fault 29: a signed request cannot be turned to another agent or collective', async () => {
    const agent = countingAgent();
    const other = countingAgent({name: 'other'});
    await using node = await startTestServer({agents: [agent, other]});
    const request = JSON.parse((await signedRequest()).toString()) as {data: string};
    const secure = Buffer.from(request.data, 'base64').toString();
    for (const changed of [secure.replaceAll('counter', 'other'), secure.replaceAll('\\"mcollective', '\\"other')]) {
      expect(changed).not.toBe(secure);
      node.deliver(Buffer.from(JSON.stringify({...request, data: Buffer.from(changed).toString('base64')})));
    }
    await node.settled();
    expect([agent.calls(), other.calls()]).toEqual([0, 0]);
    expect(node.statistics()).toMatchObject({unvalidated: 2});
  });

  test('fault 30: a request for a collective that the node is not in is refused after its filter', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    node.deliver(await signedRequest({collective: 'secret'}));
    node.deliver(await signedRequest({collective: 'other'}));
    await node.settled();
    expect(agent.calls()).toBe(1);
    expect(node.statistics()).toMatchObject({passed: 2, unvalidated: 1, validated: 1});
  });

  test.each([
    [-59, 1],
    [-61, 0],
    [59, 1],
    [61, 0],
    [-86_400, 0],
    [86_400, 0],
  ])('fault 31: a request made %d seconds from now runs %d times', async (offsetSeconds, runs) => {
    const agent = countingAgent();
    const platform = createNodePlatform();
    const nowMs = Date.UTC(2026, 10, 21, 12, 0, 0, 500);
    await using node = await startTestServer({
      agents: [agent],
      platform: {...platform, clock: {...platform.clock, nowMs: () => nowMs}},
    });
    node.deliver(await signedRequest({sentAtMs: nowMs + offsetSeconds * 1000}));
    await node.settled();
    expect(agent.calls()).toBe(runs);
    expect(node.statistics()).toMatchObject({ttlExpired: 1 - runs});
  });

  test('an expired request is logged in the words that users search for', async () => {
    await using node = await startTestServer({agents: [countingAgent()]});
    const id = newId();
    node.deliver(await signedRequest({id, sentAtMs: 1_700_000_000_000, ttlSeconds: 60}));
    await node.settled();
    expect(node.logger.lines.map((line) => line.message)).toContain(
      `Message ${id} from choria=alice.mcollective@dev1.example.net for agent counter created at 2023-11-14T22:13:20.000Z is too old, TTL is 60`,
    );
  });

  test.each([
    ['a request subject', 'mcollective.node.other'],
    ['a broadcast', 'mcollective.broadcast.agent.rpcutil'],
    ['an event', 'choria.lifecycle.event.startup.server'],
    ['a system subject', '$SYS.REQ.SERVER.PING'],
    ['a wildcard', 'mcollective.reply.>'],
    ['a line end', 'mcollective.reply.a\r\nPUB x 0'],
    ['an endless one', `mcollective.reply.${'x'.repeat(5000)}`],
  ])('fault 72: %s as reply address means that nothing runs and nothing is published', async (_name, subject) => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    node.deliver(await signedRequest({replyTo: subject}));
    await node.settled();
    expect(agent.calls()).toBe(0);
    expect(node.replies()).toEqual([]);
    expect(node.statistics()).toMatchObject({unvalidated: 1});
  });

  test('fault 77: a life of years is cut to the ceiling', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    const ttlSeconds = 10 * 365 * 86_400;
    node.deliver(await signedRequest({ttlSeconds, sentAtMs: Date.now() - 3590_000}));
    node.deliver(await signedRequest({ttlSeconds, sentAtMs: Date.now() - 3610_000}));
    node.deliver(await signedRequest({ttlSeconds: 2 ** 31, sentAtMs: Date.now() - 3610_000}));
    await node.settled();
    expect(agent.calls()).toBe(1);
    expect(node.statistics()).toMatchObject({ttlExpired: 2});
  });

  test('fault 77: the ceiling is a setting', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({
      agents: [agent],
      entries: {'plugin.choria.security.request_ttl_max': '2m'},
    });
    node.deliver(await signedRequest({ttlSeconds: 600, sentAtMs: Date.now() - 130_000}));
    await node.settled();
    expect(agent.calls()).toBe(0);
  });
});

describe('bursts', () => {
  test('fault 73: 1,000 requests at once are each run or refused with a counter', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    const requests = await Promise.all(Array.from({length: 1000}, () => signedRequest()));
    for (const request of requests) node.deliver(request);
    await expect.poll(() => node.statistics().replies, {timeout: 20_000}).toBe(1000);
    expect(agent.calls()).toBe(1000);
    expect(node.statistics()).toMatchObject({total: 1000, validated: 1000, refused: 0, replayed: 0});
  });

  test('fault 73: what is over the bound is refused and counted, and nothing is lost in between', async () => {
    const gates: (() => void)[] = [];
    const agent = countingAgent({
      work: () => new Promise((resolve) => gates.push(() => resolve(Buffer.from('done')))),
    });
    await using node = await startTestServer({agents: [agent], entries: {'plugin.choria.server.concurrency': '2'}});
    const requests = await Promise.all(Array.from({length: 2100}, () => signedRequest()));
    for (const request of requests) node.deliver(request);
    await expect.poll(() => node.statistics().validated, {timeout: 20_000}).toBe(2100);
    await node.settled();
    expect(agent.calls()).toBe(2);
    expect(node.statistics().refused).toBe(98);
    for (let released = 0; released < 2002; released++) {
      gates.shift()?.();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await node.settled();
    expect(node.statistics().replies).toBe(2002);
  });

  test('a caller is told that an agent with a description has too much to do', async () => {
    const ddl = parseAgentDdl(JSON.stringify({metadata: agentMetadata('counter'), actions: []}));
    const stuck = {...countingAgent({work: () => new Promise(() => {})}), ddl};
    await using node = await startTestServer({agents: [stuck], entries: {'plugin.choria.server.concurrency': '1'}});
    const requests = await Promise.all(Array.from({length: 1 + serverLimits.agentWaitingMax}, () => signedRequest()));
    for (const request of requests) node.deliver(request);
    await expect.poll(() => node.statistics().validated, {timeout: 20_000}).toBe(requests.length);
    expect(node.replies()).toEqual([]);
    const id = newId();
    node.deliver(await signedRequest({id}));
    await expect.poll(() => node.replies()).toHaveLength(1);
    const [published] = node.replies();
    const reply = published && openPublished(published);
    expect(reply).toMatchObject({requestId: id, senderId: testIdentity, agent: 'counter'});
    expect(JSON.parse(reply?.body.toString('utf8') ?? '')).toEqual({
      statuscode: 5,
      statusmsg: 'Agent counter is busy: too many requests wait on this node, try again later',
      data: {},
    });
  });

  test('a request whose life ends while it waits for its turn does not run', async () => {
    const real = createNodePlatform();
    let laterMs = 0;
    const clock = {...real.clock, nowMs: () => real.clock.nowMs() + laterMs};
    const gates: (() => void)[] = [];
    const agent = countingAgent({
      work: () => new Promise((resolve) => gates.push(() => resolve(Buffer.from('done')))),
    });
    await using node = await startTestServer({
      agents: [agent],
      platform: {...real, clock},
      entries: {'plugin.choria.server.concurrency': '1'},
    });
    for (let count = 0; count < 2; count++) node.deliver(await signedRequest({ttlSeconds: 60}));
    await expect.poll(() => node.statistics().validated).toBe(2);
    laterMs = 120_000;
    gates.shift()?.();
    await expect.poll(() => node.statistics().ttlExpired).toBe(1);
    await node.settled();
    expect(agent.calls()).toBe(1);
    expect(node.replies()).toHaveLength(1);
  });

  test('fault 45: an agent whose calls hang does not hold up another', async () => {
    const stuck = countingAgent({name: 'stuck', work: () => new Promise(() => {})});
    const agent = countingAgent();
    await using node = await startTestServer({
      agents: [stuck, agent],
      entries: {'plugin.choria.server.concurrency': '2'},
    });
    for (let count = 0; count < 10; count++) node.deliver(await signedRequest({agent: 'stuck'}));
    node.deliver(await signedRequest());
    await node.settled();
    expect(stuck.calls()).toBe(2);
    expect(node.replies()).toHaveLength(1);
  });
});

describe('life', () => {
  test('a start and a stop are told as events, and the connection is closed', async () => {
    const node = await startTestServer();
    expect(node.server.state).toBe('running');
    await node.server.stop();
    await node.server.stop();
    const events = node.connection.published.map(({subject, payload}) => [
      subject,
      parseLifecycleEvent(payload).event.type,
    ]);
    expect(events).toEqual([
      ['choria.lifecycle.event.startup.server', 'startup'],
      ['choria.lifecycle.event.shutdown.server', 'shutdown'],
    ]);
    expect(node.connection.state).toBe('closed');
    expect(node.connection.subjects.size).toBe(0);
    expect(node.server.state).toBe('stopped');
    expect(node.statistics().events).toBe(2);
  });

  test('a running action may end within the grace, and its answer still goes out', async () => {
    let finish = (): void => {};
    const agent = countingAgent({
      work: () =>
        new Promise((resolve) => {
          finish = () => resolve(Buffer.from('finished'));
        }),
    });
    const node = await startTestServer({agents: [agent]});
    node.deliver(await signedRequest());
    await node.settled();
    const stopped = node.server.stop({graceMs: 5000});
    finish();
    await stopped;
    expect(node.replies().map((reply) => openPublished(reply).body.toString())).toEqual(['finished']);
    const subjects = node.connection.published.map(({subject}) => subject);
    expect(subjects.at(-1)).toBe('choria.lifecycle.event.shutdown.server');
  });

  test('two servers in one process share nothing', async () => {
    const first = countingAgent();
    const second = countingAgent();
    await using one = await startTestServer({agents: [first]});
    await using two = await startTestServer({agents: [second]});
    const request = await signedRequest();
    one.deliver(request);
    await one.settled();
    two.deliver(request);
    await two.settled();
    expect([first.calls(), second.calls()]).toEqual([1, 1]);
    expect(one.statistics().total).toBe(1);
  });

  test('a server cannot be started twice', async () => {
    await using node = await startTestServer();
    await expect(node.server.start()).rejects.toThrow('expected a new one');
  });
});

describe('a request that is sent again', () => {
  const wish = {wantsNotes: true};

  test('is answered once more with the same answer, and runs once', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    const message = await signedRequest();
    node.deliver(message, undefined, wish);
    await node.settled();
    node.deliver(encodeAgain(Buffer.from(message)), undefined, wish);
    await node.settled();
    const [first, second] = node.replies();
    expect(agent.calls()).toBe(1);
    expect(second?.payload).toEqual(first?.payload);
    expect([isResentBy(first), isResentBy(second)]).toEqual([false, true]);
    expect(node.statistics()).toMatchObject({replies: 1, replayed: 0});
  });

  test('answers of the last moments are given once more when the link comes back', async () => {
    const events: ConnectionEvents[] = [];
    await using node = await startTestServer({
      agents: [countingAgent()],
      hooked: (hooks) => void (hooks.events === undefined || events.push(hooks.events)),
    });
    node.deliver(await signedRequest(), undefined, wish);
    await node.settled();
    for (const item of events) {
      item.disconnected?.(undefined);
      item.reconnected?.('tls://other:4222');
    }
    const [first, second] = node.replies();
    expect(second?.payload).toEqual(first?.payload);
    expect(isResentBy(second)).toBe(true);
  });

  test('runs where it never arrived', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    node.deliver(encodeAgain(Buffer.from(await signedRequest())), undefined, wish);
    await node.settled();
    expect(agent.calls()).toBe(1);
    expect(node.replies().length).toBe(1);
  });

  test('is refused like a replay for an inbox that the answer was not meant for, and without the wrapping', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    const id = newId();
    node.deliver(await signedRequest({id}), undefined, wish);
    await node.settled();
    node.deliver(encodeAgain(Buffer.from(await signedRequest({id, replyTo: 'mcollective.reply.thief.1'}))));
    node.deliver(await signedRequest({id}));
    await node.settled();
    expect(agent.calls()).toBe(1);
    expect(node.replies().length).toBe(1);
    expect(node.statistics()).toMatchObject({replayed: 2});
  });
});

function isResentBy(published: {readonly headers?: PublishOptions['headers']} | undefined): boolean {
  return isResent(encodeHeaders(new Map(Object.entries(published?.headers ?? {}))));
}
