/** Filters as people write them: `country=mt`, `-W "apache country=mt"`. */
import {ProtocolError} from '../errors.ts';
import type {FactFilter, FactOperator} from '../types.ts';

const operatorPattern = /<=|>=|=>|=<|<|>|!=|=~|={1,2}/g;

const operators: ReadonlyMap<string, FactOperator> = new Map<string, FactOperator>([
  ['=', '=='],
  ['==', '=='],
  ['=<', '<='],
  ['<=', '<='],
  ['=>', '>='],
  ['>=', '>='],
  ['<', '<'],
  ['>', '>'],
  ['!=', '!='],
  ['=~', '=~'],
]);

/**
 * Parses one `-F` argument. The rightmost operator divides it; a value between slashes is always a pattern.
 *
 * @throws {ProtocolError} `ERR_FACT_FILTER_INVALID` with the text that users' scripts look for
 * @example
 * parseFactFilter('os.release=>7'); // {fact: 'os.release', operator: '>=', value: '7'}
 */
export function parseFactFilter(text: string): FactFilter {
  const match = [...text.matchAll(operatorPattern)].at(-1);
  const fact = goTrim(text.slice(0, match?.index ?? 0));
  const value = goTrim(text.slice((match?.index ?? 0) + (match?.[0].length ?? 0)));
  const operator = operators.get(match?.[0] ?? '');
  if (operator === undefined || fact === '' || value === '' || /^[<>=]/.test(fact) || /[<>=]$/.test(value)) {
    throw new ProtocolError(
      'ERR_FACT_FILTER_INVALID',
      `could not parse fact ${text} it does not appear to be in a valid format`,
      {stage: 'request', details: {text}},
    );
  }
  const isPattern = value.startsWith('/') && value.endsWith('/');
  return {fact, operator: isPattern ? '=~' : operator, value};
}

/** The fact filter, or undefined when the text is none. */
export function tryFactFilter(text: string): FactFilter | undefined {
  try {
    return parseFactFilter(text);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

export interface CombinedFilter {
  readonly facts: readonly FactFilter[];
  readonly classes: readonly string[];
}

/** Parses one `-W` argument: each word between single spaces is a fact when it reads as one, else a class. */
export function parseCombinedFilter(text: string): CombinedFilter {
  const facts: FactFilter[] = [];
  const classes: string[] = [];
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const fact = tryFactFilter(word);
    if (fact !== undefined) facts.push(fact);
    else if (!classes.includes(word)) classes.push(word);
  }
  return {facts, classes};
}

/** White space as Go trims it. */
function goTrim(text: string): string {
  return text.replace(/^[\s\u0085]+/u, '').replace(/[\s\u0085]+$/u, '');
}
