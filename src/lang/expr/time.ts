/** Dates and durations of the language. Clock readings come in from outside. */
import {type ExprDuration, ExprTime, type ExprValue} from './values.ts';

const unitNanoseconds: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['\u00b5s', 1e3],
  ['\u03bcs', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
]);

/** Go's ParseDuration: `1h30m`, `1.5s`, `-2m`; undefined when it is none. */
export function parseGoDuration(text: string): bigint | undefined {
  const match = /^([+-]?)((?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null || text.length > 64) return undefined;
  let total = 0n;
  for (const part of (match[2] ?? '').matchAll(/([0-9]*)(?:\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g)) {
    const unit = BigInt(unitNanoseconds.get(part[3] ?? '') ?? 1);
    const fraction = (part[2] ?? '').slice(0, 12);
    total += BigInt(part[1] === '' ? '0' : (part[1] ?? '0')) * unit;
    if (fraction !== '') total += (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length);
  }
  if (total >= 2n ** 63n) return undefined;
  return match[1] === '-' ? -total : total;
}

/** Go's Duration.String: `1h30m0s`, `1.5s`, `2ms`. */
export function formatDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const sign = nanoseconds < 0n ? '-' : '';
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (size < 1_000_000_000n) {
    const [unit, name] = size < 1_000n ? [1n, 'ns'] : size < 1_000_000n ? [1_000n, '\u00b5s'] : [1_000_000n, 'ms'];
    return `${sign}${decimal(size, BigInt(unit))}${name}`;
  }
  const minutes = size / 60_000_000_000n;
  const seconds = `${decimal(size % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return sign + seconds;
  return minutes < 60n ? `${sign}${minutes}m${seconds}` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function decimal(value: bigint, unit: bigint): string {
  const rest = (value % unit)
    .toString()
    .padStart(unit.toString().length - 1, '0')
    .replace(/0+$/, '');
  return rest === '' || unit === 1n ? String(value / unit) : `${value / unit}.${rest}`;
}

const isoPattern =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$/;

/** Reads the ISO 8601 forms: a date, date and time, with or without a zone. */
export function parseTime(text: string, zone: string): ExprTime | undefined {
  const match = isoPattern.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? '0'));
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59)
    return undefined;
  const millis = Date.UTC(year, month - 1, day, hour, minute, second);
  const fraction = BigInt((match[7] ?? '').padEnd(9, '0'));
  const offset = match[8] === undefined ? zoneOffsetMs(zone, millis) : textOffsetMs(match[8]);
  return new ExprTime(BigInt(millis - offset) * 1_000_000n + fraction, match[8] === undefined ? zone : 'UTC');
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function textOffsetMs(text: string): number {
  if (text === 'Z') return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2));
  return (text.startsWith('-') ? -1 : 1) * minutes * 60_000;
}

/** How far the zone's clock is ahead of UTC at a moment. */
function zoneOffsetMs(zone: string, millis: number): number {
  if (zone === 'UTC') return 0;
  const fields = zoneFields(zone, millis);
  return (
    Date.UTC(fields.year, fields.month - 1, fields.day, fields.hour, fields.minute, fields.second) -
    Math.trunc(millis / 1000) * 1000
  );
}

interface ZoneFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

function zoneFields(zone: string, millis: number): ZoneFields {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(new Date(millis));
  const read = (type: string): number => Number(parts.find((part) => part.type === type)?.value ?? '0');
  return {
    year: read('year'),
    month: read('month'),
    day: read('day'),
    hour: read('hour'),
    minute: read('minute'),
    second: read('second'),
  };
}

export function isZone(name: string): boolean {
  try {
    return zoneFields(name, 0).year > 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function fieldsOf(time: ExprTime): ZoneFields {
  return zoneFields(time.zone, Number(time.nanoseconds / 1_000_000n));
}

/** Such as `2023-08-14 00:00:00 +0000 UTC`. */
export function formatTime(time: ExprTime): string {
  const fields = fieldsOf(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${fields.year}-${two(fields.month)}-${two(fields.day)} ${two(fields.hour)}:${two(fields.minute)}:${two(fields.second)} +0000 ${time.zone}`;
}

/** Methods of dates and durations; undefined when there is none of that name. */
export function callTimeMethod(
  value: ExprTime | ExprDuration,
  name: string,
  args: readonly ExprValue[],
): ExprValue | undefined {
  return value instanceof ExprTime ? timeMethod(value, name, args[0] ?? null) : durationMethod(value, name);
}

function timeMethod(time: ExprTime, name: string, other: ExprValue): ExprValue | undefined {
  switch (name) {
    case 'Unix':
      return time.nanoseconds / 1_000_000_000n;
    case 'UnixMilli':
      return time.nanoseconds / 1_000_000n;
    case 'UnixNano':
      return time.nanoseconds;
    case 'Year':
    case 'Month':
    case 'Day':
    case 'Hour':
    case 'Minute':
    case 'Second':
      return BigInt(fieldsOf(time)[name.toLowerCase() as keyof ZoneFields]);
    case 'Weekday': {
      const {year, month, day} = fieldsOf(time);
      return BigInt(new Date(Date.UTC(year, month - 1, day)).getUTCDay());
    }
    case 'UTC':
      return new ExprTime(time.nanoseconds, 'UTC');
    case 'String':
      return formatTime(time);
    case 'Before':
      return other instanceof ExprTime ? time.nanoseconds < other.nanoseconds : undefined;
    case 'After':
      return other instanceof ExprTime ? time.nanoseconds > other.nanoseconds : undefined;
    case 'Equal':
      return other instanceof ExprTime ? time.nanoseconds === other.nanoseconds : undefined;
    default:
      return undefined;
  }
}

function durationMethod(value: ExprDuration, name: string): ExprValue | undefined {
  const nanoseconds = Number(value.nanoseconds);
  switch (name) {
    case 'Hours':
      return nanoseconds / 3600e9;
    case 'Minutes':
      return nanoseconds / 60e9;
    case 'Seconds':
      return nanoseconds / 1e9;
    case 'Milliseconds':
      return value.nanoseconds / 1_000_000n;
    case 'Microseconds':
      return value.nanoseconds / 1_000n;
    case 'Nanoseconds':
      return value.nanoseconds;
    case 'String':
      return formatDuration(value.nanoseconds);
    default:
      return undefined;
  }
}
