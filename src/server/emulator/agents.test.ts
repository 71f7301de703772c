import {describe, expect, test} from 'vitest';
import {FakeClock} from '../../../test/support/fake-clock.ts';
import {silentLogger} from '../../lib/logger.ts';
import {emptyFilter} from '../../protocol/index.ts';
import type {AgentCall, NodeContext} from '../../rpc/types.ts';
import {createEmulatedAgent, type EmulatedAgentSettings} from './agents.ts';

async function generate(settings: Omit<EmulatedAgentSettings, 'name'>, data: object, random = 0.5) {
  const clock = new FakeClock();
  const node = {
    logger: silentLogger,
    config: {get: () => false},
    platform: {clock, random: {float: () => random}},
  } as unknown as NodeContext;
  const call: AgentCall = {
    node,
    signal: new AbortController().signal,
    request: {
      version: 1,
      id: '0123456789abcdef0123456789abcdef',
      senderId: 'client',
      callerId: 'choria=alice.mcollective',
      collective: 'mcollective',
      agent: 'emulated0',
      ttlSeconds: 60,
      sentAtMs: clock.nowMs(),
      filter: emptyFilter,
      body: Buffer.from(JSON.stringify({agent: 'emulated0', action: 'generate', data})),
    },
  };
  let answeredAtMs = -1;
  const answer = Promise.resolve(createEmulatedAgent({name: 'emulated0', ...settings}).handle(call));
  const body = answer.then((reply) => {
    answeredAtMs = clock.monotonicMs();
    return JSON.parse(String(reply)) as {statuscode: number; statusmsg: string; data: {message?: string}};
  });
  await clock.advance(10_000);
  return {reply: await body, answeredAtMs};
}

describe('emulated agents', () => {
  test('answer as many characters as the request says', async () => {
    const {reply, answeredAtMs} = await generate({}, {size: 12});
    expect(reply.data).toEqual({message: '012345678901'});
    expect(answeredAtMs).toBe(0);
  });

  test('answer as many characters as they are set to when the request says nothing', async () => {
    expect((await generate({replyBytes: 5}, {})).reply.data).toEqual({message: '01234'});
    expect((await generate({}, {})).reply.data.message).toHaveLength(20);
  });

  test('take a time between the two they are set to', async () => {
    expect((await generate({delayMs: {min: 100, max: 300}}, {}, 0.25)).answeredAtMs).toBe(150);
  });

  test.each([
    [0.1, 1],
    [0.3, 0],
  ])('fail by their rate: with a draw of %d and a rate of 0.2 the status is %d', async (draw, status) => {
    expect((await generate({failureRate: 0.2}, {}, draw)).reply.statuscode).toBe(status);
  });

  test('refuse sizes that no broker takes', async () => {
    expect((await generate({}, {size: 2_000_000})).reply).toMatchObject({
      statuscode: 1,
      statusmsg: 'Cannot generate a message of 2000000 characters: expected 0 to 1000000 of them',
    });
  });
});
