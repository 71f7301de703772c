/**
 * Durations as flags take them: number and unit pairs, where a day is 24 hours, a month 30 days and a year 365 days.
 *
 * Integer nanoseconds inside, because 1.5y in floating milliseconds is no longer exact. Rules: fisk's duration parser; golden:
 * `helpers.json parse_duration_cli`.
 */
import {CliError} from './errors.ts';

const unitNanoseconds: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  D: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
  W: 604_800_000_000_000n,
  M: 2_592_000_000_000_000n,
  y: 31_536_000_000_000_000n,
  Y: 31_536_000_000_000_000n,
};

const pairPattern = /([0-9]{1,18})(?:\.([0-9]{1,18}))?([a-zA-Z]+)/y;
const textLengthMax = 128;
const nanosecondsMax = 2n ** 63n - 1n;

function invalid(detail?: string): CliError {
  return new CliError('ERR_CLI_VALUE', detail === undefined ? 'invalid duration' : `invalid duration: ${detail}`);
}

function pairNanoseconds(whole: string, fraction: string, unit: string): bigint {
  const factor = Object.hasOwn(unitNanoseconds, unit) ? unitNanoseconds[unit] : undefined;
  if (factor === undefined) throw invalid(`invalid unit ${unit}`);
  const scale = 10n ** BigInt(fraction.length);
  return (BigInt(whole + fraction) * factor) / scale;
}

/**
 * @param text such as `1h30m`, `1.5d`, `-5m` or `0`
 * @returns nanoseconds
 * @throws {CliError} `ERR_CLI_VALUE`
 */
export function parseFlagDuration(text: string): bigint {
  if (text === '0') return 0n;
  if (text === '' || text.length > textLengthMax) throw invalid();
  const negative = text.startsWith('-');
  let position = negative || text.startsWith('+') ? 1 : 0;
  let total = 0n;
  let pairs = 0;
  while (position < text.length) {
    pairPattern.lastIndex = position;
    const match = pairPattern.exec(text);
    if (match === null) throw invalid();
    total += pairNanoseconds(match[1] ?? '', match[2] ?? '', match[3] ?? '');
    position = pairPattern.lastIndex;
    pairs += 1;
  }
  if (pairs === 0 || total > nanosecondsMax) throw invalid();
  return negative ? -total : total;
}
