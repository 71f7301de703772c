/** Queries on array elements: `#(name=="x")`, `#(>3)#`, `#(tags.#(=="a"))`. */
import {type GjsonResult, parseGoFloat, unescapeJson} from './result.ts';
import {compareCodePoints} from '../text-order.ts';
import {matchesWildcard} from './wildcard.ts';

export type QueryOperator = '' | '=' | '!=' | '<' | '<=' | '>' | '>=' | '%' | '!%';

export interface GjsonQuery {
  /** Looked up in each element; empty for the element itself. */
  readonly path: string;
  readonly operator: QueryOperator;
  readonly value: string;
  /** All elements, not only the first. */
  readonly all: boolean;
}

const twoCharacterOperators: readonly QueryOperator[] = ['!=', '!%', '<=', '>='];

/** Parses the query a path starts with; `end` is the index behind its closing bracket. */
export function parseQuery(path: string): {readonly query: GjsonQuery; readonly end: number} | undefined {
  let depth = 1;
  let operatorAt = 0;
  let escaped = false;
  let index = 2;
  for (; index < path.length; index += 1) {
    const character = path.charAt(index);
    if (depth === 1 && operatorAt === 0 && '!=<>%'.includes(character)) {
      operatorAt = index;
    } else if (character === '\\') {
      index += 1;
    } else if (character === '[' || character === '(') {
      depth += 1;
    } else if (character === ']' || character === ')') {
      depth -= 1;
      if (depth === 0) break;
    } else if (character === '"') {
      for (index += 1; index < path.length && path.charAt(index) !== '"'; index += 1) {
        if (path.charAt(index) === '\\') {
          escaped = true;
          index += 1;
        }
      }
    }
  }
  if (depth > 0) return undefined;
  if (operatorAt === 0) {
    return {query: {path: trimSpaces(path.slice(2, index)), operator: '', value: '', all: false}, end: index + 1};
  }
  const comparison = parseComparison(trimSpaces(path.slice(operatorAt, index)));
  if (comparison === undefined) return undefined;
  const value = unquote(comparison.value, escaped);
  return {
    query: {path: trimSpaces(path.slice(2, operatorAt)), operator: comparison.operator, value, all: false},
    end: index + 1,
  };
}

function parseComparison(text: string): {operator: QueryOperator; value: string} | undefined {
  const two = text.slice(0, 2);
  if (text.length > 1) {
    for (const operator of twoCharacterOperators) {
      if (two === operator) return {operator, value: trimSpaces(text.slice(2))};
    }
    if (two === '==') return {operator: '=', value: trimSpaces(text.slice(2))};
  }
  const first = text.charAt(0);
  if (first === '<' || first === '>' || first === '=' || first === '%') {
    return {operator: first, value: trimSpaces(text.slice(1))};
  }
  return undefined;
}

function unquote(value: string, escaped: boolean): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  const inner = value.slice(1, -1);
  return escaped ? unescapeJson(inner) : inner;
}

function trimSpaces(text: string): string {
  return text.replace(/^[\u0000-\u0020]+/, '').replace(/[\u0000-\u0020]+$/, '');
}

/** Whether the value found in an element satisfies the query. */
export function queryMatches(query: GjsonQuery, found: GjsonResult): boolean {
  if (query.value.startsWith('~')) {
    const verdict = tildeVerdict(query.value.slice(1), found);
    return verdict !== undefined && matchesBoolean(query.operator, verdict, 'true');
  }
  if (!found.exists) return false;
  if (query.operator === '') return true;
  switch (found.type) {
    case 'String':
      return matchesString(query, found.text);
    case 'Number':
      return matchesNumber(query, found.number);
    case 'True':
      return matchesBoolean(query.operator, true, query.value);
    case 'False':
      return matchesBoolean(query.operator, false, query.value);
    default:
      return false;
  }
}

/** `~true` and its kin ask whether a value is like true; a missing one is like false and null. */
function tildeVerdict(kind: string, found: GjsonResult): boolean | undefined {
  switch (kind) {
    case '*':
      return found.exists;
    case 'null':
      return found.type === 'Null';
    case 'true':
      return likeBoolean(found) === true;
    case 'false':
      return found.type === 'Null' || likeBoolean(found) === false;
    default:
      return undefined;
  }
}

function likeBoolean(found: GjsonResult): boolean | undefined {
  if (found.type === 'True') return true;
  if (found.type === 'False') return false;
  if (found.type === 'Number') return found.number !== 0;
  if (found.type !== 'String') return undefined;
  const text = found.text.toLowerCase();
  if (['1', 't', 'true'].includes(text)) return true;
  return ['0', 'f', 'false'].includes(text) ? false : undefined;
}

function matchesString(query: GjsonQuery, text: string): boolean {
  switch (query.operator) {
    case '%':
      return matchesWildcard(text, query.value);
    case '!%':
      return !matchesWildcard(text, query.value);
    case '':
      return true;
    default:
      return orderMatches(query.operator, compareCodePoints(text, query.value));
  }
}

function matchesNumber(query: GjsonQuery, left: number): boolean {
  const right = parseGoFloat(query.value) ?? 0;
  if (Number.isNaN(left) || Number.isNaN(right)) return query.operator === '!=';
  if (query.operator === '%' || query.operator === '!%' || query.operator === '') return false;
  return orderMatches(query.operator, left < right ? -1 : left > right ? 1 : 0);
}

function orderMatches(operator: Exclude<QueryOperator, '' | '%' | '!%'>, order: number): boolean {
  switch (operator) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

function matchesBoolean(operator: QueryOperator, left: boolean, value: string): boolean {
  const word = left ? 'true' : 'false';
  const other = left ? 'false' : 'true';
  switch (operator) {
    case '':
      return true;
    case '=':
      return value === word;
    case '!=':
      return value !== word;
    case '>':
      return left && value === other;
    case '>=':
      return left;
    case '<':
      return !left && value === other;
    case '<=':
      return !left;
    default:
      return false;
  }
}
