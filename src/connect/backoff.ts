/**
 * The waits between attempts to reach a broker.
 *
 * The two lists are those that fleets know from the reference (server.md 4): a fleet of both programs comes back evenly.
 */
import type {Random} from '../lib/platform.ts';

function steps(fromMs: number, toMs: number): readonly number[] {
  const list: number[] = [];
  for (let ms = fromMs; ms <= toMs; ms += 500) list.push(ms);
  return list;
}

/** For the first connection. */
export const fiveSecondBackoff: readonly number[] = [500, 750, ...steps(1000, 5000)];

/** For coming back after a lost connection. */
export const twentySecondBackoff: readonly number[] = [
  500,
  750,
  ...steps(1000, 5500),
  5750,
  ...steps(6000, 10_500),
  10_750,
  ...steps(11_000, 15_500),
  15_750,
  ...steps(16_000, 20_000),
];

/** The wait before attempt `attempt` (0 is the first entry), drawn evenly from half to one and a half of the entry. */
export function backoffMs(list: readonly number[], attempt: number, random: Random): number {
  const entry = list[Math.min(Math.max(attempt, 0), list.length - 1)] ?? 0;
  return Math.round(entry * (0.5 + random.float()));
}
