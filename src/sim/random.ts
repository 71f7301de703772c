/**
 * Randomness from a seed: the same seed gives the same numbers on any machine.
 *
 * sfc32 over four words of a SHA-256 of the seed and a label; forks are independent, so that one part of a simulation drawing more
 * numbers does not change what another part sees.
 */
import {createHash} from 'node:crypto';
import type {Random} from '../lib/platform.ts';

export interface SimRandom extends Random {
  /** Uniform integer from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** A new stream of numbers that depends on the seed and the label only. */
  fork(label: string): SimRandom;
}

export function createSimRandom(seed: string): SimRandom {
  const digest = createHash('sha256').update(seed).digest();
  let a = digest.readInt32LE(0);
  let b = digest.readInt32LE(4);
  let c = digest.readInt32LE(8);
  let counter = digest.readInt32LE(12);
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  const float = (): number => next() / 0x1_0000_0000;
  const integer = (low: number, high: number): number => low + Math.floor(float() * (high - low + 1));
  return {
    float,
    integer,
    bytes: (count) => {
      const out = Buffer.allocUnsafe(count);
      for (let at = 0; at < count; at++) out[at] = next() & 0xff;
      return out;
    },
    chance: (probability) => float() < probability,
    pick: (items) => {
      const item = items[integer(0, items.length - 1)];
      if (item === undefined) throw new RangeError('Cannot pick from an empty list');
      return item;
    },
    fork: (label) => createSimRandom(`${seed}/${label}`),
  };
}
