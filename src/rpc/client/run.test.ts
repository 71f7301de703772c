import {describe, expect, test} from 'vitest';
import {FakeFleet, requestOptions, settle} from '../../../test/support/fake-fleet.ts';
import {decodeAgain} from '../../protocol/index.ts';
import {clientLimits} from './limits.ts';
import {streamReplies} from './reply-stream.ts';
import {runRequest} from './run.ts';
import {Shaken} from './shaken.ts';
import type {NodeReply} from './types.ts';

describe('a direct request', () => {
  test('goes to each node once and ends as soon as all answered', async () => {
    const fleet = new FakeFleet();
    const replies: NodeReply[] = [];
    const running = runRequest(fleet.messenger(), requestOptions(), {reply: (reply) => replies.push(reply)});
    await settle();
    expect(fleet.published.map(({subject}) => subject)).toEqual([
      'mcollective.node.n1',
      'mcollective.node.n2',
      'mcollective.node.n3',
    ]);
    fleet.answer('n1', {body: {statuscode: 0, statusmsg: 'OK', data: {pong: 1}}});
    fleet.answer('n3', {body: {statuscode: 1, statusmsg: 'no'}});
    fleet.answer('n2');
    const statistics = await running;
    expect(replies.map(({sender, statusCode, data}) => [sender, statusCode, data])).toEqual([
      ['n1', 0, {pong: 1}],
      ['n3', 1, {}],
      ['n2', 0, {}],
    ]);
    expect(statistics).toMatchObject({
      ok: 2,
      failed: 1,
      responses: 3,
      discovered: 3,
      noResponses: [],
      interrupted: false,
    });
    expect(fleet.isSubscribed).toBe(false);
  });

  test('names the silent nodes when its time is over', async () => {
    const fleet = new FakeFleet();
    const running = runRequest(fleet.messenger(), requestOptions());
    await settle();
    fleet.answer('n2');
    await fleet.clock.advance(3_999);
    fleet.answer('n3');
    await fleet.clock.advance(1);
    expect(await running).toMatchObject({noResponses: ['n1'], responses: 2, requestMs: 4_000});
  });

  test('carries the names of at most a hundred targets in its signed filter', async () => {
    for (const count of [clientLimits.pinnedTargetsMax, clientLimits.pinnedTargetsMax + 1]) {
      const fleet = new FakeFleet();
      const targets = Array.from({length: count}, (_unused, index) => `n${index}`);
      const running = runRequest(fleet.messenger(), requestOptions({targets}));
      await fleet.clock.advance(5_000);
      await running;
      expect(fleet.sealed[0]?.filter.identities).toEqual(count <= clientLimits.pinnedTargetsMax ? targets : []);
    }
  });

  test('to tens of thousands waits for the broker now and then, so that they fit into the queue', async () => {
    const fleet = new FakeFleet();
    const messenger = fleet.messenger();
    const publishedAtFlush: number[] = [];
    const flush = messenger.connection.flush.bind(messenger.connection);
    messenger.connection.flush = (options) => {
      publishedAtFlush.push(fleet.published.length);
      return flush(options);
    };
    const many = clientLimits.publishAtOnceMax;
    const targets = Array.from({length: 2 * many + 1}, (_unused, index) => `n${index}`);
    const running = runRequest(messenger, requestOptions({targets}));
    await fleet.clock.advance(5_000);
    await running;
    expect(fleet.published).toHaveLength(targets.length);
    expect(publishedAtFlush.slice(0, 3)).toEqual([many, 2 * many, targets.length]);
  });

  test('batches have their own time, a sleep between them and one request id', async () => {
    const fleet = new FakeFleet();
    const running = runRequest(fleet.messenger(), requestOptions({batchSize: 2, batchSleepMs: 1_000}));
    await settle();
    expect(fleet.published).toHaveLength(2);
    fleet.answer('n1');
    fleet.answer('n2');
    await fleet.clock.advance(999);
    expect(fleet.published).toHaveLength(2);
    await fleet.clock.advance(1);
    expect(fleet.published).toHaveLength(3);
    fleet.answer('n3');
    const statistics = await running;
    expect(statistics).toMatchObject({responses: 3, requestMs: 1_000});
    expect(new Set(fleet.sealed.map(({id}) => id)).size).toBe(1);
    expect(fleet.sealed.map(({filter}) => filter.identities)).toEqual([['n1', 'n2'], ['n3']]);
  });

  test('an abort ends it at once with what is known', async () => {
    const fleet = new FakeFleet();
    const controller = new AbortController();
    const running = runRequest(
      fleet.messenger(),
      requestOptions({signal: controller.signal, batchSize: 1, batchSleepMs: 5_000}),
    );
    await settle();
    fleet.answer('n1');
    await settle();
    controller.abort(new Error('stop'));
    expect(await running).toMatchObject({responses: 1, noResponses: ['n2', 'n3'], interrupted: true});
    expect(fleet.published).toHaveLength(1);
  });

  test('federated targets travel in groups of 200 to every federation', async () => {
    const fleet = new FakeFleet();
    const targets = Array.from({length: 201}, (_unused, index) => `n${index}`);
    const running = runRequest(fleet.messenger({federations: ['a', 'b']}), requestOptions({targets}));
    await fleet.clock.advance(5_000);
    await running;
    expect(
      fleet.published.map(({subject, message}) => [subject, (message['federation'] as {targets: []}).targets.length]),
    ).toEqual([
      ['choria.federation.a.federation', 200],
      ['choria.federation.b.federation', 200],
      ['choria.federation.a.federation', 1],
      ['choria.federation.b.federation', 1],
    ]);
  });

  test('asks silent nodes again with the same bytes when a broker went, and nobody else', async () => {
    const fleet = new FakeFleet();
    const shaken = new Shaken({monotonicMs: () => fleet.clock.monotonicMs(), reconnects: () => 0});
    let brokers = 1;
    let connected = ['n1', 'n2', 'n3'];
    const messenger = fleet.messenger({
      shaken,
      interest: () => {
        const answer = {collective: 'mcollective', servers: 3, connected, complete: true, truncated: false, brokers};
        shaken.told(answer);
        return Promise.resolve(answer);
      },
    });
    const running = runRequest(messenger, requestOptions({timeoutMs: 20_000}));
    await settle();
    fleet.answer('n1');
    await fleet.clock.advance(5000);
    // While all is calm nothing is sent twice.
    expect(fleet.published.length).toBe(3);
    brokers = 3;
    await fleet.clock.advance(100);
    shaken.told({collective: 'mcollective', servers: 3, complete: true, truncated: false, brokers});
    brokers = 2;
    connected = ['n1', 'n2'];
    await fleet.clock.advance(5000);
    const again = fleet.published.slice(3);
    expect(new Set(again.map(({subject}) => subject))).toEqual(new Set(['mcollective.node.n2']));
    const inside = decodeAgain(Buffer.from(JSON.stringify(again[0]?.message)));
    expect(JSON.parse(String(inside))).toEqual(fleet.published[0]?.message);
    connected = ['n1', 'n2', 'n3'];
    fleet.answer('n2');
    await fleet.clock.advance(1000);
    expect(fleet.published.at(-1)?.subject).toBe('mcollective.node.n3');
    fleet.answer('n3');
    expect(await running).toMatchObject({responses: 3, noResponses: []});
  });

  test('in a cluster, asks nodes again that are connected and give no sign, a few times, and not those that work', async () => {
    const fleet = new FakeFleet();
    const shaken = new Shaken({monotonicMs: () => fleet.clock.monotonicMs(), reconnects: () => 0});
    const connected = ['n1', 'n2', 'n3'];
    const answer = {collective: 'mcollective', servers: 3, connected, complete: true, truncated: false, brokers: 3};
    const interest = () => {
      shaken.told(answer);
      return Promise.resolve(answer);
    };
    const running = runRequest(fleet.messenger({shaken, interest}), requestOptions({timeoutMs: 60_000}));
    await settle();
    fleet.answer('n1');
    fleet.note('n2', 'running');
    await fleet.clock.advance(59_000);
    expect(fleet.published.slice(3).map(({subject}) => subject)).toEqual(Array(3).fill('mcollective.node.n3'));
    await fleet.clock.advance(1000);
    await running;
  });

  test('waits for nodes that are away while a broker went, and not while all is calm', async () => {
    for (const isShaken of [false, true]) {
      const fleet = new FakeFleet();
      const shaken = new Shaken({monotonicMs: () => fleet.clock.monotonicMs(), reconnects: () => 0});
      const answer = {collective: 'mcollective', servers: 2, connected: ['n1', 'n2'], complete: true, truncated: false};
      if (isShaken) shaken.told({...answer, brokers: 3});
      const interest = () => {
        shaken.told({...answer, brokers: 2});
        return Promise.resolve({...answer, brokers: 2});
      };
      const running = runRequest(fleet.messenger({shaken, interest}), requestOptions({timeoutMs: 30_000}));
      await settle();
      fleet.answer('n1');
      fleet.answer('n2');
      await fleet.clock.advance(25_000);
      const {requestMs} = await running;
      expect(requestMs > 9000, `shaken: ${isShaken}, ${requestMs} ms`).toBe(isShaken);
    }
  });

  test.each([
    ['ERR_REQUEST_NO_TARGETS', {targets: []}],
    ['ERR_REQUEST_TARGETS', {targets: ['*']}],
    ['ERR_REQUEST_TARGETS', {targets: ['a', '>']}],
    ['ERR_REQUEST_TARGETS', {targets: ['a b']}],
    ['ERR_REQUEST_TARGETS', {targets: ['']}],
    ['ERR_REQUEST_TARGETS', {targets: ['a\n']}],
    ['ERR_REQUEST_TARGETS', {targets: ['a..b']}],
    ['ERR_REQUEST_REPLY_TO', {replyTo: 'a.>'}],
    ['ERR_REQUEST_REPLY_TO', {replyTo: 'a b'}],
    ['ERR_REQUEST_BATCH', {kind: 'broadcast', targets: [], batchSize: 2}],
    ['ERR_REQUEST_SERVICE', {kind: 'service'}],
    ['ERR_REQUEST_UNFILTERED', {kind: 'broadcast', targets: [], requireFilter: true}],
  ] as const)('%s is said before anything is sent (%j)', async (code, changes) => {
    const fleet = new FakeFleet();
    await expect(runRequest(fleet.messenger(), requestOptions(changes))).rejects.toMatchObject({code});
    expect(fleet.published).toEqual([]);
  });

  test('a reply-to of the caller receives nothing here and ends once the broker has it', async () => {
    const fleet = new FakeFleet();
    const statistics = await runRequest(fleet.messenger(), requestOptions({replyTo: 'my.subject'}));
    expect(fleet.isSubscribed).toBe(false);
    expect(fleet.published[0]?.message['replyTo']).toBe('my.subject');
    expect(statistics).toMatchObject({noResponses: [], responses: 0, discovered: 3});
  });
});

describe('inputs that JSON cannot hold', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%s is refused before anything is sent', async (value) => {
    const fleet = new FakeFleet();
    const running = runRequest(fleet.messenger(), requestOptions({data: {list: [1, {ratio: value}]}}));
    await expect(running).rejects.toMatchObject({code: 'ERR_REQUEST_DATA'});
    expect(fleet.published).toEqual([]);
  });
});

describe('a service request', () => {
  test('ends with the one answer and counts no second', async () => {
    const fleet = new FakeFleet();
    const running = runRequest(fleet.messenger(), requestOptions({kind: 'service', targets: []}));
    await settle();
    expect(fleet.published[0]?.subject).toBe('mcollective.broadcast.service.rpcutil');
    fleet.answer('svc1');
    fleet.answer('svc2');
    expect(await running).toMatchObject({responses: 1, discovered: 1, unexpectedResponses: ['svc2']});
  });

  test('that nobody serves reached nobody', async () => {
    const fleet = new FakeFleet();
    const running = runRequest(fleet.messenger(), requestOptions({kind: 'service', targets: []}));
    await settle();
    fleet.deliver(Buffer.alloc(0), Buffer.from('NATS/1.0 503\r\n\r\n'));
    expect(await running).toMatchObject({responses: 0, discovered: 0, noResponses: []});
  });
});

describe('a broadcast request', () => {
  test('takes whoever answers until its time is over', async () => {
    const fleet = new FakeFleet();
    const running = runRequest(fleet.messenger(), requestOptions({kind: 'broadcast', targets: []}));
    await settle();
    fleet.answer('n1');
    fleet.answer('n9');
    await fleet.clock.advance(4_000);
    expect(await running).toMatchObject({responses: 2, discovered: 2, noResponses: []});
  });
});

describe('what is no counted answer', () => {
  test('a body that cannot be read is a failed answer of its node', async () => {
    const fleet = new FakeFleet();
    const replies: NodeReply[] = [];
    const running = runRequest(fleet.messenger(), requestOptions({targets: ['n1', 'n2', 'n3']}), {
      reply: (reply) => replies.push(reply),
    });
    await settle();
    fleet.answer('n1', {body: 'not json'});
    fleet.answer('n2', {body: '[1]'});
    fleet.answer('n3', {body: {statuscode: 'zero'}});
    expect(await running).toMatchObject({failed: 3, ok: 0});
    expect(replies.map(({statusCode}) => statusCode)).toEqual([5, 5, 5]);
  });
});

describe('replies as a stream', () => {
  test('come in order and end with the statistics', async () => {
    const fleet = new FakeFleet();
    const stream = streamReplies(({signal, reply}) => runRequest(fleet.messenger(), requestOptions({signal}), {reply}));
    await settle();
    for (const name of ['n2', 'n1', 'n3']) fleet.answer(name);
    const senders: string[] = [];
    for await (const reply of stream) senders.push(reply.sender);
    expect(senders).toEqual(['n2', 'n1', 'n3']);
    expect((await stream.finished).responses).toBe(3);
  });

  test('leaving the loop ends the request', async () => {
    const fleet = new FakeFleet();
    const stream = streamReplies(({signal, reply}) => runRequest(fleet.messenger(), requestOptions({signal}), {reply}));
    await settle();
    fleet.answer('n1');
    for await (const reply of stream) {
      expect(reply.sender).toBe('n1');
      break;
    }
    expect((await stream.finished).interrupted).toBe(true);
  });

  test('a request that cannot be made fails the loop and the end', async () => {
    const fleet = new FakeFleet();
    const stream = streamReplies(({signal, reply}) =>
      runRequest(fleet.messenger(), requestOptions({signal, targets: []}), {reply}),
    );
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject({code: 'ERR_REQUEST_NO_TARGETS'});
    await expect(stream.finished).rejects.toMatchObject({code: 'ERR_REQUEST_NO_TARGETS'});
  });
});
