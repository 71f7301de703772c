/**
 * A few seeds of a whole simulated fleet. Many more are a command: `npm run sim -- --seed 1 --minutes 10 --seeds 100`.
 */
import {describe, expect, test} from 'vitest';
import {KeyPool, simulate} from '../../src/sim/index.ts';

/** Made once for all. */
const keys = new KeyPool();

describe('a simulated fleet', () => {
  test.each(['certificates', 'tokens'] as const)(
    'holds every rule through kills, power cuts, partitions, full disks, flipped bits and skewed clocks (%s)',
    async (security) => {
      const result = await simulate({seed: security, minutes: 4, nodes: 6, security, keys});
      expect(result.violations).toEqual([]);
      expect(result.faults).toBeGreaterThan(5);
      expect(result.runs).toBeGreaterThan(20);
      expect(result.replays).toBeGreaterThan(0);
      expect(result.submissions).toBeGreaterThan(5);
      expect(result.registrations).toBeGreaterThan(5);
    },
  );

  test('has the same history for the same seed, and another one for another', async () => {
    const hashes: string[] = [];
    for (const seed of ['7', '7', '8']) hashes.push((await simulate({seed, minutes: 1, nodes: 4, keys})).hash);
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });

  test('has the same history for the same seed also when TLS is real', async () => {
    const hashes: string[] = [];
    for (let round = 0; round < 2; round++) {
      const result = await simulate({seed: '9', minutes: 1, nodes: 3, tls: 'real', keys});
      expect(result.violations).toEqual([]);
      hashes.push(result.hash);
    }
    expect(hashes[0]).toBe(hashes[1]);
  });

  test('stops where it is told to, with the history until there', async () => {
    const events: number[] = [];
    const options = {seed: '7', minutes: 1, nodes: 3, keys, untilMs: 20_000};
    const result = await simulate({...options, onEvent: ({atMs}) => events.push(atMs)});
    expect(Math.max(...events)).toBeLessThanOrEqual(20_000);
    expect(result.hash).toBe((await simulate(options)).hash);
  });

  test('answers everything when nothing goes wrong', async () => {
    const silent: string[] = [];
    const result = await simulate({
      seed: '5',
      minutes: 1,
      nodes: 4,
      keys,
      faults: false,
      onEvent: (event) => {
        if (event.kind === 'ended' && / [1-9]\d* silent/.test(event.text)) silent.push(event.text);
      },
    });
    expect(result.ok).toBe(true);
    expect(silent).toEqual([]);
  });
});
