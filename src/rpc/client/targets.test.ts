import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {limitTargets, splitBatches} from './targets.ts';

const five = ['a', 'b', 'c', 'd', 'e'];
const random = (): number => 0;

describe('limits on targets', () => {
  test.each([
    ['', five],
    ['2', ['a', 'b']],
    ['5', five],
    ['500', five],
    ['40%', ['a', 'b']],
    ['50%', ['a', 'b']],
    ['100%', five],
    ['400%', five],
  ] as const)('a limit of "%s" keeps the first in order', (size, expected) => {
    expect(limitTargets(five, {size, method: 'first', random})).toEqual(expected);
  });

  test.each(['abc', '10 %', '-1', '1.5', '%', '10%%'])('"%s" is no limit', (size) => {
    expect(() => limitTargets(five, {size, method: 'first', random})).toThrow(/expected a number/);
  });

  test.each(['0', '0%', '10%'])('a limit of "%s" that leaves nobody is an error', (size) => {
    expect(() => limitTargets(five, {size, method: 'first', random})).toThrow(/no targets are left/);
  });

  test('an unknown method is an error', () => {
    expect(() => limitTargets(five, {size: '1', method: 'last', random})).toThrow(/"last"/);
  });

  test('a seed gives the same nodes each time, different seeds others, all from the list and each once', () => {
    const names = Array.from({length: 100}, (_unused, index) => `n${index}`);
    fc.assert(
      fc.property(fc.integer({min: 1, max: 2 ** 40}), fc.integer({min: 1, max: 99}), (seed, size) => {
        const pick = (): readonly string[] => limitTargets(names, {size: String(size), method: 'random', seed, random});
        const chosen = pick();
        expect(pick()).toEqual(chosen);
        expect(new Set(chosen).size).toBe(size);
        expect(chosen.every((name) => names.includes(name))).toBe(true);
      }),
    );
    const ofSeed = (seed: number): string => limitTargets(names, {size: '5', method: 'random', seed, random}).join();
    expect(new Set(Array.from({length: 20}, (_unused, seed) => ofSeed(seed + 1))).size).toBeGreaterThan(15);
  });
});

describe('batches', () => {
  test.each([
    [0, [five]],
    [2, [['a', 'b'], ['c', 'd'], ['e']]],
    [5, [five]],
    [50, [five]],
    [1, [['a'], ['b'], ['c'], ['d'], ['e']]],
  ] as const)('of %i', (size, expected) => {
    expect(splitBatches(five, size)).toEqual(expected);
  });
});
