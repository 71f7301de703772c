/**
 * Values of the language. Go's `int` is a bigint here and its `float64` a number, so that `1`, `1.0` and wrap-around stay what they
 * are in the Go program. Maps are `Map`s: no name ever reaches a prototype.
 */
import {gjsonGet, gjsonValue, type JsonData} from '../gjson/index.ts';

export type ExprFunction = (...args: readonly ExprValue[]) => ExprValue;

export class ExprDuration {
  readonly nanoseconds: bigint;

  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

export class ExprTime {
  /** Nanoseconds since 1970. */
  readonly nanoseconds: bigint;
  /** IANA name of the zone its calendar is read in. */
  readonly zone: string;

  constructor(nanoseconds: bigint, zone: string) {
    this.nanoseconds = nanoseconds;
    this.zone = zone;
  }
}

export class ExprZone {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export type ExprValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly ExprValue[]
  | ReadonlyMap<ExprValue, ExprValue>
  | Uint8Array
  | ExprDuration
  | ExprTime
  | ExprZone
  | ExprFunction;

const elementKind: unique symbol = Symbol('elementKind');

interface TypedList {
  readonly [elementKind]?: string;
}

/** A list that Go would hold as `[]string`, `[]int`, ...: not accepted where a list of anything is asked for. */
export function typedList(kind: 'string' | 'int', items: readonly ExprValue[]): readonly ExprValue[] {
  return Object.freeze(Object.assign([...items], {[elementKind]: kind}));
}

/** `string` or `int` for a typed list, undefined for a list of anything. */
export function listKind(list: readonly ExprValue[]): string | undefined {
  return (list as TypedList)[elementKind];
}

/** The Go type a message would name. */
export function typeName(value: ExprValue): string {
  if (value === null) return '<nil>';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (isList(value)) return `[]${listKind(value) ?? 'any'}`;
  if (isMap(value)) return 'map';
  if (value instanceof Uint8Array) return '[]byte';
  if (value instanceof ExprDuration) return 'time.Duration';
  if (value instanceof ExprTime) return 'time.Time';
  if (value instanceof ExprZone) return 'time.Location';
  return typeof value === 'function' ? 'func' : 'string';
}

export function isList(value: ExprValue): value is readonly ExprValue[] {
  return Array.isArray(value);
}

export function isMap(value: ExprValue): value is ReadonlyMap<ExprValue, ExprValue> {
  return value instanceof Map;
}

export function isNumeric(value: ExprValue): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}

/** Wraps to the 64 bits of a Go int. */
export function toInt64(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

/** JSON as `fact()` and `data()` give it: numbers are floats. */
export function fromJsonData(data: JsonData): ExprValue {
  return data;
}

/** Looks a GJSON path up and returns it as a value of the language. */
export function lookupPath(json: string, path: string): ExprValue {
  return fromJsonData(gjsonValue(gjsonGet(json, path)));
}

/** Equality of the `==` operator: numbers by value, lists element by element, maps by identity of type and value. */
export function looseEqual(left: ExprValue, right: ExprValue): boolean {
  if (isNumeric(left) && isNumeric(right)) return Number(left) === Number(right) && sameInts(left, right);
  if (isList(left) && isList(right)) {
    return left.length === right.length && left.every((item, index) => looseEqual(item, right[index] ?? null));
  }
  return deepEqual(left, right);
}

function sameInts(left: bigint | number, right: bigint | number): boolean {
  return typeof left !== 'bigint' || typeof right !== 'bigint' || left === right;
}

/** Equality of Go's reflect.DeepEqual: the types have to agree too. */
export function deepEqual(left: ExprValue, right: ExprValue): boolean {
  if (isList(left) && isList(right)) {
    return (
      listKind(left) === listKind(right) &&
      left.length === right.length &&
      left.every((item, index) => deepEqual(item, right[index] ?? null))
    );
  }
  if (isMap(left) && isMap(right)) {
    return (
      left.size === right.size &&
      [...left].every(([key, item]) => right.has(key) && deepEqual(item, right.get(key) ?? null))
    );
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  if (left instanceof ExprDuration && right instanceof ExprDuration) return left.nanoseconds === right.nanoseconds;
  if (left instanceof ExprTime && right instanceof ExprTime) return left.nanoseconds === right.nanoseconds;
  // Functions have no equality.
  return typeof left === typeof right && typeof left !== 'function' && left === right;
}
