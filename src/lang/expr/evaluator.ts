/**
 * Runs a parsed expression. A walk over the tree: expressions are short, and a walk can count every step.
 */
import {compileRegex, type Regex, RegexError} from '../../lib/regex.ts';
import {ExprError} from '../errors.ts';
import {patternStates} from '../pattern-cost.ts';
import type {Node} from './ast.ts';
import type {ExprBudget} from './budget.ts';
import {builtins} from './builtins.ts';
import {arithmetic, isIn, isTextKeyed, OperatorFailure, ordered, toIndex} from './operators.ts';
import {reducePredicate, runPredicate} from './predicates.ts';
import type {NodeRunner, Scope} from './scope.ts';
import {callTimeMethod} from './time.ts';
import {
  type ExprFunction,
  ExprDuration,
  ExprTime,
  type ExprValue,
  isList,
  isMap,
  looseEqual,
  typedList,
  typeName,
} from './values.ts';

export interface EvaluatorOptions {
  readonly source: string;
  readonly budget: ExprBudget;
  readonly nowMs: number;
  readonly variables: ReadonlyMap<string, ExprValue>;
  readonly functions: ReadonlyMap<string, ExprFunction>;
}

/** How much work of a pattern counts as one step: a step is about a tenth of a microsecond, as is this much matching. */
const patternStepsDivisor = 200;

/** Stands for a chain that met nil at an optional step. */
const skipped: unique symbol = Symbol('skipped');

type Maybe = ExprValue | typeof skipped;

export class Evaluator implements NodeRunner {
  readonly budget: ExprBudget;
  private readonly options: EvaluatorOptions;
  private readonly patterns = new Map<string, Regex>();

  constructor(options: EvaluatorOptions) {
    this.options = options;
    this.budget = options.budget;
  }

  run(node: Node): ExprValue {
    return this.evaluate(node, {names: new Map(), item: null, index: 0, accumulator: null});
  }

  evaluate(node: Node, scope: Scope): ExprValue {
    const value = this.step(node, scope);
    return value === skipped ? null : value;
  }

  private step(node: Node, scope: Scope): Maybe {
    this.budget.spend(1);
    try {
      return this.dispatch(node, scope);
    } catch (error) {
      if (!(error instanceof OperatorFailure)) throw error;
      throw this.fail(error.message, node);
    }
  }

  fail(message: string, node: Node): ExprError {
    return ExprError.at('ERR_EXPR_RUN', `Cannot evaluate the expression: ${message}`, {
      source: this.options.source,
      offset: node.offset,
    });
  }

  private dispatch(node: Node, scope: Scope): Maybe {
    switch (node.kind) {
      case 'literal':
        return node.value;
      case 'name':
        return this.lookup(node.name, scope);
      case 'environment':
        return this.environment();
      case 'pointer':
        return node.name === 'index' ? BigInt(scope.index) : node.name === 'acc' ? scope.accumulator : scope.item;
      case 'unary':
        return this.unary(node, scope);
      case 'binary':
        return this.binary(node, scope);
      case 'chain':
        return this.evaluate(node.node, scope);
      case 'member':
        return this.member(node, scope);
      case 'slice':
        return this.slice(node, scope);
      case 'call':
        return this.call(node, scope);
      case 'builtin':
        return this.builtin(node, scope);
      case 'predicate':
        return this.evaluate(node.body, scope);
      case 'conditional':
        return this.evaluate(this.truth(node.test, scope) ? node.yes : node.no, scope);
      case 'let':
        return this.evaluate(node.body, {
          ...scope,
          names: new Map([...scope.names, [node.name, this.evaluate(node.value, scope)]]),
        });
      case 'sequence':
        return node.nodes.reduce<ExprValue>((_last, item) => this.evaluate(item, scope), null);
      case 'array':
        this.budget.grow(node.items.length);
        return node.items.map((item) => this.evaluate(item, scope));
      case 'map':
        return this.map(node, scope);
    }
  }

  private lookup(name: string, scope: Scope): ExprValue {
    if (scope.names.has(name)) return scope.names.get(name) ?? null;
    const {variables, functions} = this.options;
    return variables.get(name) ?? functions.get(name) ?? null;
  }

  private environment(): ExprValue {
    const {variables, functions} = this.options;
    this.budget.grow(variables.size + functions.size);
    return new Map<ExprValue, ExprValue>([...variables, ...functions]);
  }

  truth(node: Node, scope: Scope): boolean {
    const value = this.evaluate(node, scope);
    if (typeof value !== 'boolean') throw this.fail(`expected true or false, found ${typeName(value)}`, node);
    return value;
  }

  private unary(node: Extract<Node, {kind: 'unary'}>, scope: Scope): ExprValue {
    if (node.operator === 'not') return !this.truth(node.operand, scope);
    const value = this.evaluate(node.operand, scope);
    // The Go program looks at the operand of + before it runs only: a value of unknown type passes as it is.
    if (node.operator === '+') return value;
    if (typeof value === 'number') return -value;
    if (typeof value === 'bigint') return BigInt.asIntN(64, -value);
    throw this.fail(`- does not work on ${typeName(value)}`, node);
  }

  private binary(node: Extract<Node, {kind: 'binary'}>, scope: Scope): ExprValue {
    const {operator} = node;
    if (operator === 'and' || operator === 'or') return this.logic(operator, node, scope);
    const left = this.evaluate(node.left, scope);
    if (operator === '??') return left ?? this.evaluate(node.right, scope);
    const right = this.evaluate(node.right, scope);
    switch (operator) {
      case '==':
        return this.equal(left, right);
      case '!=':
        return !this.equal(left, right);
      case '<':
      case '>':
      case '<=':
      case '>=':
        return ordered(operator, left, right);
      case 'in':
        if (isList(right)) this.budget.spend(right.length);
        return isIn(left, right);
      case 'matches':
        return this.matches(node, {left, right});
      case 'contains':
      case 'startsWith':
      case 'endsWith':
        return this.textTest(operator, left, right);
      case '..':
        return this.range(toIndex(left), toIndex(right));
      default: {
        const result = arithmetic(operator, left, right);
        if (typeof result === 'string') this.budget.grow(result.length);
        return result;
      }
    }
  }

  /**
   * The Go program simplifies an operand that is the word true or false away before it runs, and does not look at the type of
   * the right side: so `x or true` is true whatever x is.
   */
  private logic(operator: 'and' | 'or', node: Extract<Node, {kind: 'binary'}>, scope: Scope): ExprValue {
    const decisive = operator === 'or';
    const word = node.right.kind === 'literal' && typeof node.right.value === 'boolean' ? node.right.value : undefined;
    if (word === decisive) return decisive;
    if (word !== undefined) return this.evaluate(node.left, scope);
    return this.truth(node.left, scope) === decisive ? decisive : this.evaluate(node.right, scope);
  }

  private equal(left: ExprValue, right: ExprValue): boolean {
    if (isList(left)) this.budget.spend(left.length);
    if (isMap(left)) this.budget.spend(left.size);
    return looseEqual(left, right);
  }

  private textTest(operator: 'contains' | 'startsWith' | 'endsWith', left: ExprValue, right: ExprValue): boolean {
    if (left === null || right === null) return false;
    if (typeof left !== 'string' || typeof right !== 'string') {
      throw new OperatorFailure(`${operator} does not work on ${typeName(left)} and ${typeName(right)}`);
    }
    this.budget.spend(left.length >> 4);
    if (operator === 'contains') return left.includes(right);
    return operator === 'startsWith' ? left.startsWith(right) : left.endsWith(right);
  }

  private matches(
    node: Extract<Node, {kind: 'binary'}>,
    sides: {readonly left: ExprValue; readonly right: ExprValue},
  ): boolean {
    const {left, right} = sides;
    if (left === null || right === null) return false;
    const subject = left instanceof Uint8Array ? Buffer.from(left).toString('utf8') : left;
    if (typeof subject !== 'string' || typeof right !== 'string') {
      throw new OperatorFailure(`matches does not work on ${typeName(left)} and ${typeName(right)}`);
    }
    this.budget.spend(1 + Math.ceil((patternStates(right) * subject.length) / patternStepsDivisor));
    return (node.pattern ?? this.pattern(right)).test(subject);
  }

  private pattern(text: string): Regex {
    const known = this.patterns.get(text);
    if (known !== undefined) return known;
    this.budget.spend(1_000 + text.length);
    try {
      const pattern = compileRegex(text);
      this.patterns.set(text, pattern);
      return pattern;
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      throw new OperatorFailure(error.message);
    }
  }

  private range(from: number, to: number): ExprValue {
    const count = to - from + 1;
    if (count <= 0) return typedList('int', []);
    this.budget.grow(count);
    return typedList(
      'int',
      Array.from({length: count}, (_item, index) => BigInt(from + index)),
    );
  }

  private map(node: Extract<Node, {kind: 'map'}>, scope: Scope): ExprValue {
    this.budget.grow(node.pairs.length);
    const map = new Map<ExprValue, ExprValue>();
    for (const [key, value] of node.pairs) {
      const name = this.evaluate(key, scope);
      if (typeof name !== 'string') throw this.fail(`a map key has to be a string, found ${typeName(name)}`, key);
      map.set(name, this.evaluate(value, scope));
    }
    return map;
  }

  private member(node: Extract<Node, {kind: 'member'}>, scope: Scope): Maybe {
    const object = this.step(node.object, scope);
    if (object === skipped || (object === null && node.optional)) return skipped;
    return fetchMember(object, this.evaluate(node.property, scope));
  }

  private slice(node: Extract<Node, {kind: 'slice'}>, scope: Scope): Maybe {
    const object = this.step(node.object, scope);
    if (object === skipped) return skipped;
    const from = node.from === undefined ? undefined : toIndex(this.evaluate(node.from, scope));
    const to = node.to === undefined ? undefined : toIndex(this.evaluate(node.to, scope));
    const cut = sliceValue(object, from, to);
    this.budget.grow(typeof cut === 'string' || isList(cut) ? cut.length : 1);
    return cut;
  }

  private call(node: Extract<Node, {kind: 'call'}>, scope: Scope): Maybe {
    const {callee} = node;
    if (callee.kind === 'member') {
      const object = this.step(callee.object, scope);
      if (object === skipped || (object === null && callee.optional)) return skipped;
      const name = this.evaluate(callee.property, scope);
      const args = node.args.map((item) => this.evaluate(item, scope));
      if ((object instanceof ExprTime || object instanceof ExprDuration) && typeof name === 'string') {
        const result = callTimeMethod(object, name, args);
        if (result === undefined)
          throw this.fail(`${typeName(object)} has no method ${name} for these arguments`, node);
        return result;
      }
      return this.invoke(fetchMember(object, name), {args, node});
    }
    const target = this.evaluate(callee, scope);
    const args = node.args.map((item) => this.evaluate(item, scope));
    return this.invoke(target, {args, node});
  }

  private invoke(target: ExprValue, call: {readonly args: readonly ExprValue[]; readonly node: Node}): ExprValue {
    if (typeof target !== 'function') throw this.fail(`${typeName(target)} is not a function`, call.node);
    this.budget.spend(10);
    return target(...call.args);
  }

  private builtin(node: Extract<Node, {kind: 'builtin'}>, scope: Scope): ExprValue {
    const [list, predicate, extra] = node.args;
    if (list !== undefined && predicate?.kind === 'predicate') {
      const items = this.evaluate(list, scope);
      if (node.name === 'reduce') {
        const start = extra === undefined ? undefined : this.evaluate(extra, scope);
        return reducePredicate(this, {items, predicate, scope, ...(start !== undefined && {start})});
      }
      const direction = extra === undefined ? 'asc' : this.evaluate(extra, scope);
      return runPredicate(this, node.name, {items, predicate, scope, direction});
    }
    const args = node.args.map((item) => this.evaluate(item, scope));
    if (node.name === 'count' || node.name === 'sum') {
      return runPredicate(this, node.name, {items: args[0] ?? null, scope, direction: 'asc'});
    }
    const builtin = builtins.get(node.name);
    if (builtin === undefined) throw this.fail(`${node.name} is not a function`, node);
    return builtin(args, {budget: this.budget, nowMs: this.options.nowMs});
  }
}

/** A member by name or index; nil for a missing key, a failure for a missing index. */
export function fetchMember(object: ExprValue, property: ExprValue): ExprValue {
  if (isMap(object)) {
    // Go's zero key: an empty text.
    if (property === null && isTextKeyed(object)) return object.get('') ?? null;
    if (typeof property !== 'string' && object.size > 0 && isTextKeyed(object)) {
      throw new OperatorFailure(`a map with text keys has no member by ${typeName(property)}`);
    }
    return object.get(property) ?? null;
  }
  const isText = typeof object === 'string';
  if (!isText && !isList(object) && !(object instanceof Uint8Array)) {
    throw new OperatorFailure(
      `${typeName(object)} has no member ${typeof property === 'string' ? `"${property}"` : typeName(property)}`,
    );
  }
  const items = isText ? Buffer.from(object) : object;
  const index = toIndex(property);
  const at = index < 0 ? items.length + index : index;
  const item = at >= 0 && at < items.length ? items[at] : undefined;
  if (item === undefined) throw new OperatorFailure(`index ${index} is out of range, the length is ${items.length}`);
  return items instanceof Uint8Array ? BigInt(Number(item)) : item;
}

function sliceValue(object: ExprValue, from: number | undefined, to: number | undefined): ExprValue {
  if (typeof object === 'string') {
    const bytes = Buffer.from(object);
    const {start, end} = bounds(bytes.length, from, to);
    return bytes.subarray(start, end).toString('utf8');
  }
  if (object instanceof Uint8Array || isList(object)) {
    const {start, end} = bounds(object.length, from, to);
    return object.slice(start, end);
  }
  throw new OperatorFailure(`${typeName(object)} cannot be sliced`);
}

function bounds(
  length: number,
  from: number | undefined,
  to: number | undefined,
): {readonly start: number; readonly end: number} {
  const clamp = (value: number): number => Math.min(Math.max(value < 0 ? length + value : value, 0), length);
  const end = to === undefined ? length : clamp(to);
  return {start: Math.min(from === undefined ? 0 : clamp(from), end), end};
}
