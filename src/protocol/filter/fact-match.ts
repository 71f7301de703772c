/**
 * Compares one fact with one fact filter, by the type the fact has.
 *
 * The rules, their odd corners included (`>` on a fraction is `>=`, a missing fact never matches), are those of protocol.md 6.1:
 * a filter has to select the same nodes whoever judges it.
 */
import {
  compareCodePoints,
  type GjsonResult,
  gjsonGet,
  LangError,
  parseGoFloat,
  resultInteger,
} from '../../lang/index.ts';
import type {FactFilter, FactOperator} from '../types.ts';
import type {PatternPool} from './patterns.ts';

export interface FactVerdict {
  readonly matched: boolean;
  /** Why it did not match, or could not be judged. */
  readonly reason?: string;
}

const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

/** @param factsText the node's merged facts, JSON */
export function matchFact(filter: FactFilter, factsText: string, pool: PatternPool): FactVerdict {
  const found = lookUp(factsText, filter.fact);
  if (typeof found === 'string') return {matched: false, reason: found};
  if (!found.exists) return {matched: false, reason: `fact "${filter.fact}" does not exist`};
  const verdict = compareFact(found, filter, pool);
  if (verdict === true) return {matched: true};
  const reason = verdict === false ? 'does not match' : 'cannot be compared';
  return {matched: false, reason: `fact "${filter.fact}" ${reason} with ${filter.operator} "${filter.value}"`};
}

function lookUp(factsText: string, path: string): GjsonResult | string {
  try {
    return gjsonGet(factsText, path);
  } catch (error) {
    if (error instanceof LangError) return error.message;
    throw error;
  }
}

/** Undefined: the comparison makes no sense, which never matches. */
function compareFact(found: GjsonResult, filter: FactFilter, pool: PatternPool): boolean | undefined {
  switch (found.type) {
    case 'String':
      return compareText(found.text, filter, pool);
    case 'Number':
      return filter.value.includes('.')
        ? compareFloat(found.number, filter, pool)
        : compareInteger(found, filter, pool);
    case 'True':
      return compareBoolean(true, filter);
    case 'False':
      return compareBoolean(false, filter);
    case 'Null':
    case 'JSON':
      return isOrdering(filter.operator) ? undefined : false;
  }
}

function isOrdering(operator: FactOperator): boolean {
  return operator === '<' || operator === '<=' || operator === '>' || operator === '>=';
}

/** The pattern of a fact: slashes at both ends fall off, case is ignored. */
function testPattern(text: string, value: string, pool: PatternPool): boolean | undefined {
  return pool.get(`(?i)${value.replace(/^\/+/, '').replace(/\/+$/, '')}`)?.test(text);
}

function compareText(text: string, {operator, value}: FactFilter, pool: PatternPool): boolean | undefined {
  switch (operator) {
    case '==':
      return sameIgnoringCase(text, value);
    case '!=':
      return !sameIgnoringCase(text, value);
    case '=~':
      return testPattern(text, value, pool);
    default:
      return byOrder(operator, compareCodePoints(text.toLowerCase(), value.toLowerCase()));
  }
}

function sameIgnoringCase(left: string, right: string): boolean {
  return left === right || left.toLowerCase() === right.toLowerCase() || left.toUpperCase() === right.toUpperCase();
}

function compareFloat(fact: number, {operator, value}: FactFilter, pool: PatternPool): boolean | undefined {
  if (operator === '=~') return testPattern(fourDecimals(fact), value, pool);
  const wanted = parseGoFloat(value);
  if (wanted === undefined || Number.isNaN(wanted)) return undefined;
  // On fractions "greater" has always included "equal".
  return byOrder(operator === '>' ? '>=' : operator, fact < wanted ? -1 : fact > wanted ? 1 : 0);
}

/** A float with four decimals; beyond 1e21 the host would write an exponent. */
function fourDecimals(value: number): string {
  return Math.abs(value) < 1e21 ? value.toFixed(4) : `${BigInt(value)}.0000`;
}

function compareInteger(found: GjsonResult, {operator, value}: FactFilter, pool: PatternPool): boolean | undefined {
  const fact = resultInteger(found);
  if (operator === '==') return String(fact) === value;
  if (operator === '!=') return String(fact) !== value;
  if (operator === '=~') return testPattern(String(fact), value, pool);
  if (!/^[+-]?[0-9]{1,20}$/.test(value)) return undefined;
  const wanted = BigInt(value.replace(/^\+/, ''));
  if (BigInt.asIntN(64, wanted) !== wanted) return undefined;
  return byOrder(operator, fact < wanted ? -1 : fact > wanted ? 1 : 0);
}

function compareBoolean(fact: boolean, {operator, value}: FactFilter): boolean | undefined {
  switch (operator) {
    case '==':
      return truths.has(value) === fact;
    case '!=':
      // Both booleans answer as if asked for "not true": an oddity that filters in use rely on.
      return !truths.has(value.toLowerCase());
    case '=~':
      return truths.has(value.toLowerCase()) === fact;
    default:
      return undefined;
  }
}

function byOrder(operator: FactOperator, order: number): boolean | undefined {
  switch (operator) {
    case '==':
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
    default:
      return undefined;
  }
}
