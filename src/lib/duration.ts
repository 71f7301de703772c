/**
 * Durations in text: Go's own form, Choria's extended form of configuration files, and the form of command line flags.
 *
 * Values are nanoseconds as `bigint`, because Go's range (292 years) does not fit a double; `nsToMs` gives what timers want.
 * Pure. Rules: Go's time package; spec/config.md section 5; vectors `config/validators.json`, `cli/helpers.json`.
 */
import {ChoriaError, errorMessage} from './errors.ts';
import {formatFixed, parseGoFloat} from './go-number.ts';
import {trimSpace} from './go-text.ts';

export type DurationErrorCode = 'ERR_DURATION_INVALID';

export const DurationErrorCodes: Readonly<Record<DurationErrorCode, string>> = {
  ERR_DURATION_INVALID: 'A text is not a duration of the form asked for',
};

/** The message is worded as the Go programs word it. */
export class DurationError extends ChoriaError<DurationErrorCode> {}

const microsecond = 1_000n;
const millisecond = 1_000_000n;
const second = 1_000_000_000n;
const minute = 60n * second;
const hour = 60n * minute;

/** The longest duration; Choria shows it as `never`. */
export const durationNsMax = 9_223_372_036_854_775_807n;
const durationNsMin = -durationNsMax - 1n;

const goUnits: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', microsecond],
  ['\u00b5s', microsecond],
  ['\u03bcs', microsecond],
  ['ms', millisecond],
  ['s', second],
  ['m', minute],
  ['h', hour],
]);

/** Milliseconds, with a fraction below one millisecond. */
export function nsToMs(ns: bigint): number {
  return Number(ns / millisecond) + Number(ns % millisecond) / 1e6;
}

export function msToNs(ms: number): bigint {
  const whole = Math.trunc(ms);
  return BigInt(whole) * millisecond + BigInt(Math.round((ms - whole) * 1e6));
}

/**
 * Go's `time.ParseDuration`: `1h30m`, `-1.5s`, `100ms`, `0`.
 *
 * @returns nanoseconds
 * @throws {DurationError} `ERR_DURATION_INVALID`
 */
export function parseGoDuration(text: string): bigint {
  const negative = text.startsWith('-');
  let rest = /^[+-]/.test(text) ? text.slice(1) : text;
  if (rest === '0') return 0n;
  if (rest === '') throw invalid(`time: invalid duration ${timeQuote(text)}`);
  let total = 0n;
  while (rest !== '') {
    const match = /^([0-9]*)(?:\.([0-9]*))?/.exec(rest);
    const [number = '', whole = '', fraction = ''] = match ?? [];
    if ((whole === '' && fraction === '') || BigInt(whole) > durationNsMax + 1n)
      throw invalid(`time: invalid duration ${timeQuote(text)}`);
    rest = rest.slice(number.length);
    const unitName = /^[^.0-9]*/.exec(rest)?.[0] ?? '';
    if (unitName === '') throw invalid(`time: missing unit in duration ${timeQuote(text)}`);
    rest = rest.slice(unitName.length);
    const unit = goUnits.get(unitName);
    if (unit === undefined) throw invalid(`time: unknown unit ${timeQuote(unitName)} in duration ${timeQuote(text)}`);
    total += BigInt(whole) * unit + fractionOf(fraction, unit);
    if (total > durationNsMax + 1n) throw invalid(`time: invalid duration ${timeQuote(text)}`);
  }
  if (negative) return -total;
  if (total > durationNsMax) throw invalid(`time: invalid duration ${timeQuote(text)}`);
  return total;
}

function fractionOf(digits: string, unit: bigint): bigint {
  // Go stops to count digits that no longer fit 64 bits; 18 digits are below any nanosecond.
  const kept = digits.slice(0, 18);
  return kept === '' ? 0n : (BigInt(kept) * unit) / 10n ** BigInt(kept.length);
}

/** Go's time package escapes by bytes, unlike its other quoting. */
function timeQuote(text: string): string {
  let quoted = '"';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0x80 || code < 0x20) {
      for (const byte of Buffer.from(character, 'utf8')) quoted += `\\x${byte.toString(16).padStart(2, '0')}`;
    } else quoted += character === '"' || character === '\\' ? `\\${character}` : character;
  }
  return `${quoted}"`;
}

/** Go's `Duration.String`: `2.08s`, `1m0s`, `1h0m0s`, `37ms`, `0s`. */
export function formatGoDuration(ns: bigint): string {
  const negative = ns < 0n;
  const value = negative ? -ns : ns;
  const sign = negative ? '-' : '';
  if (value === 0n) return '0s';
  if (value < microsecond) return `${sign}${value}ns`;
  if (value < millisecond) return `${sign}${withFraction(value, microsecond)}\u00b5s`;
  if (value < second) return `${sign}${withFraction(value, millisecond)}ms`;
  const seconds = `${withFraction(value % minute, second)}s`;
  if (value < minute) return sign + seconds;
  const minutes = `${(value / minute) % 60n}m${seconds}`;
  return value < hour ? sign + minutes : `${sign}${value / hour}h${minutes}`;
}

/** As `formatGoDuration`, of milliseconds. */
export function formatGoDurationMs(ms: number): string {
  return formatGoDuration(msToNs(ms));
}

function withFraction(value: bigint, unit: bigint): string {
  const rest = value % unit;
  if (rest === 0n) return `${value / unit}`;
  const digits = rest
    .toString()
    .padStart(unit.toString().length - 1, '0')
    .replace(/0+$/, '');
  return `${value / unit}.${digits}`;
}

/** Rounds to a multiple, halves away from zero (Go's `Duration.Round`). */
export function roundDuration(ns: bigint, multiple: bigint): bigint {
  if (multiple <= 0n) return ns;
  const rest = ns < 0n ? -ns % multiple : ns % multiple;
  const floor = ns < 0n ? -ns - rest : ns - rest;
  const rounded = rest * 2n < multiple ? floor : floor + multiple;
  const signed = ns < 0n ? -rounded : rounded;
  if (signed > durationNsMax) return durationNsMax;
  return signed < durationNsMin ? durationNsMin : signed;
}

/** Whole hours of one long unit. */
const longUnits: ReadonlyMap<string, number> = new Map([
  ['w', 7 * 24],
  ['W', 7 * 24],
  ['d', 24],
  ['D', 24],
  ['M', 30 * 24],
  ['y', 365 * 24],
  ['Y', 365 * 24],
]);

/**
 * The extended form of configuration, machines and DDLs: Go's form, or one number of days, weeks, months or years (`1.5d`, `2w`,
 * `1M`, `1y`), cut to whole hours. Empty text is 0; a bare number is refused.
 *
 * @returns nanoseconds
 * @throws {DurationError} `ERR_DURATION_INVALID`
 */
export function parseExtendedDuration(text: string): bigint {
  const trimmed = trimSpace(text);
  if (trimmed === '') return 0n;
  // The reference looks at the last byte; of a longer character it would show a broken half, so we show all of it.
  const unit = Array.from(trimmed).at(-1) ?? '';
  const hours = longUnits.get(unit);
  if (hours !== undefined) return longDuration(trimmed.slice(0, -1), hours);
  if (/^[sSmhH]$/.test(unit)) return parseGoDuration(trimmed);
  throw invalid(`invalid time unit ${unit}`);
}

function longDuration(number: string, hoursOfUnit: number): bigint {
  let value: number;
  try {
    value = parseGoFloat(number, 32);
  } catch (error) {
    throw new DurationError('ERR_DURATION_INVALID', errorMessage(error), {cause: error});
  }
  const hours = value * hoursOfUnit;
  // What has no 64 bit form becomes the smallest number there, and the product with an hour then wraps: to 0 for NaN and infinity.
  const whole = Number.isFinite(hours) && Math.abs(hours) < 2 ** 63 ? BigInt(Math.trunc(hours)) : durationNsMin;
  return BigInt.asIntN(64, whole * hour);
}

/**
 * The form of command line flags: a sequence of numbers with units, long ones included (`1d12h`, `-1y1d`, `2w`). A bare number
 * other than 0 is refused.
 *
 * @returns nanoseconds
 * @throws {DurationError} `ERR_DURATION_INVALID`
 */
export function parseCliDuration(text: string): bigint {
  if (text === '0') return 0n;
  const parts = [...trimSpace(text).matchAll(/([-+]?)(([0-9.]+)([a-zA-Z]+))/g)];
  if (parts.length === 0) throw invalid('invalid duration');
  const total = parts.reduce((sum, part) => sum + cliPart(part), 0n);
  return BigInt.asIntN(64, parts[0]?.[1] === '-' ? -total : total);
}

function cliPart(part: RegExpExecArray): bigint {
  const [, , whole = '', number = '', unit = ''] = part;
  const hours = longUnits.get(unit);
  if (hours === undefined && !goUnits.has(unit)) throw invalid(`invalid duration: invalid unit ${unit}`);
  try {
    return hours === undefined ? parseGoDuration(whole) : longDuration(number, hours);
  } catch (error) {
    throw new DurationError('ERR_DURATION_INVALID', `invalid duration: ${errorMessage(error)}`, {cause: error});
  }
}

/** For people: `1y0d0h0m0s`, `1d0h0m0s`, `1h0m0s`, `1m0s`, `1.50s`; 0 is `forever`, the longest is `never`. */
export function renderDuration(ns: bigint): string {
  if (ns === durationNsMax) return 'never';
  if (ns === 0n) return 'forever';
  const seconds = ns / second;
  const minutes = seconds / 60n;
  const hours = minutes / 60n;
  const days = hours / 24n;
  const years = days / 365n;
  const clock = `${minutes % 60n}m${seconds % 60n}s`;
  if (years > 0n) return `${years}y${days % 365n}d${hours % 24n}h${clock}`;
  if (days > 0n) return `${days}d${hours % 24n}h${clock}`;
  if (hours > 0n) return `${hours}h${clock}`;
  if (minutes > 0n) return clock;
  return `${formatFixed(Number(seconds) + Number(ns % second) / 1e9, 2)}s`;
}

function invalid(message: string): DurationError {
  return new DurationError('ERR_DURATION_INVALID', message);
}
