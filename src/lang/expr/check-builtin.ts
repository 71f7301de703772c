/** Types of the language's own functions: what their arguments have to be and what they give. */
import type {Node} from './ast.ts';
import type {CheckScope, NodeChecker} from './scope.ts';
import {type ExprType, exprTypes, isNumber, typeText} from './types.ts';

type BuiltinNode = Extract<Node, {kind: 'builtin'}>;

type Wanted = 'any' | 'string' | 'int' | 'number' | 'list' | 'map' | 'indexable' | 'time';

interface Rule {
  readonly wants: readonly Wanted[];
  readonly gives: ExprType;
}

const rule = (gives: ExprType, ...wants: readonly Wanted[]): Rule => ({wants, gives});

const textTest = rule(exprTypes.bool, 'string', 'string');
const bits = rule(exprTypes.int, 'int', 'int');

const rules: ReadonlyMap<string, Rule> = new Map([
  ['len', rule(exprTypes.int, 'any')],
  ['type', rule(exprTypes.string, 'any')],
  ['abs', rule(exprTypes.any, 'number')],
  ['ceil', rule(exprTypes.float, 'number')],
  ['floor', rule(exprTypes.float, 'number')],
  ['round', rule(exprTypes.float, 'number')],
  ['int', rule(exprTypes.int, 'any')],
  ['float', rule(exprTypes.float, 'any')],
  ['string', rule(exprTypes.string, 'any')],
  ['trim', rule(exprTypes.string, 'string', 'string')],
  ['trimPrefix', rule(exprTypes.string, 'string', 'string')],
  ['trimSuffix', rule(exprTypes.string, 'string', 'string')],
  ['upper', rule(exprTypes.string, 'string')],
  ['lower', rule(exprTypes.string, 'string')],
  ['split', rule(exprTypes.stringList, 'string', 'string', 'int')],
  ['splitAfter', rule(exprTypes.stringList, 'string', 'string', 'int')],
  ['replace', rule(exprTypes.string, 'string', 'string', 'string', 'int')],
  ['repeat', rule(exprTypes.string, 'string', 'int')],
  ['join', rule(exprTypes.string, 'list', 'string')],
  ['indexOf', rule(exprTypes.int, 'string', 'string')],
  ['lastIndexOf', rule(exprTypes.int, 'string', 'string')],
  ['hasPrefix', textTest],
  ['hasSuffix', textTest],
  ['toJSON', rule(exprTypes.string, 'any')],
  ['fromJSON', rule(exprTypes.any, 'string')],
  ['toBase64', rule(exprTypes.string, 'string')],
  ['fromBase64', rule(exprTypes.string, 'string')],
  ['now', rule(exprTypes.time, 'any')],
  ['duration', rule(exprTypes.duration, 'string')],
  ['date', rule(exprTypes.time, 'any', 'any', 'any')],
  ['timezone', rule(exprTypes.zone, 'string')],
  ['first', rule(exprTypes.any, 'list')],
  ['last', rule(exprTypes.any, 'list')],
  ['get', rule(exprTypes.any, 'indexable', 'any')],
  ['take', rule(exprTypes.list, 'list', 'int')],
  ['keys', rule(exprTypes.list, 'map')],
  ['values', rule(exprTypes.list, 'map')],
  ['toPairs', rule(exprTypes.list, 'map')],
  ['fromPairs', rule(exprTypes.map, 'list')],
  ['reverse', rule(exprTypes.list, 'list')],
  ['uniq', rule(exprTypes.list, 'list')],
  ['flatten', rule(exprTypes.list, 'list')],
  ['sort', rule(exprTypes.list, 'list', 'string')],
  ['bitand', bits],
  ['bitor', bits],
  ['bitxor', bits],
  ['bitnand', bits],
  ['bitshl', bits],
  ['bitshr', bits],
  ['bitushr', bits],
  ['bitnot', rule(exprTypes.int, 'int')],
]);

const aggregates: ReadonlySet<string> = new Set(['min', 'max', 'mean', 'median']);

export function checkBuiltin(checker: NodeChecker, node: BuiltinNode, scope: CheckScope): ExprType {
  const [first] = node.args;
  if (node.args.some((item) => item.kind === 'predicate') || node.name === 'count' || node.name === 'sum') {
    return checkPredicateCall(checker, node, scope);
  }
  const types = node.args.map((item) => checker.check(item, scope));
  if (aggregates.has(node.name)) return checkAggregate(checker, node, types);
  if (node.name === 'concat') {
    requireAll(checker, node, {types, wanted: 'list'});
    return exprTypes.list;
  }
  const found = rules.get(node.name);
  if (found === undefined) return exprTypes.any;
  for (const [index, type] of types.entries()) {
    const wanted = found.wants[index] ?? 'any';
    if (!fits(type, wanted)) {
      throw checker.fail(
        `${node.name} takes ${wanted === 'indexable' ? 'a list or map' : wanted}, found ${typeText(type)}`,
        node.args[index] ?? first ?? node,
      );
    }
  }
  if (node.name === 'len' && types[0] !== undefined && ['bool', 'int', 'float', 'nil'].includes(types[0].kind)) {
    throw checker.fail(`len takes a text, list or map, found ${typeText(types[0])}`, node);
  }
  if (node.name === 'abs') return types[0] ?? exprTypes.any;
  return elementType(node.name, types[0]) ?? found.gives;
}

function elementType(name: string, list: ExprType | undefined): ExprType | undefined {
  if (list?.kind !== 'list') return undefined;
  if (name === 'first' || name === 'last') return list.typed === true ? list.of : exprTypes.any;
  if (name === 'get') return list.of;
  return name === 'take' ? {kind: 'list', of: list.of} : undefined;
}

function requireAll(
  checker: NodeChecker,
  node: BuiltinNode,
  want: {readonly types: readonly ExprType[]; readonly wanted: Wanted},
): void {
  for (const [index, type] of want.types.entries()) {
    if (!fits(type, want.wanted))
      throw checker.fail(`${node.name} takes ${want.wanted}, found ${typeText(type)}`, node.args[index] ?? node);
  }
}

function fits(type: ExprType, wanted: Wanted): boolean {
  if (wanted === 'any' || type.kind === 'any') return true;
  switch (wanted) {
    case 'string':
      return type.kind === 'string';
    case 'int':
      return type.kind === 'int';
    case 'number':
      return isNumber(type);
    case 'list':
      return type.kind === 'list' || type.kind === 'bytes';
    case 'map':
      return type.kind === 'map';
    case 'indexable':
      return type.kind === 'list' || type.kind === 'map' || type.kind === 'bytes';
    default:
      return type.kind === wanted;
  }
}

function checkAggregate(checker: NodeChecker, node: BuiltinNode, types: readonly ExprType[]): ExprType {
  for (const [index, type] of types.entries()) {
    if (!isNumber(type) && type.kind !== 'any' && type.kind !== 'list' && type.kind !== 'bytes') {
      throw checker.fail(
        `${node.name} takes numbers and lists of numbers, found ${typeText(type)}`,
        node.args[index] ?? node,
      );
    }
  }
  const isExtreme = node.name === 'min' || node.name === 'max';
  return isExtreme && types.every(isNumber) ? (types[0] ?? exprTypes.any) : exprTypes.any;
}

function checkPredicateCall(checker: NodeChecker, node: BuiltinNode, scope: CheckScope): ExprType {
  const [listNode, predicate, extra] = node.args;
  const list = listNode === undefined ? exprTypes.nil : checker.check(listNode, scope);
  if (list.kind !== 'list' && list.kind !== 'any' && list.kind !== 'bytes') {
    throw checker.fail(`${node.name} takes a list, found ${typeText(list)}`, listNode ?? node);
  }
  const item = list.kind === 'list' ? list.of : list.kind === 'bytes' ? exprTypes.int : exprTypes.any;
  const result = predicate === undefined ? exprTypes.any : checker.check(predicate, {...scope, item});
  if (extra !== undefined) {
    const type = checker.check(extra, scope);
    if (node.name === 'sortBy' && type.kind !== 'string' && type.kind !== 'any') {
      throw checker.fail(`sortBy takes "asc" or "desc", found ${typeText(type)}`, extra);
    }
  }
  switch (node.name) {
    case 'all':
    case 'none':
    case 'any':
    case 'one':
    case 'filter':
    case 'find':
    case 'findIndex':
    case 'findLast':
    case 'findLastIndex':
    case 'count':
      if (result.kind !== 'bool' && result.kind !== 'any') {
        throw checker.fail(
          `${node.name} needs true or false for each element, found ${typeText(result)}`,
          predicate ?? node,
        );
      }
      return testResult(node.name, item);
    case 'map':
      return {kind: 'list', of: result};
    case 'groupBy':
      return exprTypes.any;
    case 'sortBy':
      return exprTypes.any;
    case 'sum':
      return isNumber(result) ? result : exprTypes.any;
    default:
      return exprTypes.any;
  }
}

function testResult(name: string, item: ExprType): ExprType {
  if (name === 'filter') return {kind: 'list', of: item};
  if (name === 'count') return exprTypes.int;
  if (name === 'find' || name === 'findLast') return item;
  return name.startsWith('find') ? exprTypes.int : exprTypes.bool;
}
