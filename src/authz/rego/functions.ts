/**
 * Functions of Rego that the engine leaves to its host, and Choria's own that look at the filter of a request.
 *
 * Undefined as an answer is Rego's "undefined". What is not here and not in the engine ends the evaluation, and with it the request.
 */
import {createHash} from 'node:crypto';
import {compareVersions, parseVersion} from '../../lang/index.ts';
import {compileRegex} from '../../lib/regex.ts';
import {parseFactFilter} from '../../protocol/index.ts';
import type {RegoFilter} from './types.ts';

export type RegoFunction = (...args: readonly unknown[]) => unknown;

/** @param filter  of the request that is judged; none of the `requires_` functions holds without one */
export function filterFunctions(filter: RegoFilter | undefined): Readonly<Record<string, RegoFunction>> {
  const {facts = [], classes = [], identities = [], compounds = []} = filter ?? {};
  return {
    requires_filter: () => facts.length + classes.length + identities.length + compounds.length > 0,
    requires_class_filter: (name) => classes.includes(String(name)),
    requires_identity_filter: (name) => identities.includes(String(name)),
    requires_fact_filter: (text) => {
      const wanted = tryOr(() => parseFactFilter(String(text)));
      if (wanted === undefined) return undefined;
      return facts.some(
        ({fact, operator, value}) => fact === wanted.fact && operator === wanted.operator && value === wanted.value,
      );
    },
  };
}

const nanoseconds = 1_000_000;

/** The standard functions that the engine does not bring along. */
export function standardFunctions(nowMs: number): Readonly<Record<string, RegoFunction>> {
  return {
    'time.now_ns': () => nowMs * nanoseconds,
    'time.parse_rfc3339_ns': (text) => parseRfc3339(text),
    'time.date': (value) => clockParts(value, ['year', 'month', 'day']),
    'time.clock': (value) => clockParts(value, ['hour', 'minute', 'second']),
    'time.weekday': (value) => weekday(value),
    'crypto.md5': (text) => hashOf('md5', text),
    'crypto.sha1': (text) => hashOf('sha1', text),
    'crypto.sha256': (text) => hashOf('sha256', text),
    'hex.encode': (text) => onText(text, (value) => Buffer.from(value, 'utf8').toString('hex')),
    'strings.any_prefix_match': (texts, starts) => anyPair(texts, starts, (text, start) => text.startsWith(start)),
    'strings.any_suffix_match': (texts, ends) => anyPair(texts, ends, (text, end) => text.endsWith(end)),
    'strings.count': (text, part) => onText(text, (value) => onText(part, (what) => value.split(what).length - 1)),
    'semver.is_valid': (text) => typeof text === 'string' && tryOr(() => parseVersion(text)) !== undefined,
    'semver.compare': (one, other) =>
      tryOr(() => Math.sign(compareVersions(parseVersion(String(one)), parseVersion(String(other))))),
    'regex.replace': (text, pattern, by) => onText(text, (value) => replaceAll(value, String(pattern), String(by))),
    'regex.find_n': (pattern, text, count) =>
      onText(text, (value) =>
        tryOr(() => {
          const found = compileRegex(String(pattern)).matchAll(value);
          return (count === -1 ? found : found.slice(0, Number(count))).map((match) => match.groups[0]);
        }),
      ),
    trace: () => true,
  };
}

function tryOr<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    // Rego's way to say that an argument makes no sense.
    return undefined;
  }
}

function onText<T>(value: unknown, work: (text: string) => T): T | undefined {
  return typeof value === 'string' ? work(value) : undefined;
}

function hashOf(name: string, value: unknown): string | undefined {
  return onText(value, (text) => createHash(name).update(text, 'utf8').digest('hex'));
}

function texts(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  return list.filter((item) => typeof item === 'string');
}

function anyPair(some: unknown, others: unknown, holds: (one: string, other: string) => boolean): boolean {
  const known = texts(others);
  return texts(some).some((one) => known.some((other) => holds(one, other)));
}

/** Go's replacement: `$1` and `${name}` stand for groups. */
function replaceAll(text: string, pattern: string, by: string): string | undefined {
  return tryOr(() => {
    let result = '';
    let end = 0;
    for (const match of compileRegex(pattern).matchAll(text)) {
      result += text.slice(end, match.start);
      result += by.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (_whole, braced?: string, bare?: string) => {
        const name = braced ?? bare ?? '';
        return (/^\d+$/.test(name) ? match.groups[Number(name)] : match.named[name]) ?? '';
      });
      end = match.end;
    }
    return result + text.slice(end);
  });
}

function parseRfc3339(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  const whole = Date.parse(`${match?.[1] ?? ''}${match?.[3] ?? ''}`);
  return Number.isNaN(whole) ? undefined : whole * nanoseconds + Number((match?.[2] ?? '').padEnd(9, '0'));
}

/** A time is nanoseconds in UTC, or these and the name of a zone. */
function readTime(value: unknown): {readonly date: Date; readonly zone: string} | undefined {
  const [time, zone = 'UTC'] = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (typeof time !== 'number' || typeof zone !== 'string') return undefined;
  const date = new Date(Math.floor(time / nanoseconds));
  return Number.isNaN(date.getTime()) ? undefined : {date, zone: zone === '' ? 'UTC' : zone};
}

function clockParts(value: unknown, names: readonly string[]): readonly number[] | undefined {
  const time = readTime(value);
  if (time === undefined) return undefined;
  return tryOr(() => {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone: time.zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(time.date);
    return names.map((name) => Number(parts.find((part) => part.type === name)?.value));
  });
}

function weekday(value: unknown): string | undefined {
  const time = readTime(value);
  if (time === undefined) return undefined;
  return tryOr(() => new Intl.DateTimeFormat('en-US', {timeZone: time.zone, weekday: 'long'}).format(time.date));
}
