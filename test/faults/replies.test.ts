import {describe, expect, test} from 'vitest';
import {clientLimits} from '../../src/rpc/client/limits.ts';
import {runRequest} from '../../src/rpc/client/run.ts';
import {FakeFleet, requestOptions, settle} from '../support/fake-fleet.ts';

describe('hostile and odd answers', () => {
  test('fault 33: a thousand answers of one node, answers in other names and oversized answers are bounded and not counted', async () => {
    const fleet = new FakeFleet();
    const notices: string[] = [];
    const seen: string[] = [];
    const running = runRequest(fleet.messenger(), requestOptions(), {
      reply: (reply) => seen.push(reply.sender),
      notice: (text) => notices.push(text),
    });
    await settle();
    for (let index = 0; index < 1_000; index++) fleet.answer('n1', {body: {statuscode: 0, data: {index}}});
    for (let index = 0; index < 5_000; index++) fleet.answer(`stranger${index}`);
    for (let index = 0; index < 10; index++) fleet.answer('n2', {transport: 'n1'});
    fleet.deliver(Buffer.alloc(clientLimits.replyBytesMax + 1, 0x20));
    fleet.deliver(Buffer.from('garbage'));
    fleet.answer('n3');
    await fleet.clock.advance(4_000);
    const statistics = await running;
    expect(seen).toEqual(['n1', 'n3']);
    expect(statistics).toMatchObject({responses: 2, ok: 2, noResponses: ['n2']});
    expect(statistics.strays).toMatchObject({conflicts: ['n1'], misattributed: 10, invalid: 2, foreign: 0});
    expect(statistics.unexpectedResponses).toHaveLength(clientLimits.strayNamesMax);
    expect(notices.length).toBeLessThanOrEqual(20);
    fleet.answer('n2');
    expect(seen).toEqual(['n1', 'n3']);
  });

  test('fault 74: one answer counts for each node, conflicts are named and the rest is told apart', async () => {
    const fleet = new FakeFleet();
    const seen: unknown[] = [];
    const running = runRequest(fleet.messenger(), requestOptions(), {
      reply: (reply) => seen.push([reply.sender, reply.data]),
    });
    await settle();
    fleet.answer('n1', {body: {statuscode: 0, data: 'first'}});
    fleet.answer('n1', {body: {statuscode: 0, data: 'first'}});
    fleet.answer('n1', {body: {statuscode: 0, data: 'second'}});
    fleet.answer('n2', {request: 'another'});
    fleet.answer('n2', {agent: 'package'});
    fleet.answer('never-asked');
    fleet.answer('n2', {body: {statuscode: 0, data: 'true'}});
    fleet.answer('n3');
    const statistics = await running;
    expect(seen).toEqual([
      ['n1', 'first'],
      ['n2', 'true'],
      ['n3', {}],
    ]);
    expect(statistics.strays).toEqual({
      unexpected: ['never-asked'],
      conflicts: ['n1'],
      duplicates: 1,
      misattributed: 0,
      foreign: 2,
      invalid: 0,
    });
  });

  test('fault 53: a broker that dies leaves a request that ends in time and says exactly who answered', async () => {
    const fleet = new FakeFleet();
    const targets = Array.from({length: 2_000}, (_unused, index) => `n${index}`);
    fleet.flushError = new Error('the connection was lost');
    const running = runRequest(fleet.messenger(), requestOptions({targets}));
    await settle();
    for (let index = 0; index < 700; index++) fleet.answer(`n${index}`);
    await fleet.clock.advance(4_000);
    const statistics = await running;
    expect(statistics.responses).toBe(700);
    expect(statistics.noResponses).toEqual(targets.slice(700));
    expect(statistics.requestMs).toBeLessThanOrEqual(5_000);
  });
});
