/** Programs of different versions side by side: what a later one says is dropped or ignored by an earlier one, never misread. */
import {describe, expect, test} from 'vitest';
import {encodeHeaders} from '../../src/natswire/index.ts';
import {
  createFileReplayStore,
  createReplayGuard,
  encodeAgain,
  notesWanted,
  openTransport,
  resentMark,
  wantsNotes,
} from '../../src/protocol/index.ts';
import {FakeFiles} from '../support/fake-files.ts';
import {createManualClock} from '../support/manual-clock.ts';
import {countingAgent, newId, openPublished, signedRequest, startTestServer} from '../support/test-server.ts';

describe('another version of this program', () => {
  test('fault 65: a request sent again is nothing to a program that does not know it, so it cannot run it twice', async () => {
    const again = encodeAgain(Buffer.from(await signedRequest()));
    // What every earlier version, and every other program, does first with a message.
    expect(() => openTransport(again)).toThrow('choria:again:1');
  });

  test('fault 65: an earlier client, which asks for no notes, gets the same answer and no headers', async () => {
    const agent = countingAgent();
    await using node = await startTestServer({agents: [agent]});
    const id = newId();
    node.deliver(await signedRequest({id}));
    await node.settled();
    const [reply] = node.replies();
    expect(reply?.headers).toBeUndefined();
    expect(reply && openPublished(reply).requestId).toBe(id);
  });

  test('fault 65: headers of a later version beside ours change nothing', () => {
    const block = (headers: Readonly<Record<string, readonly string[]>>): Buffer =>
      encodeHeaders(new Map(Object.entries(headers)));
    expect(wantsNotes(block({'Choria-Later': ['9'], ...notesWanted}))).toBe(true);
    // The mark of an answer that is given again also says what an earlier client looks for.
    expect(wantsNotes(block(resentMark))).toBe(true);
  });

  test('fault 65: going back after a later version wrote its own lines refuses what may have run, and goes on', async () => {
    const clock = createManualClock();
    const path = '/var/lib/choria/replay';
    const files = new FakeFiles();
    await files.makeDirectory('/var/lib/choria', {recursive: true, mode: 0o700});
    const before = createFileReplayStore({files, path});
    const guard = await createReplayGuard({clock, ttlCeilingSeconds: 3600, store: before});
    await guard.admit(request('a', clock.nowMs()), {durable: true});
    await guard.close();
    const text = (await files.read(path, {limitBytes: 10_000})).toString('utf8');
    await files.writeAtomic(path, `${text}{"later": "a line of another version"}\n${text}`, {mode: 0o600});
    await clock.advance(1000);
    const old = await createReplayGuard({
      clock,
      ttlCeilingSeconds: 3600,
      store: createFileReplayStore({files, path}),
    });
    expect(old.damagedLines).toBeGreaterThan(0);
    await expect(old.admit(request('a', clock.nowMs() - 1000), {durable: true})).rejects.toThrow();
    await expect(old.admit(request('b', clock.nowMs() - 500), {durable: true})).rejects.toThrow();
    await clock.advance(1000);
    await old.admit(request('c', clock.nowMs()), {durable: true});
    await old.close();
  });
});

function request(id: string, sentAtMs: number) {
  return {id, callerId: 'choria=alice.mcollective', sentAtMs, ttlSeconds: 60};
}
