/**
 * Finds the type of an expression before it runs and refuses what can never work, as the Go program does at compile time.
 *
 * It matters for verdicts: `true or 1 == "a"` does not compile, so a filter with it matches nothing, although running it would
 * never reach the wrong part.
 */
import {ExprError} from '../errors.ts';
import type {BinaryOperator, Node} from './ast.ts';
import {isBuiltin} from './builtin-names.ts';
import {checkBuiltin} from './check-builtin.ts';
import type {CheckScope, NodeChecker} from './scope.ts';
import {type ExprEnvironment, type ExprType, exprTypes, commonType, isComparable, isNumber, typeText} from './types.ts';

export class Checker implements NodeChecker {
  readonly source: string;
  private readonly environment: ExprEnvironment;

  constructor(source: string, environment: ExprEnvironment) {
    this.source = source;
    this.environment = environment;
  }

  fail(message: string, node: Node): ExprError {
    return ExprError.at('ERR_EXPR_TYPE', `Cannot compile the expression: ${message}`, {
      source: this.source,
      offset: node.offset,
    });
  }

  check(node: Node, scope: CheckScope): ExprType {
    switch (node.kind) {
      case 'literal':
        return literalType(node.value);
      case 'name':
        return scope.names.get(node.name) ?? this.knownName(node);
      case 'environment':
        return exprTypes.map;
      case 'pointer':
        return node.name === 'index'
          ? exprTypes.int
          : node.name === 'acc'
            ? exprTypes.any
            : (scope.item ?? exprTypes.any);
      case 'unary':
        return this.unary(node, scope);
      case 'binary':
        return this.binary(node, scope);
      case 'chain':
        this.check(node.node, scope);
        return exprTypes.any;
      case 'member':
        return this.member(node, scope);
      case 'slice':
        return this.slice(node, scope);
      case 'call':
        return this.call(node, scope);
      case 'builtin':
        return checkBuiltin(this, node, scope);
      case 'predicate':
        return this.check(node.body, scope);
      case 'conditional':
        return this.conditional(node, scope);
      case 'let':
        return this.letNode(node, scope);
      case 'sequence':
        return node.nodes.map((item) => this.check(item, scope)).at(-1) ?? exprTypes.nil;
      case 'array':
        return this.array(node, scope);
      case 'map':
        for (const [key, value] of node.pairs) {
          const type = this.check(key, scope);
          if (type.kind !== 'string' && type.kind !== 'any') throw this.fail('a map key has to be a string', key);
          this.check(value, scope);
        }
        return exprTypes.map;
    }
  }

  private knownName(node: Extract<Node, {kind: 'name'}>): ExprType {
    const {variables = {}, functions = {}, isClosed} = this.environment;
    if (isClosed === true && !Object.hasOwn(variables, node.name) && !Object.hasOwn(functions, node.name)) {
      throw this.fail(`unknown name ${node.name}`, node);
    }
    return this.nameType(node.name);
  }

  private nameType(name: string): ExprType {
    const {variables, functions} = this.environment;
    if (variables !== undefined && Object.hasOwn(variables, name)) return variables[name] ?? exprTypes.any;
    if (functions !== undefined && Object.hasOwn(functions, name)) {
      const signature = functions[name];
      if (signature !== undefined) return {kind: 'function', signature};
    }
    return exprTypes.any;
  }

  private array(node: Extract<Node, {kind: 'array'}>, scope: CheckScope): ExprType {
    const types = node.items.map((item) => this.check(item, scope));
    const [first] = types;
    const of = first === undefined ? exprTypes.any : types.reduce(commonType, first);
    return {kind: 'list', of};
  }

  private letNode(node: Extract<Node, {kind: 'let'}>, scope: CheckScope): ExprType {
    const taken = isBuiltin(node.name) || scope.names.has(node.name) || this.nameType(node.name).kind !== 'any';
    if (taken) throw this.fail(`"${node.name}" is taken, expected a new name`, node);
    const type = this.check(node.value, scope);
    return this.check(node.body, {...scope, names: new Map([...scope.names, [node.name, type]])});
  }

  private conditional(node: Extract<Node, {kind: 'conditional'}>, scope: CheckScope): ExprType {
    const test = this.check(node.test, scope);
    if (test.kind !== 'bool' && test.kind !== 'any')
      throw this.fail(`a condition has to be true or false, found ${typeText(test)}`, node.test);
    const yes = this.check(node.yes, scope);
    const no = this.check(node.no, scope);
    if (yes.kind === 'nil') return no;
    if (no.kind === 'nil') return yes;
    return commonType(yes, no);
  }

  private unary(node: Extract<Node, {kind: 'unary'}>, scope: CheckScope): ExprType {
    const type = this.check(node.operand, scope);
    if (type.kind === 'any') return node.operator === 'not' ? exprTypes.bool : exprTypes.any;
    const fits = node.operator === 'not' ? type.kind === 'bool' : isNumber(type);
    if (!fits) throw this.fail(`${node.operator} does not work on ${typeText(type)}`, node);
    return type;
  }

  private binary(node: Extract<Node, {kind: 'binary'}>, scope: CheckScope): ExprType {
    const left = this.check(node.left, scope);
    const right = this.check(node.right, scope);
    const result = binaryType(node.operator, left, right);
    if (result === undefined)
      throw this.fail(`${node.operator} does not work on ${typeText(left)} and ${typeText(right)}`, node);
    if (
      node.operator === '%' &&
      node.right.kind === 'literal' &&
      node.right.value === 0n &&
      node.left.kind === 'literal'
    ) {
      throw this.fail('a remainder of a division by zero', node);
    }
    return result;
  }

  private member(node: Extract<Node, {kind: 'member'}>, scope: CheckScope): ExprType {
    const object = this.check(node.object, scope);
    const property = this.check(node.property, scope);
    switch (object.kind) {
      case 'any':
        return exprTypes.any;
      case 'map':
        if (property.kind === 'string' || property.kind === 'any') return this.environmentMember(node);
        throw this.fail(`a map has no ${typeText(property)} keys`, node);
      case 'list':
        if (property.kind === 'int' || property.kind === 'any') return object.of;
        throw this.fail(`a list is indexed by int, not by ${typeText(property)}`, node);
      case 'bytes':
        if (property.kind === 'int' || property.kind === 'any') return exprTypes.int;
        throw this.fail(`a list is indexed by int, not by ${typeText(property)}`, node);
      case 'time':
      case 'duration':
        return exprTypes.any;
      default:
        throw this.fail(`${typeText(object)} has no members`, node);
    }
  }

  private environmentMember(node: Extract<Node, {kind: 'member'}>): ExprType {
    if (node.object.kind !== 'environment' || node.property.kind !== 'literal') return exprTypes.any;
    return typeof node.property.value === 'string' ? this.nameType(node.property.value) : exprTypes.any;
  }

  private slice(node: Extract<Node, {kind: 'slice'}>, scope: CheckScope): ExprType {
    const object = this.check(node.object, scope);
    for (const bound of [node.from, node.to]) {
      if (bound === undefined) continue;
      const type = this.check(bound, scope);
      if (type.kind !== 'int' && type.kind !== 'any')
        throw this.fail(`a slice is bound by int, not by ${typeText(type)}`, bound);
    }
    if (object.kind === 'list' || object.kind === 'string' || object.kind === 'any' || object.kind === 'bytes')
      return object;
    throw this.fail(`${typeText(object)} cannot be sliced`, node);
  }

  private call(node: Extract<Node, {kind: 'call'}>, scope: CheckScope): ExprType {
    const callee = this.check(node.callee, scope);
    const args = node.args.map((item) => this.check(item, scope));
    if (callee.kind === 'any') return exprTypes.any;
    if (callee.kind !== 'function') throw this.fail(`${typeText(callee)} is not a function`, node);
    const {params, returns} = callee.signature;
    if (args.length !== params.length) {
      throw this.fail(`the function takes ${params.length} arguments, found ${args.length}`, node);
    }
    for (const [index, param] of params.entries()) {
      const arg = args[index] ?? exprTypes.nil;
      if (!isAssignable(arg, param))
        throw this.fail(`an argument has to be ${typeText(param)}, found ${typeText(arg)}`, node.args[index] ?? node);
    }
    return returns;
  }
}

function literalType(value: unknown): ExprType {
  if (value === null) return exprTypes.nil;
  if (typeof value === 'bigint') return exprTypes.int;
  if (typeof value === 'number') return exprTypes.float;
  return typeof value === 'boolean' ? exprTypes.bool : exprTypes.string;
}

/** Whether an argument may be given for a parameter. */
export function isAssignable(arg: ExprType, param: ExprType): boolean {
  if (param.kind === 'any' || arg.kind === 'any') return true;
  if (arg.kind === 'list' && param.kind === 'list') return (arg.typed ?? false) === (param.typed ?? false);
  if (param.kind === 'float' && arg.kind === 'int') return true;
  return arg.kind === param.kind;
}

/** Both of the kinds asked for, or one of them and the other only known while running. */
function both(left: ExprType, right: ExprType, fits: (type: ExprType) => boolean): boolean {
  return (fits(left) || left.kind === 'any') && (fits(right) || right.kind === 'any');
}

const isKind =
  (...kinds: readonly ExprType['kind'][]) =>
  (type: ExprType): boolean =>
    kinds.includes(type.kind);

/** The type of the result, or undefined when the operator takes no such values. */
function binaryType(operator: BinaryOperator, left: ExprType, right: ExprType): ExprType | undefined {
  switch (operator) {
    case '==':
    case '!=':
      return isComparable(left, right) ? exprTypes.bool : undefined;
    case 'and':
    case 'or':
      return both(left, right, isKind('bool')) ? exprTypes.bool : undefined;
    case '<':
    case '>':
    case '<=':
    case '>=':
      return isOrdered(left, right) ? exprTypes.bool : undefined;
    case 'in':
      return inType(left, right);
    case 'matches':
      return both(left, right, isKind('string')) || (left.kind === 'bytes' && right.kind === 'string')
        ? exprTypes.bool
        : undefined;
    case 'contains':
    case 'startsWith':
    case 'endsWith':
      return both(left, right, isKind('string')) ? exprTypes.bool : undefined;
    case '..':
      return both(left, right, isKind('int')) ? exprTypes.intList : undefined;
    case '??':
      if (left.kind === 'nil') return right;
      if (right.kind === 'nil') return left;
      return commonType(left, right);
    default:
      return arithmeticType(operator, left, right);
  }
}

function isOrdered(left: ExprType, right: ExprType): boolean {
  return [isNumber, isKind('string'), isKind('time'), isKind('duration')].some((fits) => both(left, right, fits));
}

function inType(left: ExprType, right: ExprType): ExprType | undefined {
  switch (right.kind) {
    case 'any':
    case 'nil':
      return exprTypes.bool;
    case 'map':
      return left.kind === 'string' || left.kind === 'any' || left.kind === 'nil' ? exprTypes.bool : undefined;
    case 'list':
      return isComparable(left, right.of) ? exprTypes.bool : undefined;
    case 'bytes':
      return isComparable(left, exprTypes.int) ? exprTypes.bool : undefined;
    default:
      return undefined;
  }
}

function arithmeticType(
  operator: '+' | '-' | '*' | '/' | '%' | '**',
  left: ExprType,
  right: ExprType,
): ExprType | undefined {
  const hasAny = left.kind === 'any' || right.kind === 'any';
  if (both(left, right, isNumber)) {
    if (operator === '/' || operator === '**') return exprTypes.float;
    if (operator === '%') return both(left, right, isKind('int')) ? exprTypes.int : undefined;
    if (hasAny) return exprTypes.any;
    return left.kind === 'float' || right.kind === 'float' ? exprTypes.float : exprTypes.int;
  }
  if (operator === '+') {
    if (both(left, right, isKind('string'))) return hasAny ? exprTypes.any : exprTypes.string;
    if (both(left, right, isKind('duration'))) return hasAny ? exprTypes.any : exprTypes.duration;
    const timed = both(left, right, isKind('time', 'duration')) && !(left.kind === 'time' && right.kind === 'time');
    return timed ? (hasAny ? exprTypes.any : exprTypes.time) : undefined;
  }
  if (operator === '-' && both(left, right, isKind('time', 'duration'))) {
    if (hasAny) return exprTypes.any;
    if (left.kind === 'time') return right.kind === 'time' ? exprTypes.duration : exprTypes.time;
    return right.kind === 'duration' ? exprTypes.duration : undefined;
  }
  if (operator === '*' && both(left, right, isKind('int', 'float', 'duration')))
    return hasAny ? exprTypes.any : exprTypes.duration;
  return undefined;
}
