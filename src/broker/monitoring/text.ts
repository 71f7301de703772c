/** Times as nats-server writes them. */
import {formatGoDuration} from '../../lib/duration.ts';

/** RFC 3339, UTC. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0+Z$/, 'Z');
}

/** `1y2d3h4m5s`, from the largest unit that is not zero. */
export function uptimeText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const units = [
    ['y', 31_536_000],
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const;
  let left = seconds;
  let text = '';
  for (const [unit, size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0 || text !== '') text += `${count}${unit}`;
  }
  return `${text}${left}s`;
}

/** A round trip as Go writes a duration: `219\u00b5s`. */
export function roundTripText(ms: number): string {
  return formatGoDuration(BigInt(Math.max(1, Math.round(ms * 1e6))));
}

export const nanosecondsPerMs = 1_000_000;
