import {describe, expect, test} from 'vitest';
import {
  countingAgent,
  newId,
  replyTo,
  signedRequest,
  startTestServer,
  testIdentity,
  testProvider,
  type TestServer,
} from '../../test/support/test-server.ts';
import {FakeClock} from '../../test/support/fake-clock.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import {encodeHeaders} from '../natswire/index.ts';
import {readNote} from '../protocol/index.ts';
import type {AgentCall} from '../rpc/types.ts';
import {serverLimits} from './limits.ts';

const wish = {wantsNotes: true};

/** Runs until its time is over. */
function untilToldToStop({signal}: AgentCall): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), {once: true}));
}

/** The notes that the server sent, as the caller reads them. */
function notes(node: TestServer): readonly unknown[] {
  return node
    .replies()
    .filter(({payload}) => payload.length === 0)
    .map(({headers = {}}) => readNote(encodeHeaders(new Map(Object.entries(headers))))?.reason);
}

describe('notes to callers', () => {
  test.each([
    ['filtered', {filter: {identities: ['other.example.net']}}],
    ['expired', {sentAtMs: Date.now() - 120_000}],
    ['expired', {sentAtMs: Date.now() + 120_000}],
    ['refused', {collective: 'foreign'}],
    ['no-agent', {agent: 'nobody'}],
  ])('a request that is %s is noted in its inbox', async (reason, request) => {
    await using node = await startTestServer({agents: [countingAgent()]});
    const id = newId();
    node.deliver(await signedRequest({id, ...request}), undefined, wish);
    await node.settled();
    const [published] = node.replies();
    expect(published?.subject).toBe(replyTo);
    expect(published?.payload).toHaveLength(0);
    expect(readNote(encodeHeaders(new Map(Object.entries(published?.headers ?? {}))))).toMatchObject({
      identity: testIdentity,
      requestId: id,
      reason,
    });
  });

  test('nobody who did not ask is sent one', async () => {
    await using node = await startTestServer({agents: [countingAgent()]});
    node.deliver(await signedRequest({filter: {identities: ['other.example.net']}}));
    node.deliver(await signedRequest({sentAtMs: Date.now() - 120_000}));
    await node.settled();
    expect(node.replies()).toEqual([]);
  });

  test('none goes to a subject that is no inbox', async () => {
    await using node = await startTestServer({agents: [countingAgent()]});
    const message = await signedRequest({agent: 'nobody', replyTo: 'mcollective.node.victim.example.net'});
    node.deliver(message, undefined, wish);
    await node.settled();
    expect(node.replies()).toEqual([]);
  });

  test('a request that runs is answered and not noted', async () => {
    await using node = await startTestServer({agents: [countingAgent()]});
    node.deliver(await signedRequest(), undefined, wish);
    await node.settled();
    expect(node.replies()).toHaveLength(1);
    expect(notes(node)).toEqual([]);
  });

  test('a request seen before is noted as such', async () => {
    await using node = await startTestServer({agents: [countingAgent()]});
    const message = await signedRequest();
    node.deliver(message, undefined, wish);
    node.deliver(message, undefined, wish);
    await node.settled();
    expect(notes(node)).toEqual(['replayed']);
  });

  test('agents that throw or choose silence are noted', async () => {
    await using node = await startTestServer({
      agents: [
        countingAgent({name: 'thrower', work: () => Promise.reject(new Error('no'))}),
        countingAgent({name: 'mute', work: () => Promise.resolve(undefined)}),
      ],
    });
    node.deliver(await signedRequest({agent: 'thrower'}), undefined, wish);
    await node.settled();
    node.deliver(await signedRequest({agent: 'mute'}), undefined, wish);
    await node.settled();
    expect(notes(node)).toEqual(['failed', 'silent']);
  });

  test('a call that takes long says that it runs, and then that its time was over', async () => {
    const clock = new FakeClock(Date.now());
    const agent = countingAgent({timeoutSeconds: 5, work: untilToldToStop});
    await using node = await startTestServer({agents: [agent], platform: {...createNodePlatform(), clock}});
    node.deliver(await signedRequest({sentAtMs: clock.nowMs()}), undefined, wish);
    await node.settled();
    expect(notes(node)).toEqual([]);
    await clock.advance(serverLimits.progressNoteMs);
    expect(notes(node)).toEqual(['running']);
    await clock.advance(5_000);
    await node.settled();
    expect(notes(node)).toEqual(['running', 'timed-out']);
  });

  test('callers who proved nothing are told a few times a second', async () => {
    await using node = await startTestServer({agents: [countingAgent()]});
    const provider = testProvider('foreign', 'foreign.mcollective');
    const message = await signedRequest({provider});
    const count = serverLimits.unprovenNotesPerSecondMax * 3;
    for (let sent = 0; sent < count; sent++) node.deliver(message, undefined, wish);
    await node.settled();
    expect(new Set(notes(node))).toEqual(new Set(['refused']));
    expect(notes(node).length).toBeLessThanOrEqual(serverLimits.unprovenNotesPerSecondMax * 2);
  });
});
