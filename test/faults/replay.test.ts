/** Faults 28, 31 and 77 at the replay guard: a request runs once, whatever happens. */
import {describe, expect, test} from 'vitest';
import {createFileReplayStore, createReplayGuard, type ReplayGuardOptions} from '../../src/protocol/index.ts';
import {FakeFiles, systemError} from '../support/fake-files.ts';

const startMs = Date.UTC(2026, 10, 21, 12);
const path = '/var/lib/choria/replay.log';

interface Asked {
  readonly id: string;
  readonly callerId: string;
  readonly sentAtMs: number;
  readonly ttlSeconds: number;
}

function request(change: Partial<Asked> = {}): Asked {
  return {
    id: '0123456789abcdef0123456789abcdef',
    callerId: 'choria=rip.mcollective',
    sentAtMs: startMs,
    ttlSeconds: 60,
    ...change,
  };
}

/** A guard on a clock that the test moves. */
function world(options: Partial<ReplayGuardOptions> = {}) {
  const clock = {
    now: startMs,
    nowMs() {
      return this.now;
    },
  };
  const files = new FakeFiles();
  return {
    clock,
    files,
    guard: () => createReplayGuard({clock, ...options}),
    durable: () => createReplayGuard({clock, store: createFileReplayStore({files, path}), ...options}),
  };
}

/** Two requests ran; then one of their lines was damaged, and a second went by. */
async function damagedWorld() {
  const {clock, durable, files} = world();
  const before = await durable();
  await before.admit(request());
  await before.admit(request({id: 'b'.repeat(32)}));
  files.put(path, (files.text(path) ?? '').replace(/R (\d)/, 'R 9$1'));
  clock.now += 1_000;
  return {clock, durable};
}

async function outcome(attempt: Promise<void>): Promise<string> {
  try {
    await attempt;
    return 'accepted';
  } catch (error) {
    return (error as {readonly code?: string}).code ?? `crash: ${String(error)}`;
  }
}

describe('fault 28: replays', () => {
  test('fault 28: the same request a second time is refused, also when both arrive together', async () => {
    const guard = await world().guard();
    const results = await Promise.all([outcome(guard.admit(request())), outcome(guard.admit(request()))]);
    expect(results).toEqual(['accepted', 'ERR_REQUEST_REPLAYED']);
    expect(await outcome(guard.admit(request()))).toBe('ERR_REQUEST_REPLAYED');
  });

  test('fault 28: one id of a batch runs once on each of two nodes', async () => {
    const {guard} = world();
    const [first, second] = [await guard(), await guard()];
    expect(await outcome(first.admit(request()))).toBe('accepted');
    expect(await outcome(second.admit(request()))).toBe('accepted');
    expect(await outcome(second.admit(request()))).toBe('ERR_REQUEST_REPLAYED');
  });

  test('fault 28: another caller cannot use up an id', async () => {
    const guard = await world().guard();
    expect(await outcome(guard.admit(request({callerId: 'choria=bob.mcollective'})))).toBe('accepted');
    expect(await outcome(guard.admit(request()))).toBe('accepted');
  });

  test('fault 28: after a restart the request is still known', async () => {
    const {durable} = world();
    const before = await durable();
    await before.admit(request());
    await before.close();
    expect(await outcome((await durable()).admit(request()))).toBe('ERR_REQUEST_REPLAYED');
  });

  test('fault 28: after kill -9 right behind the record the request does not run again', async () => {
    const {durable} = world();
    // No close: the process is gone the moment admit resolved, before the request ran.
    await (await durable()).admit(request());
    expect(await outcome((await durable()).admit(request()))).toBe('ERR_REQUEST_REPLAYED');
  });

  test('fault 28: a record torn by the kill is a request that never ran', async () => {
    const {durable, files} = world();
    await (await durable()).admit(request());
    const whole = files.text(path) ?? '';
    for (const cut of [1, 10, 30]) {
      files.put(path, whole.slice(0, -cut));
      const guard = await durable();
      expect(guard.damagedLines).toBe(0);
      expect(await outcome(guard.admit(request()))).toBe('accepted');
    }
  });

  test('fault 28: a damaged line in the middle makes everything sent before the start suspect', async () => {
    const {clock, durable} = await damagedWorld();
    const after = await durable();
    expect(after.damagedLines).toBe(1);
    expect(await outcome(after.admit(request({id: 'c'.repeat(32)})))).toBe('ERR_REQUEST_EXPIRED');
    clock.now += 1_000;
    expect(await outcome(after.admit(request({id: 'd'.repeat(32), sentAtMs: clock.now})))).toBe('accepted');
  });

  test('fault 28: what a damaged line lost stays suspect over further starts', async () => {
    const {clock, durable} = await damagedWorld();
    await durable();
    clock.now += 1_000;
    const again = await durable();
    expect(again.damagedLines).toBe(0);
    expect(await outcome(again.admit(request()))).toBe('ERR_REQUEST_EXPIRED');
    expect(await outcome(again.admit(request({id: 'd'.repeat(32), sentAtMs: clock.now})))).toBe('accepted');
  });

  test('fault 28: damage under a clock that was years ahead makes a node deaf for the longest life of a request, not for years', async () => {
    const {clock, durable, files} = world({ttlCeilingSeconds: 600});
    await (await durable()).admit(request());
    files.put(path, (files.text(path) ?? '').replace(/F (\d)/, 'F 9$1'));
    clock.now += 10 * 365 * 86_400_000;
    await durable();
    clock.now = startMs + 10_000;
    expect(await outcome((await durable()).admit(request({id: 'c'.repeat(32)})))).toBe('ERR_REQUEST_EXPIRED');
    clock.now += 601_000;
    const later = await durable();
    expect(await outcome(later.admit(request({id: 'd'.repeat(32), sentAtMs: clock.now})))).toBe('accepted');
  });

  test('fault 28: what cannot be written down is refused, now and when it comes again', async () => {
    const {durable, files} = world();
    const guard = await durable();
    files.fault = (operation, at) => (operation === 'append' ? systemError('ENOSPC', at) : undefined);
    expect(await outcome(guard.admit(request()))).toBe('ERR_REPLAY_STORE_FAILED');
    files.fault = undefined;
    expect(await outcome(guard.admit(request()))).toBe('ERR_REQUEST_REPLAYED');
    expect(await outcome(guard.admit(request({id: 'b'.repeat(32)})))).toBe('accepted');
  });

  test('fault 28: a replay at the very end of the life is refused, as is one after it', async () => {
    const {clock, guard: create} = world();
    const guard = await create();
    await guard.admit(request());
    clock.now = startMs + 59_999;
    expect(await outcome(guard.admit(request()))).toBe('ERR_REQUEST_REPLAYED');
    clock.now = startMs + 60_000;
    expect(await outcome(guard.admit(request()))).toMatch(/^ERR_REQUEST_(REPLAYED|EXPIRED)$/);
    clock.now = startMs + 120_000;
    expect(await outcome(guard.admit(request()))).toBe('ERR_REQUEST_EXPIRED');
    expect(guard.size).toBe(0);
  });

  test('fault 28: a million random ids never exceed the memory bound, and nothing is forgotten for them', async () => {
    const guard = await world({entriesMax: 20_000, entriesPerCallerMax: 20_000}).guard();
    await guard.admit(request());
    let refused = 0;
    // A million errors without their stacks: the test's time goes to what it tests.
    const stackDepth = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    for (let index = 0; index < 1_000_000; index += 1) {
      const result = await outcome(guard.admit(request({id: `id${index}`})));
      if (result === 'ERR_REPLAY_MEMORY_FULL') refused += 1;
    }
    Error.stackTraceLimit = stackDepth;
    expect(guard.size).toBe(20_000);
    expect(refused).toBe(1_000_000 - 19_999);
    expect(await outcome(guard.admit(request()))).toBe('ERR_REQUEST_REPLAYED');
  }, 180_000);

  test('fault 28: one caller who fills its share leaves room for others', async () => {
    const guard = await world({entriesMax: 100}).guard();
    for (let index = 0; index < 50; index += 1) await guard.admit(request({id: `id${index}`}));
    expect(await outcome(guard.admit(request({id: 'one more'})))).toBe('ERR_REPLAY_MEMORY_FULL');
    expect(await outcome(guard.admit(request({callerId: 'choria=bob.mcollective'})))).toBe('accepted');
  });

  test('fault 28: the file stays in proportion to what is remembered', async () => {
    const {clock, durable, files} = world();
    const guard = await durable();
    for (let round = 0; round < 60; round += 1) {
      for (let index = 0; index < 100; index += 1)
        await guard.admit(request({id: `${round} ${index}`, sentAtMs: clock.now}));
      clock.now += 61_000;
    }
    expect((files.text(path) ?? '').split('\n').length).toBeLessThan(2_000);
    expect(await outcome((await durable()).admit(request({id: '0 0'})))).toBe('ERR_REQUEST_EXPIRED');
  });

  test('fault 28: a raised ceiling does not bring forgotten requests back to life', async () => {
    const {clock, files} = world();
    const asked = request({ttlSeconds: 3_600});
    const make = (ttlCeilingSeconds: number) =>
      createReplayGuard({clock, ttlCeilingSeconds, store: createFileReplayStore({files, path})});
    await (await make(60)).admit(asked);
    clock.now += 120_000;
    await make(60);
    expect(await outcome((await make(3_600)).admit(asked))).toMatch(/^ERR_REQUEST_(EXPIRED|REPLAYED)$/);
    expect(await outcome((await make(3_600)).admit(asked))).toMatch(/^ERR_REQUEST_(EXPIRED|REPLAYED)$/);
  });
});

describe('fault 31: a clock that steps back', () => {
  test('fault 31: a request that was forgotten does not run again when the clock returns', async () => {
    const {clock, guard: create} = world();
    const guard = await create();
    await guard.admit(request());
    clock.now = startMs + 3_600_000;
    await guard.admit(request({id: 'b'.repeat(32), sentAtMs: clock.now}));
    clock.now = startMs + 1_000;
    expect(await outcome(guard.admit(request()))).toBe('ERR_REQUEST_EXPIRED');
  });
});

describe('fault 77: lives of years', () => {
  test('fault 77: a request with a TTL of ten years is remembered for the ceiling, and then refused', async () => {
    const {clock, guard: create} = world();
    const guard = await create();
    const old = request({ttlSeconds: 315_360_000});
    await guard.admit(old);
    clock.now = startMs + 3_599_000;
    expect(await outcome(guard.admit(old))).toBe('ERR_REQUEST_REPLAYED');
    clock.now = startMs + 3_700_000;
    expect(await outcome(guard.admit(old))).toBe('ERR_REQUEST_EXPIRED');
    expect(guard.size).toBe(0);
  });
});
