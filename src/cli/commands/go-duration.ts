/**
 * A duration in the form of Go's own printing: `2.102s`, `37ms`, `1m0s`.
 *
 * @param nanoseconds whole nanoseconds, at most 2^53
 */
export function goDuration(nanoseconds: number): string {
  const total = Math.abs(Math.trunc(nanoseconds));
  const sign = nanoseconds < 0 ? '-' : '';
  if (total === 0) return '0s';
  if (total < 1_000) return `${sign}${total}ns`;
  if (total < 1_000_000) return `${sign}${fraction(total, 1_000)}µs`;
  if (total < 1_000_000_000) return `${sign}${fraction(total, 1_000_000)}ms`;
  const seconds = total % 60_000_000_000;
  const minutes = Math.floor(total / 60_000_000_000);
  const hours = Math.floor(minutes / 60);
  const text = `${fraction(seconds, 1_000_000_000)}s`;
  if (minutes === 0) return `${sign}${text}`;
  return hours === 0 ? `${sign}${minutes}m${text}` : `${sign}${hours}h${minutes % 60}m${text}`;
}

function fraction(value: number, unit: number): string {
  const whole = Math.floor(value / unit);
  const rest = String(value % unit)
    .padStart(String(unit).length - 1, '0')
    .replace(/0+$/, '');
  return rest === '' ? String(whole) : `${whole}.${rest}`;
}
