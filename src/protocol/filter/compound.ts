/** Compound filters: expressions over the node's facts, classes, agents and data plugins. */
import {
  compileExpression,
  deepEqual,
  evaluateConditionAsync,
  type ExprEnvironment,
  ExprFailure,
  type ExprFunction,
  type ExprProgram,
  type ExprSignature,
  type ExprValue,
  exprTypes,
  isList,
  LangError,
  listKind,
  lookupPath,
  parseConstraint,
  parseVersion,
  satisfies,
  typedList,
  typeName,
} from '../../lang/index.ts';
import {tryFactFilter} from './fact-text.ts';
import {matchFact} from './fact-match.ts';
import type {FilterData, FilterNode} from './node.ts';
import {agentTest, classTest, type PatternPool} from './patterns.ts';

const signature = (returns: ExprSignature['returns'], ...params: ExprSignature['params']): ExprSignature => ({
  params,
  returns,
});

/** The names a compound filter may use on a node with these data plugins. */
export function compoundEnvironment(data: FilterData | undefined): ExprEnvironment {
  const plugins = Object.entries(data?.functions ?? {}).map(([name, {takesQuery}]) => [
    name,
    takesQuery ? signature(exprTypes.map, exprTypes.string) : signature(exprTypes.map),
  ]);
  return {
    variables: {agents: exprTypes.stringList, classes: exprTypes.stringList, facts: exprTypes.bytes},
    functions: {
      ...(Object.fromEntries(plugins) as Record<string, ExprSignature>),
      with: signature(exprTypes.bool, exprTypes.string),
      fact: signature(exprTypes.any, exprTypes.string),
      ...comparisonSignatures,
    },
  };
}

/** `include` and `semver`: the same in compound filters and in filters of replies. */
export const comparisonSignatures: Readonly<Record<string, ExprSignature>> = {
  include: signature(exprTypes.bool, exprTypes.list, exprTypes.any),
  semver: signature(exprTypes.bool, exprTypes.string, exprTypes.string),
};

export const comparisonFunctions: Readonly<Record<string, ExprFunction>> = {
  include: (list = null, wanted = null) => include(list, wanted),
  semver: (version = null, constraint = null) => semver(version, constraint),
};

/** Undefined when the expression does not compile, with the reason. */
export function compileCompound(source: string, data: FilterData | undefined): ExprProgram | string {
  try {
    return compileExpression(source, compoundEnvironment(data), {result: 'boolean'});
  } catch (error) {
    if (error instanceof LangError) return error.message;
    throw error;
  }
}

export async function runCompound(
  program: ExprProgram,
  node: FilterNode,
  options: {readonly pool: PatternPool; readonly factsText: string; readonly nowMs: number},
): Promise<boolean> {
  const {factsText, pool} = options;
  const asyncFunctions: Record<string, (...args: readonly ExprValue[]) => Promise<ExprValue>> = {};
  for (const [name, {takesQuery}] of Object.entries(node.data?.functions ?? {})) {
    asyncFunctions[name] = async (query = null) =>
      callPlugin(node, {name, query: takesQuery ? requireText(query ?? '') : undefined});
  }
  return evaluateConditionAsync(
    program,
    {
      variables: {
        agents: typedList('string', node.agents),
        classes: typedList('string', node.classes),
        facts: typeof node.factsJson === 'string' ? Buffer.from(node.factsJson) : node.factsJson,
      },
      functions: {
        with: (text = null) => matchesAnything(requireText(text), node, {pool, factsText}),
        fact: (path = null) => factValue(factsText, requireText(path ?? '')),
        ...comparisonFunctions,
      },
      asyncFunctions,
    },
    {nowMs: options.nowMs},
  );
}

function requireText(value: ExprValue): string {
  if (typeof value === 'string') return value;
  throw new ExprFailure(`a function needs a text, found ${typeName(value)}`);
}

function factValue(factsText: string, path: string): ExprValue {
  return lookupPath(factsText, path);
}

/** `with()`: a fact where the text reads as one, else a class, else an agent. */
function matchesAnything(
  text: string,
  node: FilterNode,
  {pool, factsText}: {readonly pool: PatternPool; readonly factsText: string},
): boolean {
  const fact = tryFactFilter(text);
  if (fact !== undefined) return matchFact(fact, factsText, pool).matched;
  return node.classes.some(classTest(text, pool)) || node.agents.some(agentTest(text, pool));
}

/** False where there is no list, as for a fact that a node does not have. */
function include(list: ExprValue, wanted: ExprValue): boolean {
  if (list === null) return false;
  if (!isList(list) || listKind(list) !== undefined) {
    throw new ExprFailure(`include needs a list of anything, found ${typeName(list)}`);
  }
  // JSON has only one kind of number.
  const needle = typeof wanted === 'bigint' ? Number(wanted) : wanted;
  return list.some((item) => deepEqual(item, needle));
}

function semver(version: ExprValue, constraint: ExprValue): boolean {
  try {
    const wanted = parseConstraint(requireText(constraint));
    return satisfies(parseVersion(requireText(version)), wanted);
  } catch (error) {
    if (error instanceof LangError) throw new ExprFailure(error.message);
    throw error;
  }
}

async function callPlugin(
  node: FilterNode,
  call: {readonly name: string; readonly query: string | undefined},
): Promise<ExprValue> {
  const result = await node.data?.call(call.name, call.query);
  return toExprValue(result, 0);
}

/** Data of a plugin as a value: whole numbers are ints, lists of texts are typed, as in the Go program. */
function toExprValue(value: unknown, depth: number): ExprValue {
  if (depth > 50) throw new ExprFailure('the data of a plugin is nested too deep');
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => toExprValue(item, depth + 1));
    return items.length > 0 && items.every((item) => typeof item === 'string') ? typedList('string', items) : items;
  }
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]: [unknown, unknown]) => [String(key), toExprValue(item, depth + 1)]));
  }
  if (typeof value === 'object') {
    return new Map(Object.entries(value).map(([key, item]: [string, unknown]) => [key, toExprValue(item, depth + 1)]));
  }
  throw new ExprFailure(`the data of a plugin holds a ${typeof value}`);
}
