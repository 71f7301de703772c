import {describe, expect, test} from 'vitest';
import type {Random} from '../lib/platform.ts';
import {backoffMs, fiveSecondBackoff, twentySecondBackoff} from './backoff.ts';

const fixed = (value: number): Random => ({bytes: (count) => Buffer.alloc(count), float: () => value});

describe('backoff', () => {
  test('the list of the first connection is that of the reference', () => {
    expect(fiveSecondBackoff).toEqual([500, 750, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000]);
  });

  test('the list of reconnections is that of the reference', () => {
    expect(twentySecondBackoff.slice(0, 4)).toEqual([500, 750, 1000, 1500]);
    expect([...twentySecondBackoff].sort((a, b) => a - b)).toEqual(twentySecondBackoff);
    expect(twentySecondBackoff.at(-1)).toBe(20_000);
    for (const entry of [5500, 5750, 6000, 10_500, 10_750, 11_000, 15_500, 15_750, 16_000]) {
      expect(twentySecondBackoff).toContain(entry);
    }
  });

  test('a wait is drawn from half to one and a half of its entry, and the last entry repeats', () => {
    expect(backoffMs(fiveSecondBackoff, 0, fixed(0))).toBe(250);
    expect(backoffMs(fiveSecondBackoff, 1, fixed(0.5))).toBe(750);
    expect(backoffMs(fiveSecondBackoff, 10_000, fixed(0.5))).toBe(5000);
  });
});
