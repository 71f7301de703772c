/** The language's own functions that take plain values. Those that take predicates are in `predicates.ts`. */
import {fromGoJson} from './json.ts';
import type {ExprBudget} from './budget.ts';
import {formatJson, formatValue} from './format.ts';
import {arithmetic, compareValues, isTextKeyed, OperatorFailure, toIndex} from './operators.ts';
import {isZone, parseGoDuration, parseTime} from './time.ts';
import {
  ExprDuration,
  ExprTime,
  ExprZone,
  type ExprValue,
  isList,
  isMap,
  isNumeric,
  looseEqual,
  toInt64,
  typedList,
  typeName,
} from './values.ts';

export interface BuiltinContext {
  readonly budget: ExprBudget;
  /** Wall clock in ms since 1970, the same for the whole evaluation. */
  readonly nowMs: number;
}

type Builtin = (args: readonly ExprValue[], context: BuiltinContext) => ExprValue;

function bad(name: string, value: ExprValue): OperatorFailure {
  return new OperatorFailure(`${name} does not take ${typeName(value)}`);
}

function isSequence(value: ExprValue | undefined): boolean {
  return value instanceof Uint8Array || (value !== undefined && isList(value));
}

function text(name: string, value: ExprValue | undefined): string {
  if (typeof value !== 'string') throw bad(name, value ?? null);
  return value;
}

function list(name: string, value: ExprValue | undefined, {budget}: BuiltinContext): readonly ExprValue[] {
  if (value instanceof Uint8Array) {
    budget.grow(value.length);
    return Array.from(value, BigInt);
  }
  if (value === undefined || !isList(value)) throw bad(name, value ?? null);
  budget.spend(value.length);
  return value;
}

function int(name: string, value: ExprValue | undefined): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(Math.trunc(value));
  throw bad(name, value ?? null);
}

function strictInt(name: string, value: ExprValue | undefined): bigint {
  if (typeof value === 'bigint') return value;
  throw bad(name, value ?? null);
}

function number(name: string, value: ExprValue | undefined): number {
  if (value === undefined || !isNumeric(value)) throw bad(name, value ?? null);
  return Number(value);
}

/** Maps each character to one character, as Go does: no letter becomes two. */
function mapCharacters(value: string, map: (character: string) => string): string {
  return Array.from(value, (character) => {
    const mapped = Array.from(map(character));
    return mapped.length === 1 || character === '\u0130' ? (mapped[0] ?? '') : character;
  }).join('');
}

/** Length of a text in code points. */
function characters(value: string): number {
  let count = 0;
  for (const _character of value) count += 1;
  return count;
}

function length(args: readonly ExprValue[]): ExprValue {
  const [value = null] = args;
  if (typeof value === 'string') return BigInt(characters(value));
  if (isList(value) || value instanceof Uint8Array) return BigInt(value.length);
  if (isMap(value)) return BigInt(value.size);
  throw bad('len', value);
}

function kindName(value: ExprValue): string {
  if (value === null) return 'nil';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'function') return 'func';
  if (isList(value)) return 'array';
  if (isMap(value)) return 'map';
  return value instanceof Uint8Array ? 'encoding/json.RawMessage' : typeName(value);
}

function toInteger(value: ExprValue): ExprValue {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? toInt64(BigInt(Math.trunc(value))) : -(2n ** 63n);
  if (value instanceof ExprDuration) return value.nanoseconds;
  if (typeof value === 'string' && /^[+-]?[0-9]{1,19}$/.test(value)) {
    const parsed = BigInt(value.replace(/^\+/, ''));
    if (toInt64(parsed) === parsed) return parsed;
  }
  throw new OperatorFailure(
    typeof value === 'string' ? 'int needs a text of digits' : `int does not take ${typeName(value)}`,
  );
}

function toFloat(value: ExprValue): ExprValue {
  if (isNumeric(value)) return Number(value);
  if (typeof value === 'string' && /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(value))
    return Number(value);
  throw new OperatorFailure(
    typeof value === 'string' ? 'float needs the text of a number' : `float does not take ${typeName(value)}`,
  );
}

function trimSet(value: string, cutset: string): string {
  const all = Array.from(value);
  const cut = new Set(Array.from(cutset));
  let start = 0;
  let end = all.length;
  while (start < end && cut.has(all[start] ?? '')) start += 1;
  while (end > start && cut.has(all[end - 1] ?? '')) end -= 1;
  return all.slice(start, end).join('');
}

function splitText(
  value: string,
  separator: string,
  options: {readonly limit: number; readonly keep: boolean},
): ExprValue {
  const {limit, keep} = options;
  if (limit === 0) return typedList('string', []);
  const all = separator === '' ? Array.from(value) : value.split(separator);
  const cut =
    limit > 0 && all.length > limit ? [...all.slice(0, limit - 1), all.slice(limit - 1).join(separator)] : all;
  const parts =
    keep && separator !== '' ? cut.map((part, index) => (index < cut.length - 1 ? part + separator : part)) : cut;
  return typedList('string', parts);
}

function replaceText(args: readonly ExprValue[], {budget}: BuiltinContext): ExprValue {
  const source = text('replace', args[0]);
  const from = text('replace', args[1]);
  const to = text('replace', args[2]);
  const count = args[3] === undefined ? -1 : Number(int('replace', args[3]));
  const pieces = from === '' ? ['', ...Array.from(source), ''] : source.split(from);
  const times = count < 0 ? pieces.length - 1 : Math.min(count, pieces.length - 1);
  budget.grow(source.length + times * to.length);
  return (
    pieces.slice(0, times + 1).join(to) + (times + 1 < pieces.length ? from + pieces.slice(times + 1).join(from) : '')
  );
}

/** Flattens numbers and lists of numbers into one list, for min, max, mean and median. */
function numbers(name: string, args: readonly ExprValue[], context: BuiltinContext): readonly (bigint | number)[] {
  const found: (bigint | number)[] = [];
  const walk = (values: readonly ExprValue[], depth: number): void => {
    for (const value of values) {
      if (isNumeric(value)) found.push(value);
      else if ((isList(value) || value instanceof Uint8Array) && depth < 50)
        walk(list(name, value, context), depth + 1);
      else throw bad(name, value);
    }
  };
  walk(args, 0);
  return found;
}

function extreme(name: 'min' | 'max'): Builtin {
  return (args, context) => {
    const [only = null] = args;
    // The Go program gives a lone value back that it cannot compare.
    if (args.length === 1 && !isSequence(only) && !isNumeric(only)) return only;
    const [first, ...others] = numbers(name, args, context);
    if (first === undefined) return null;
    return others.reduce(
      (best, value) =>
        compareValues(value, best) < 0 === (name === 'min') && compareValues(value, best) !== 0 ? value : best,
      first,
    );
  };
}

function mean(args: readonly ExprValue[], context: BuiltinContext): ExprValue {
  const values = numbers('mean', args, context).map(Number);
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(args: readonly ExprValue[], context: BuiltinContext): ExprValue {
  const values = numbers('median', args, context)
    .map(Number)
    .toSorted((a, b) => a - b);
  if (values.length === 0) return 0;
  const middle = values.length >> 1;
  const upper = values[middle] ?? 0;
  return values.length % 2 === 1 ? upper : ((values[middle - 1] ?? 0) + upper) / 2;
}

export function sortValues(values: readonly ExprValue[], direction: ExprValue): readonly ExprValue[] {
  if (direction !== 'asc' && direction !== 'desc') throw new OperatorFailure('a sort order has to be "asc" or "desc"');
  const sign = direction === 'desc' ? -1 : 1;
  return values.toSorted((a, b) => sign * compareValues(a, b));
}

function flatten(values: readonly ExprValue[], context: BuiltinContext): readonly ExprValue[] {
  const found: ExprValue[] = [];
  const walk = (items: readonly ExprValue[], depth: number): void => {
    context.budget.grow(items.length);
    if (depth > 100) throw new OperatorFailure('a list is nested too deep to flatten');
    for (const item of items) {
      if (isList(item)) walk(item, depth + 1);
      else found.push(item);
    }
  };
  walk(values, 0);
  return found;
}

function unique(values: readonly ExprValue[], {budget}: BuiltinContext): readonly ExprValue[] {
  const found: ExprValue[] = [];
  for (const value of values) {
    budget.spend(found.length + 1);
    if (!found.some((item) => looseEqual(item, value))) found.push(value);
  }
  return found;
}

/** A member of a list, text (a byte) or map, or nil. */
function getMember(args: readonly ExprValue[]): ExprValue {
  const [container = null, key = null] = args;
  if (isMap(container)) {
    if (!isTextKeyed(container)) return container.get(key) ?? null;
    if (key !== null && typeof key !== 'string')
      throw new OperatorFailure(`a map with text keys has no member by ${typeName(key)}`);
    return container.get(key ?? '') ?? null;
  }
  if (typeof container !== 'string' && !isSequence(container)) return null;
  return itemAt(container, toIndex(key));
}

/** An item of a list or a byte of a text, from the end when the index is negative; nil where there is none. */
function itemAt(sequence: ExprValue | undefined, index: number): ExprValue {
  const items = typeof sequence === 'string' ? Buffer.from(sequence) : sequence;
  if (items instanceof Uint8Array) {
    const byte = items.at(index);
    return byte === undefined ? null : BigInt(byte);
  }
  return items !== undefined && isList(items) ? (items.at(index) ?? null) : null;
}

function fromPairs(values: readonly ExprValue[]): ExprValue {
  const map = new Map<ExprValue, ExprValue>();
  for (const pair of values) {
    if (!isList(pair) || pair.length !== 2) throw new OperatorFailure('fromPairs needs lists of two elements');
    map.set(pair[0] ?? null, pair[1] ?? null);
  }
  return map;
}

function concatLists(args: readonly ExprValue[], context: BuiltinContext): ExprValue {
  const all = args.flatMap((item) => list('concat', item, context));
  context.budget.grow(all.length);
  return all;
}

function repeatText(args: readonly ExprValue[], {budget}: BuiltinContext): ExprValue {
  const source = text('repeat', args[0]);
  const count = int('repeat', args[1]);
  if (count < 0n) throw new OperatorFailure('repeat needs a count of 0 or more');
  budget.grow(source.length * Number(count));
  return source.repeat(Number(count));
}

function joinTexts(args: readonly ExprValue[], context: BuiltinContext): ExprValue {
  const parts = list('join', args[0], context).map((item) => text('join', item));
  const joined = parts.join(args[1] === undefined ? '' : text('join', args[1]));
  context.budget.grow(joined.length);
  return joined;
}

/** Byte offset of a text in another, as Go counts. */
function byteIndex(args: readonly ExprValue[], which: 'indexOf' | 'lastIndexOf'): ExprValue {
  const source = text(which, args[0]);
  const index = which === 'indexOf' ? source.indexOf(text(which, args[1])) : source.lastIndexOf(text(which, args[1]));
  return BigInt(index <= 0 ? index : Buffer.byteLength(source.slice(0, index)));
}

function round(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value);
}

function bit(name: string, combine: (left: bigint, right: bigint) => bigint): Builtin {
  return (args) => toInt64(combine(strictInt(name, args[0]), strictInt(name, args[1])));
}

function shift(name: string, move: (left: bigint, by: bigint) => bigint): Builtin {
  return (args) => {
    const by = strictInt(name, args[1]);
    if (by < 0n) throw new OperatorFailure(`${name} needs a shift of 0 or more`);
    return toInt64(move(strictInt(name, args[0]), by > 64n ? 64n : by));
  };
}

function date(args: readonly ExprValue[]): ExprValue {
  const [first = null, second, third] = args;
  const zoned = first instanceof ExprZone;
  const source = zoned ? second : first;
  const zone = zoned ? first.name : typeof third === 'string' && isZone(third) ? third : 'UTC';
  const parsed = typeof source === 'string' ? parseTime(source, zone) : undefined;
  if (parsed === undefined) throw new OperatorFailure('date needs a date such as 2026-11-21 or 2026-11-21T10:00:00Z');
  return parsed;
}

function duration(args: readonly ExprValue[]): ExprValue {
  const nanoseconds = parseGoDuration(text('duration', args[0]));
  if (nanoseconds === undefined) throw new OperatorFailure('duration needs numbers with units, such as 1h30m');
  return new ExprDuration(nanoseconds);
}

function timezone(args: readonly ExprValue[]): ExprValue {
  const name = text('timezone', args[0]);
  if (!isZone(name)) throw new OperatorFailure('timezone needs a known zone, such as UTC or Europe/Malta');
  return new ExprZone(name);
}

function fromBase64(value: string): ExprValue {
  if (value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    throw new OperatorFailure('fromBase64 needs base64');
  return Buffer.from(value, 'base64').toString('utf8');
}

function toJson(value: ExprValue, {budget}: BuiltinContext): ExprValue {
  const json = formatJson(value);
  if (json === undefined) throw bad('toJSON', value);
  budget.grow(json.length);
  return json;
}

function mapOf(
  name: string,
  value: ExprValue | undefined,
  {budget}: BuiltinContext,
): ReadonlyMap<ExprValue, ExprValue> {
  if (value === undefined || !isMap(value)) throw bad(name, value ?? null);
  budget.grow(value.size);
  return value;
}

function stringOf(args: readonly ExprValue[], {budget}: BuiltinContext): ExprValue {
  const formatted = formatValue(args[0] ?? null);
  budget.grow(formatted.length);
  return formatted;
}

function limitOf(args: readonly ExprValue[]): number {
  return args[2] === undefined ? -1 : Number(int('split', args[2]));
}

const shiftRightUnsigned = (left: bigint, by: bigint): bigint => BigInt.asUintN(64, left) >> by;

export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ['len', length],
  ['type', ([value = null]) => kindName(value)],
  [
    'abs',
    ([value = null]) =>
      typeof value === 'bigint' ? (value < 0n ? toInt64(-value) : value) : Math.abs(number('abs', value)),
  ],
  ['ceil', ([value]) => Math.ceil(number('ceil', value))],
  ['floor', ([value]) => Math.floor(number('floor', value))],
  ['round', ([value]) => round(number('round', value))],
  ['int', ([value = null]) => toInteger(value)],
  ['float', ([value = null]) => toFloat(value)],
  ['string', stringOf],
  [
    'trim',
    ([value, cut]) =>
      cut === undefined ? text('trim', value).trim() : trimSet(text('trim', value), text('trim', cut)),
  ],
  [
    'trimPrefix',
    ([value, part = ' ']) => {
      const source = text('trimPrefix', value);
      const prefix = text('trimPrefix', part);
      return source.startsWith(prefix) ? source.slice(prefix.length) : source;
    },
  ],
  [
    'trimSuffix',
    ([value, part = ' ']) => {
      const source = text('trimSuffix', value);
      const suffix = text('trimSuffix', part);
      return source.endsWith(suffix) ? source.slice(0, source.length - suffix.length) : source;
    },
  ],
  ['upper', ([value]) => mapCharacters(text('upper', value), (character) => character.toUpperCase())],
  ['lower', ([value]) => mapCharacters(text('lower', value), (character) => character.toLowerCase())],
  [
    'split',
    (args, {budget}) => {
      budget.grow(text('split', args[0]).length);
      return splitText(text('split', args[0]), text('split', args[1]), {limit: limitOf(args), keep: false});
    },
  ],
  [
    'splitAfter',
    (args, {budget}) => {
      budget.grow(text('splitAfter', args[0]).length);
      return splitText(text('splitAfter', args[0]), text('splitAfter', args[1]), {limit: limitOf(args), keep: true});
    },
  ],
  ['replace', replaceText],
  ['repeat', repeatText],
  ['join', joinTexts],
  ['indexOf', (args) => byteIndex(args, 'indexOf')],
  ['lastIndexOf', (args) => byteIndex(args, 'lastIndexOf')],
  ['hasPrefix', ([value, part]) => text('hasPrefix', value).startsWith(text('hasPrefix', part))],
  ['hasSuffix', ([value, part]) => text('hasSuffix', value).endsWith(text('hasSuffix', part))],
  ['max', extreme('max')],
  ['min', extreme('min')],
  ['mean', mean],
  ['median', median],
  ['toJSON', ([value = null], context) => toJson(value, context)],
  ['fromJSON', ([value], {budget}) => fromGoJson(text('fromJSON', value), budget)],
  ['toBase64', ([value]) => Buffer.from(text('toBase64', value)).toString('base64')],
  ['fromBase64', ([value]) => fromBase64(text('fromBase64', value))],
  [
    'now',
    ([zone], {nowMs}) =>
      new ExprTime(BigInt(Math.trunc(nowMs)) * 1_000_000n, zone instanceof ExprZone ? zone.name : 'UTC'),
  ],
  ['duration', duration],
  ['date', date],
  ['timezone', timezone],
  ['first', ([value]) => itemAt(value, 0)],
  ['last', ([value]) => itemAt(value, -1)],
  ['get', getMember],
  [
    'take',
    ([value, count = null], context) => {
      const most = Number(int('take', count));
      if (most < 0) throw new OperatorFailure('take needs a count of 0 or more');
      return list('take', value, context).slice(0, most);
    },
  ],
  ['keys', ([value], context) => [...mapOf('keys', value, context).keys()]],
  ['values', ([value], context) => [...mapOf('values', value, context).values()]],
  ['toPairs', ([value], context) => [...mapOf('toPairs', value, context)].map(([key, item]) => [key, item])],
  ['fromPairs', ([value], context) => fromPairs(list('fromPairs', value, context))],
  ['reverse', ([value], context) => list('reverse', value, context).toReversed()],
  ['uniq', ([value], context) => unique(list('uniq', value, context), context)],
  ['concat', concatLists],
  ['flatten', ([value], context) => flatten(list('flatten', value, context), context)],
  [
    'sort',
    // What is no list sorts to an empty one.
    ([value = null, direction = 'asc'], context) =>
      sortValues(isSequence(value) ? list('sort', value, context) : [], direction),
  ],
  ['bitand', bit('bitand', (a, b) => a & b)],
  ['bitor', bit('bitor', (a, b) => a | b)],
  ['bitxor', bit('bitxor', (a, b) => a ^ b)],
  ['bitnand', bit('bitnand', (a, b) => a & ~b)],
  ['bitshl', shift('bitshl', (a, b) => a << b)],
  ['bitshr', shift('bitshr', (a, b) => a >> b)],
  ['bitushr', shift('bitushr', shiftRightUnsigned)],
  ['bitnot', ([value]) => toInt64(~strictInt('bitnot', value))],
]);

/** Adds as `+` does, for sums and reductions. */
export function add(left: ExprValue, right: ExprValue): ExprValue {
  return arithmetic('+', left, right);
}
