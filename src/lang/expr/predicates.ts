/** Functions that run a predicate on each element of a list. */
import type {Node} from './ast.ts';
import {add} from './builtins.ts';
import {compareValues, OperatorFailure} from './operators.ts';
import type {NodeRunner, Scope} from './scope.ts';
import {type ExprValue, isList, typeName} from './values.ts';

interface PredicateCall {
  readonly items: ExprValue;
  readonly scope: Scope;
  readonly predicate?: Node;
  readonly direction: ExprValue;
}

export function runPredicate(evaluator: NodeRunner, name: string, call: PredicateCall): ExprValue {
  const items = listOf(evaluator, name, call.items);
  const value = (index: number): ExprValue => {
    const item = items[index] ?? null;
    return call.predicate === undefined ? item : evaluator.evaluate(call.predicate, {...call.scope, item, index});
  };
  const test = (index: number): boolean => {
    const result = value(index);
    if (typeof result !== 'boolean')
      throw new OperatorFailure(`${name} needs true or false for each element, found ${typeName(result)}`);
    return result;
  };
  const indexes = items.map((_item, index) => index);
  switch (name) {
    case 'all':
      return indexes.every(test);
    case 'none':
      return !indexes.some(test);
    case 'any':
      return indexes.some(test);
    case 'one':
      return indexes.filter(test).length === 1;
    case 'count':
      return BigInt(indexes.filter(test).length);
    case 'filter':
      return indexes.filter(test).map((index) => items[index] ?? null);
    case 'find':
      return items[indexes.find(test) ?? -1] ?? null;
    case 'findLast':
      return items[indexes.findLast(test) ?? -1] ?? null;
    case 'findIndex':
      return asIndex(indexes.find(test));
    case 'findLastIndex':
      return asIndex(indexes.findLast(test));
    case 'map':
      evaluator.budget.grow(items.length);
      return indexes.map(value);
    case 'sum':
      return indexes.reduce<ExprValue>((sum, index) => add(sum, value(index)), 0n);
    case 'groupBy':
      return groupBy(items, value);
    case 'sortBy':
      return sortBy(items, {value, direction: call.direction});
    default:
      throw new OperatorFailure(`${name} is not a function`);
  }
}

function asIndex(index: number | undefined): ExprValue {
  return index === undefined ? null : BigInt(index);
}

function groupBy(items: readonly ExprValue[], value: (index: number) => ExprValue): ExprValue {
  const groups = new Map<ExprValue, ExprValue[]>();
  for (const [index, item] of items.entries()) {
    const key = value(index);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function sortBy(
  items: readonly ExprValue[],
  how: {readonly value: (index: number) => ExprValue; readonly direction: ExprValue},
): ExprValue {
  if (how.direction !== 'asc' && how.direction !== 'desc')
    throw new OperatorFailure('a sort order has to be "asc" or "desc"');
  const sign = how.direction === 'desc' ? -1 : 1;
  const keyed = items.map((item, index) => ({item, key: how.value(index)}));
  return keyed.toSorted((a, b) => sign * compareValues(a.key, b.key)).map(({item}) => item);
}

interface ReduceCall {
  readonly items: ExprValue;
  readonly predicate: Node;
  readonly scope: Scope;
  readonly start?: ExprValue;
}

export function reducePredicate(evaluator: NodeRunner, call: ReduceCall): ExprValue {
  const items = listOf(evaluator, 'reduce', call.items);
  let accumulator = call.start ?? null;
  let first = 0;
  if (call.start === undefined) {
    if (items.length === 0) throw new OperatorFailure('reduce of an empty list needs a start value');
    accumulator = items[0] ?? null;
    first = 1;
  }
  for (let index = first; index < items.length; index += 1) {
    const item = items[index] ?? null;
    accumulator = evaluator.evaluate(call.predicate, {...call.scope, item, index, accumulator});
  }
  return accumulator;
}

function listOf(evaluator: NodeRunner, name: string, value: ExprValue): readonly ExprValue[] {
  // Go walks over a text byte by byte.
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (bytes instanceof Uint8Array) {
    evaluator.budget.grow(bytes.length);
    return Array.from(bytes, BigInt);
  }
  if (!isList(value)) throw new OperatorFailure(`${name} does not take ${typeName(value)}`);
  evaluator.budget.spend(value.length);
  return value;
}
