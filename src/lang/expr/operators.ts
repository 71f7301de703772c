/** The binary operators on values, with Go's arithmetic. */
import {compareCodePoints} from '../text-order.ts';
import {
  ExprDuration,
  ExprTime,
  type ExprValue,
  isList,
  isMap,
  isNumeric,
  looseEqual,
  toInt64,
  typeName,
} from './values.ts';

/** Says what does not work; the evaluator adds the place. */
export class OperatorFailure extends Error {}

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '**';
export type OrderOperator = '<' | '>' | '<=' | '>=';

export function arithmetic(operator: ArithmeticOperator, left: ExprValue, right: ExprValue): ExprValue {
  if (isNumeric(left) && isNumeric(right)) return numeric(operator, left, right);
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') return left + right;
  const timed = timeArithmetic(operator, left, right);
  if (timed === undefined)
    throw new OperatorFailure(`${operator} does not work on ${typeName(left)} and ${typeName(right)}`);
  return timed;
}

function numeric(operator: ArithmeticOperator, left: bigint | number, right: bigint | number): ExprValue {
  if (operator === '/') return Number(left) / Number(right);
  if (operator === '**') return Number(left) ** Number(right);
  if (typeof left === 'bigint' && typeof right === 'bigint') return integer(operator, left, right);
  const a = Number(left);
  const b = Number(right);
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '%':
      throw new OperatorFailure(`% does not work on ${typeName(left)} and ${typeName(right)}`);
  }
}

function integer(operator: '+' | '-' | '*' | '%', left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return toInt64(left + right);
    case '-':
      return toInt64(left - right);
    case '*':
      return toInt64(left * right);
    case '%':
      if (right === 0n) throw new OperatorFailure('a remainder of a division by zero');
      return left % right;
  }
}

function timeArithmetic(operator: ArithmeticOperator, left: ExprValue, right: ExprValue): ExprValue | undefined {
  if (left instanceof ExprTime && right instanceof ExprDuration && (operator === '+' || operator === '-')) {
    const shift = operator === '+' ? right.nanoseconds : -right.nanoseconds;
    return new ExprTime(left.nanoseconds + shift, left.zone);
  }
  if (left instanceof ExprDuration && right instanceof ExprTime && operator === '+') {
    return new ExprTime(left.nanoseconds + right.nanoseconds, right.zone);
  }
  if (left instanceof ExprTime && right instanceof ExprTime && operator === '-') {
    return new ExprDuration(toInt64(left.nanoseconds - right.nanoseconds));
  }
  if (left instanceof ExprDuration && right instanceof ExprDuration) {
    if (operator === '+') return new ExprDuration(toInt64(left.nanoseconds + right.nanoseconds));
    if (operator === '-') return new ExprDuration(toInt64(left.nanoseconds - right.nanoseconds));
    return undefined;
  }
  if (operator !== '*') return undefined;
  if (left instanceof ExprDuration && isNumeric(right)) return scaled(left, right);
  return right instanceof ExprDuration && isNumeric(left) ? scaled(right, left) : undefined;
}

function scaled(duration: ExprDuration, factor: bigint | number): ExprDuration {
  if (typeof factor === 'bigint') return new ExprDuration(toInt64(duration.nanoseconds * factor));
  const product = Math.trunc(Number(duration.nanoseconds) * factor);
  return new ExprDuration(Number.isFinite(product) ? toInt64(BigInt(product)) : 0n);
}

/** Negative, zero or positive; NaN for numbers that have no order. */
export function compareValues(left: ExprValue, right: ExprValue, operator: string = '<'): number {
  if (isNumeric(left) && isNumeric(right)) {
    if (typeof left === 'bigint' && typeof right === 'bigint') return left < right ? -1 : left > right ? 1 : 0;
    const a = Number(left);
    const b = Number(right);
    return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN;
  }
  if (typeof left === 'string' && typeof right === 'string') return compareCodePoints(left, right);
  const timed =
    (left instanceof ExprTime && right instanceof ExprTime) ||
    (left instanceof ExprDuration && right instanceof ExprDuration);
  if (!timed) throw new OperatorFailure(`${operator} does not work on ${typeName(left)} and ${typeName(right)}`);
  return left.nanoseconds < right.nanoseconds ? -1 : left.nanoseconds > right.nanoseconds ? 1 : 0;
}

export function ordered(operator: OrderOperator, left: ExprValue, right: ExprValue): boolean {
  const order = compareValues(left, right, operator);
  switch (operator) {
    case '<':
      return order < 0;
    case '>':
      return order > 0;
    case '<=':
      return order <= 0;
    case '>=':
      return order >= 0;
  }
}

export function isIn(needle: ExprValue, haystack: ExprValue): boolean {
  if (haystack === null) return false;
  if (isList(haystack)) return haystack.some((item) => looseEqual(item, needle));
  if (haystack instanceof Uint8Array) return isNumeric(needle) && haystack.includes(Number(needle));
  if (isMap(haystack)) {
    if (typeof needle !== 'string' && needle !== null && isTextKeyed(haystack)) {
      throw new OperatorFailure(`in does not work on ${typeName(needle)} and a map with text keys`);
    }
    return needle !== null && haystack.has(needle);
  }
  throw new OperatorFailure(`in does not work on ${typeName(haystack)}`);
}

export function isTextKeyed(map: ReadonlyMap<ExprValue, ExprValue>): boolean {
  const [first] = map.keys();
  return first === undefined || typeof first === 'string';
}

/** The whole number in a value that indexes or bounds something. */
export function toIndex(value: ExprValue): number {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') return Math.trunc(value);
  throw new OperatorFailure(`${typeName(value)} is no index, expected a whole number`);
}
