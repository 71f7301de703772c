/** How often somebody may ask: each name has a bucket that fills at a steady rate. */
import type {Clock} from '../lib/platform.ts';
import {aaaLimits} from './limits.ts';

export interface RateLimit {
  /** Takes one turn; false when there is none left. */
  take(name: string): boolean;
}

interface Bucket {
  readonly turns: number;
  readonly atMs: number;
}

/** @param options.perSecond  the steady rate; `burst` may come at once */
export function createRateLimit(options: {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly perSecond: number;
  readonly burst: number;
}): RateLimit {
  const {clock, perSecond, burst} = options;
  const buckets = new Map<string, Bucket>();
  return {
    take(name) {
      const nowMs = clock.monotonicMs();
      const known = buckets.get(name);
      // Taken out and put in again: the first of the map is the one that was quiet longest.
      buckets.delete(name);
      const grown = known === undefined ? burst : known.turns + ((nowMs - known.atMs) / 1_000) * perSecond;
      const turns = Math.min(burst, grown);
      if (known === undefined && buckets.size >= aaaLimits.ratedNamesMax) {
        const oldest = buckets.keys().next().value;
        if (oldest !== undefined) buckets.delete(oldest);
      }
      const allowed = turns >= 1;
      buckets.set(name, {turns: allowed ? turns - 1 : turns, atMs: nowMs});
      return allowed;
    },
  };
}
