/**
 * Ramps over a fleet of 1,000 that fails in its own way for each seed: the real engine of requests on a clock that the test moves, a disk
 * that keeps what was written when the process "dies".
 */
import {describe, expect, test} from 'vitest';
import {FakeFleet, settle} from '../../../test/support/fake-fleet.ts';
import {createFakePlatform, createSeededRandom} from '../../../test/support/fake-platform.ts';
import {emptyFilter} from '../../protocol/index.ts';
import {runRequest} from '../../rpc/index.ts';
import {planRamp, type RampPlan, type RampState} from './ramp.ts';
import {loadRamp, type RampRecord} from './ramp-file.ts';
import {runRamp} from './run-ramp.ts';

const count = 1_000;
const names = Array.from({length: count}, (_unused, index) => `n${index}.example.net`);
const path = '/state/ramps/x.json';

type Fate = 'ok' | 'fails' | 'silent';

/** A fleet, who was asked how often, and the process that dies after so many messages. */
class SeededFleet {
  readonly asked = new Map<string, number>();
  readonly files = createFakePlatform().files;
  readonly #random;
  readonly #badness: number;

  constructor(seed: number) {
    this.#random = createSeededRandom(seed);
    this.#badness = this.#random.float() * 0.2;
  }

  float(): number {
    return this.#random.float();
  }

  #fate(): Fate {
    const drawn = this.#random.float();
    if (drawn >= this.#badness) return 'ok';
    return drawn < this.#badness / 2 ? 'silent' : 'fails';
  }

  /** Asks these nodes as `choria req` does, in batches when there is a size. */
  async request(
    targets: readonly string[],
    options: {
      readonly batchSize: number;
      readonly mayContinue: (progress: {readonly asked: number; readonly ok: number}) => boolean;
      readonly diesAfter?: number;
      readonly signal?: AbortSignal;
    },
  ) {
    const fleet = new FakeFleet();
    const {diesAfter = Number.POSITIVE_INFINITY} = options;
    let sent = 0;
    const process = {isDead: false};
    fleet.onPublish = ({subject}) => {
      if (process.isDead) return;
      const name = subject.slice('mcollective.node.'.length);
      this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
      sent += 1;
      if (sent >= diesAfter) {
        process.isDead = true;
        return;
      }
      const fate = this.#fate();
      if (fate === 'silent') return;
      const body = {statuscode: fate === 'ok' ? 0 : 5, statusmsg: fate, data: {}};
      queueMicrotask(() => fleet.answer(name, {body}));
    };
    const running = runRequest(fleet.messenger(), {
      agent: 'rpcutil',
      action: 'ping',
      data: {},
      kind: 'direct',
      targets,
      filter: {...emptyFilter, agents: ['rpcutil']},
      collective: 'mcollective',
      ttlSeconds: 60,
      timeoutMs: 1_000,
      batchSize: options.batchSize,
      batchSleepMs: 10,
      mayContinue: options.mayContinue,
      signal: options.signal,
    });
    const life = {isOver: false};
    const over = (): void => {
      life.isOver = true;
    };
    running.then(over, over);
    while (!life.isOver && !process.isDead) await fleet.clock.advance(1_010);
    if (process.isDead) throw new Error('killed');
    return running;
  }
}

const record = (plan: RampPlan): RampRecord => ({
  agent: 'rpcutil',
  action: 'ping',
  collective: 'mcollective',
  startedAtMs: 1,
  plan,
  asked: 0,
});

/** From the file, as `--resume` does; from the start where there is none. */
async function go(
  fleet: SeededFleet,
  options: {readonly plan: RampPlan; readonly batchSize: number; readonly diesAfter?: number},
): Promise<RampState | 'killed'> {
  const saved = fleet.files.text(path) === undefined ? record(options.plan) : await loadRamp(fleet.files, path);
  let left = options.diesAfter ?? Number.POSITIVE_INFINITY;
  try {
    const {state} = await runRamp(saved, {
      files: fleet.files,
      path,
      request: async (targets, mayContinue) => {
        const before = fleet.asked.size;
        const statistics = await fleet.request(targets, {batchSize: options.batchSize, mayContinue, diesAfter: left});
        left -= fleet.asked.size - before;
        return statistics;
      },
    });
    return state;
  } catch (error) {
    // It died in its last step: nobody is left to ask.
    if ((error as {code?: string}).code === 'ERR_CLIENT_RAMP_FILE') {
      return {asked: fleet.asked.size, ok: 0, failures: 0, status: 'finished'};
    }
    expect((error as Error).message).toBe('killed');
    return 'killed';
  }
}

const seeds = Array.from({length: 30}, (_unused, index) => index + 1);

describe('a ramp over 1,000 nodes', () => {
  test.each(seeds)(
    'seed %i: it stops at its count, never asks more than its step, and resumes to the end',
    async (seed) => {
      const fleet = new SeededFleet(seed);
      const limit = 1 + Math.floor(fleet.float() * 30);
      const plan = planRamp(names, {canary: '3', ramp: '25,10%,50%,100%', stopOnFailures: String(limit)});
      expect(plan.steps).toEqual([3, 25, 100, 500, 1_000]);
      let state: RampState | 'killed' = 'killed';
      for (let life = 0; life < 500; life++) {
        const before = fleet.asked.size;
        state = await go(fleet, {plan, batchSize: 0});
        if (state === 'killed') throw new Error('nobody killed it');
        expect(state.asked).toBe(fleet.asked.size);
        if (state.status === 'finished') break;
        // It stopped: at the end of a step, with at least so many failures, which the steps before did not have.
        expect(state.status).toBe('stopped');
        expect(state.failures).toBeGreaterThanOrEqual(limit);
        expect(plan.steps).toContain(state.asked);
        expect(fleet.asked.size).toBeGreaterThan(before);
        expect((await loadRamp(fleet.files, path)).asked).toBe(state.asked);
      }
      expect(state).toMatchObject({status: 'finished', asked: count});
      expect(fleet.asked.size).toBe(count);
      expect([...fleet.asked.values()].every((times) => times === 1)).toBe(true);
      expect(fleet.files.text(path)).toBeUndefined();
    },
  );

  test.each(seeds)(
    'seed %i: in batches it stops within a batch of its count, and resumes in the middle of a step',
    async (seed) => {
      const fleet = new SeededFleet(seed + 1_000);
      const batchSize = 5 + Math.floor(fleet.float() * 20);
      const plan = planRamp(names, {ramp: '10%,100%', stopOnFailures: '4'});
      let stops = 0;
      for (let life = 0; life < 500; life++) {
        const state = await go(fleet, {plan, batchSize});
        if (state === 'killed') throw new Error('nobody killed it');
        expect(state.asked).toBe(fleet.asked.size);
        if (state.status === 'finished') break;
        stops += 1;
        expect(state.failures).toBeGreaterThanOrEqual(4);
        // The batches before had fewer: the last one can add no more than all of its nodes.
        expect(state.failures).toBeLessThan(4 + batchSize);
        expect((await loadRamp(fleet.files, path)).asked).toBe(fleet.asked.size);
      }
      expect(fleet.asked.size).toBe(count);
      expect([...fleet.asked.values()].every((times) => times === 1)).toBe(true);
      expect(stops).toBeLessThan(500);
    },
  );

  test.each(seeds)('seed %i: a process that is killed anywhere asks nobody twice when it is resumed', async (seed) => {
    const fleet = new SeededFleet(seed + 2_000);
    const plan = planRamp(names, {ramp: '5%,20%,60%,100%'});
    for (let life = 0; life < 100; life++) {
      const state = await go(fleet, {plan, batchSize: 0, diesAfter: 1 + Math.floor(fleet.float() * 700)});
      if (state !== 'killed' && state.status === 'finished') break;
    }
    expect([...fleet.asked.values()].every((times) => times === 1)).toBe(true);
    // Those of a step that was cut may not have been asked; nobody can know, so they are not asked again.
    expect(fleet.asked.size).toBeLessThanOrEqual(count);
    expect(fleet.files.text(path)).toBeUndefined();
  });

  test.each(seeds.slice(0, 10))(
    'seed %i: an interruption between batches leaves exactly the rest for later',
    async (seed) => {
      const fleet = new SeededFleet(seed + 3_000);
      const plan = planRamp(names, {ramp: '100%'});
      const stop = new AbortController();
      const until = 1 + Math.floor(fleet.float() * 30);
      let batches = 0;
      const first = await runRamp(record(plan), {
        files: fleet.files,
        path,
        request: (targets, mayContinue) =>
          fleet.request(targets, {
            batchSize: 20,
            signal: stop.signal,
            mayContinue: (progress) => {
              batches += 1;
              if (batches === until) stop.abort();
              return mayContinue(progress);
            },
          }),
      });
      expect(first.state.status).toBe('interrupted');
      expect((await loadRamp(fleet.files, path)).asked).toBe(fleet.asked.size);
      expect(await go(fleet, {plan, batchSize: 0})).toMatchObject({status: 'finished'});
      expect(fleet.asked.size).toBe(count);
      expect([...fleet.asked.values()].every((times) => times === 1)).toBe(true);
      await settle();
    },
  );
});
