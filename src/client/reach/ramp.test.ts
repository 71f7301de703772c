import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {afterStep, nextStep, planRamp, type RampPlan, type RampState, rampStart} from './ramp.ts';

const fleet = (count: number): readonly string[] => Array.from({length: count}, (_unused, index) => `n${index}`);

/** Runs a ramp against nodes of which `fails` says which fail; gives what was asked in each step. */
function run(plan: RampPlan, options: {fails: (node: string) => boolean; interruptAt?: number; from?: RampState}) {
  const steps: (readonly string[])[] = [];
  let state = options.from ?? rampStart;
  for (let step = nextStep(plan, state); step !== undefined; step = nextStep(plan, state)) {
    steps.push(step.targets);
    const failures = step.targets.filter(options.fails).length;
    const isInterrupted = steps.length === options.interruptAt;
    const asked = step.targets.length;
    state = afterStep(plan, state, {asked, ok: asked - failures, failures, isInterrupted});
  }
  return {steps, state};
}

/** Whether a node fails, the same for the same seed. */
const failing =
  (seed: number, percent: number) =>
  (node: string): boolean =>
    (Math.imul(Number(node.slice(1)) + 1, 0x9e3779b1 ^ seed) >>> 0) % 100 < percent;

describe('planning a ramp', () => {
  test.each([
    [{canary: '1'}, [1, 1_000]],
    [{canary: '2%'}, [20, 1_000]],
    [{ramp: '1,5,25,100%'}, [1, 5, 25, 1_000]],
    [{ramp: '1%,5%,25%,100%'}, [10, 50, 250, 1_000]],
    [{canary: '3', ramp: '10%,100%'}, [3, 100, 1_000]],
    [{canary: '5000'}, [1_000]],
    [{ramp: '1,1,100%'}, [1, 1_000]],
  ])('%j of 1,000 nodes reaches %j', (options, steps) => {
    expect(planRamp(fleet(1_000), options).steps).toEqual(steps);
  });

  test('in a small fleet a percentage below the step before adds nobody', () => {
    expect(planRamp(fleet(10), {ramp: '1,5,25%,100%'}).steps).toEqual([1, 5, 10]);
  });

  test('a percentage of a small fleet is still one node', () => {
    expect(planRamp(fleet(3), {canary: '1%'}).steps).toEqual([1, 3]);
  });

  test.each([
    [{canary: '0'}, '--canary "0"'],
    [{canary: '-1'}, '--canary "-1"'],
    [{canary: '101%'}, '--canary "101%"'],
    [{ramp: '1,,5'}, '--ramp ""'],
    [{ramp: '50,10,100%'}, 'the steps 50, 10: expected'],
    [{ramp: '1,5'}, 'ends at 5 of 1000'],
    [{canary: '20', ramp: '10,100%'}, 'the steps 20, 10: expected'],
    [{stopOnFailures: 'many'}, '--stop-on-failures "many"'],
  ])('%j is refused with the flag and what was expected', (options, text) => {
    expect(() => planRamp(fleet(1_000), options)).toThrow(text);
  });

  test('a node that is named twice is asked once', () => {
    expect(planRamp(['a', 'b', 'a'], {}).targets).toEqual(['a', 'b']);
  });
});

describe('a ramp over 1,000 nodes', () => {
  test('asks every node once when all goes well', () => {
    const {steps, state} = run(planRamp(fleet(1_000), {ramp: '1,5,25,100%'}), {fails: () => false});
    expect(steps.map((step) => step.length)).toEqual([1, 4, 20, 975]);
    expect(steps.flat()).toEqual(fleet(1_000));
    expect(state).toEqual({asked: 1_000, ok: 1_000, failures: 0, status: 'finished'});
  });

  test('goes no further than the canary when that fails', () => {
    const plan = planRamp(fleet(1_000), {canary: '1', stopOnFailures: '1'});
    const {steps, state} = run(plan, {fails: (node) => node === 'n0'});
    expect(steps).toEqual([['n0']]);
    expect(state).toMatchObject({status: 'stopped', asked: 1});
  });

  test('stops after the step in which failures reach the number, whatever the seed', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const plan = planRamp(fleet(1_000), {ramp: '1,5,25,10%,50%,100%', stopOnFailures: '3'});
      const fails = failing(seed, 10);
      const {steps, state} = run(plan, {fails});
      const before = steps.slice(0, -1).flat().filter(fails).length;
      expect(before).toBeLessThan(3);
      expect(state.failures).toBe(steps.flat().filter(fails).length);
      if (state.status === 'stopped') expect(state.failures).toBeGreaterThanOrEqual(3);
      expect(plan.steps).toContain(state.asked);
    }
  });

  test('a percentage counts of the nodes asked so far', () => {
    const plan = planRamp(fleet(1_000), {ramp: '10,100,100%', stopOnFailures: '20%'});
    expect(run(plan, {fails: (node) => node === 'n3'}).state.status).toBe('finished');
    const some = new Set(['n1', 'n2']);
    expect(run(plan, {fails: (node) => some.has(node)}).state).toMatchObject({status: 'stopped', asked: 10});
  });

  test('goes on where it was interrupted, and asks nobody twice', () => {
    fc.assert(
      fc.property(fc.integer({min: 1, max: 5}), fc.integer({min: 1, max: 1_000}), (interruptAt, size) => {
        const plan = planRamp(fleet(size), {ramp: '1,5,25%,50%,100%'});
        const first = run(plan, {fails: () => false, interruptAt});
        const second = run(plan, {fails: () => false, from: {...first.state, status: 'running'}});
        expect([...first.steps, ...second.steps].flat()).toEqual(fleet(size));
      }),
      {numRuns: 200},
    );
  });

  test('never reaches more nodes than the step says', () => {
    fc.assert(
      fc.property(
        fc.integer({min: 1, max: 1_000}),
        fc.array(fc.integer({min: 1, max: 99}), {minLength: 1, maxLength: 6}),
        fc.integer({min: 0, max: 100}),
        (size, percents, failPercent) => {
          const ramp = [...percents.toSorted((a, b) => a - b), 100].map((percent) => `${percent}%`).join(',');
          const plan = planRamp(fleet(size), {ramp, stopOnFailures: '5'});
          const {steps} = run(plan, {fails: failing(7, failPercent)});
          let reached = 0;
          for (const [index, step] of steps.entries()) {
            reached += step.length;
            expect(reached).toBe(plan.steps[index]);
          }
          expect(new Set(steps.flat()).size).toBe(reached);
        },
      ),
      {numRuns: 200},
    );
  });
});
