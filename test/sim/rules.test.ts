/** The checkers themselves: each rule is broken once and must be reported. */
import {describe, expect, test} from 'vitest';
import {Checks} from '../../src/sim/checks.ts';
import {SimDisk} from '../../src/sim/disk.ts';
import type {Run} from '../../src/sim/ledger.ts';
import {createSimRandom} from '../../src/sim/random.ts';
import {Timeline} from '../../src/sim/timeline.ts';

const run: Run = {
  node: 'n1',
  requestId: 'r1',
  callerId: 'choria=alice.mcollective',
  action: 'write',
  task: 't1',
  ageMs: 5,
  wallMs: 0,
  ttlSeconds: 60,
};
const outcome = {
  requestId: 'r1',
  task: 't1',
  callerId: run.callerId,
  asked: ['n1'],
  answered: [{node: 'n1', statusCode: 0, task: 't1'}],
  silent: [],
};

function rulesBroken(act: (checks: Checks) => void): readonly string[] {
  const checks = new Checks((item) => item.callerId === run.callerId);
  act(checks);
  return checks.violations.map((violation) => violation.rule);
}

describe('the checkers', () => {
  test('say nothing of a request that went well', () => {
    expect(
      rulesBroken((checks) => {
        checks.ran(run);
        checks.ended(outcome);
      }),
    ).toEqual([]);
  });

  test.each<[string, (checks: Checks) => void]>([
    ['a request runs at most once on a node', (checks) => [checks.ran(run), checks.ran(run)]],
    ['nothing runs that policy denies', (checks) => checks.ran({...run, callerId: 'choria=mallory.mcollective'})],
    ['nothing runs after its time', (checks) => checks.ran({...run, ageMs: 90_000})],
    ['no silent short answer', (checks) => [checks.ran(run), checks.ended({...outcome, asked: ['n1', 'n2']})]],
    [
      'every answer goes to who asked',
      (checks) => [
        checks.ran({...run, node: 'n9'}),
        checks.ended({...outcome, answered: [{node: 'n9', statusCode: 0, task: 't1'}], silent: ['n1']}),
      ],
    ],
    [
      'every answer is to its own request',
      (checks) => [checks.ran(run), checks.ended({...outcome, answered: [{node: 'n1', statusCode: 0, task: 'other'}]})],
    ],
    ['an answer means that it ran', (checks) => checks.ended(outcome)],
    [
      'one answer counts for each node',
      (checks) => [checks.ran(run), checks.ended({...outcome, answered: [...outcome.answered, ...outcome.answered]})],
    ],
  ])('report: %s', (rule, act) => {
    expect(rulesBroken(act)).toEqual([rule]);
  });
});

describe('the simulated world', () => {
  test('fires what is due in the order of time, and of asking within one moment', async () => {
    const timeline = new Timeline();
    const fired: string[] = [];
    timeline.after(20, () => fired.push('c'));
    timeline.after(10, () => fired.push('a'));
    timeline.after(10, () => fired.push('b'));
    timeline.after(5, () => fired.push('never')).cancel();
    await timeline.run(15);
    expect([fired.join(''), timeline.nowMs]).toEqual(['ab', 15]);
    await timeline.run(30);
    expect(fired.join('')).toBe('abc');
  });

  test('keeps what was synced at a power cut, and may lose or tear what was not', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const disk = new SimDisk(createSimRandom(String(seed)));
      const files = disk.files({wait: async () => undefined, nowMs: () => 0});
      const handle = await files.openAppend('/log', {mode: 0o600});
      await handle.append(Buffer.from('synced\n'));
      await handle.sync();
      await handle.append(Buffer.from('not synced\n'));
      disk.cutPower();
      const text = disk.text('/log') ?? '';
      expect(text.startsWith('synced\n')).toBe(true);
      // The length of the file may have come further than its bytes: those are zeros.
      expect('synced\nnot synced\n'.startsWith(text.replace(/\0+$/, ''))).toBe(true);
    }
  });

  test('brings names back as far as the journal had come, in their order, unless something was synced after', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const disk = new SimDisk(createSimRandom(String(seed)));
      const files = disk.files({wait: async () => undefined, nowMs: () => 0});
      await files.writeAtomic('/a/one', '1', {mode: 0o600});
      await files.writeAtomic('/a/two', '2', {mode: 0o600});
      await files.rename('/a/one', '/a/moved');
      await files.remove('/a/two');
      if (seed >= 30) await files.writeAtomic('/a/last', '3', {mode: 0o600});
      disk.cutPower();
      outcomes.add(`${seed < 30} ${disk.paths('/a').join(' ')}`);
    }
    expect([...outcomes].sort()).toEqual([
      'false /a/last /a/moved',
      'true /a/moved',
      'true /a/moved /a/two',
      'true /a/one /a/two',
    ]);
  });

  test('a full disk takes part of what is appended', async () => {
    const disk = new SimDisk(createSimRandom('full'));
    const files = disk.files({wait: async () => undefined, nowMs: () => 0});
    const handle = await files.openAppend('/log', {mode: 0o600});
    disk.isFull = true;
    const lengths = new Set<number>();
    for (let round = 0; round < 30; round++) {
      const before = disk.text('/log')?.length ?? 0;
      await expect(handle.append(Buffer.from('12345678'))).rejects.toMatchObject({code: 'ENOSPC'});
      lengths.add((disk.text('/log')?.length ?? 0) - before);
    }
    expect(lengths.size).toBeGreaterThan(4);
    expect(Math.max(...lengths)).toBeLessThan(8);
  });

  test('draws the same numbers from the same seed, and others from another label', () => {
    const draw = (seed: string, label: string): readonly number[] => {
      const random = createSimRandom(seed).fork(label);
      return Array.from({length: 5}, () => random.integer(0, 1_000_000));
    };
    expect(draw('1', 'a')).toEqual(draw('1', 'a'));
    expect(draw('1', 'a')).not.toEqual(draw('1', 'b'));
    expect(draw('1', 'a')).not.toEqual(draw('2', 'a'));
  });
});
