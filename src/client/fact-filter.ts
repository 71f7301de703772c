/** Reads the text of a fact filter, such as `country=mt` or `cpus>=4`. Rules: the client digest, section 1.2. */
import type {FactFilter, FactOperator} from '../protocol/types.ts';
import {ClientError} from './errors.ts';

const operatorPattern = /<=|>=|=>|=<|<|>|!=|=~|==|=/g;
const operators: Readonly<Record<string, FactOperator>> = {
  '<=': '<=',
  '=<': '<=',
  '>=': '>=',
  '=>': '>=',
  '<': '<',
  '>': '>',
  '!=': '!=',
  '=~': '=~',
  '==': '==',
  '=': '==',
};

/** @throws {ClientError} `ERR_CLIENT_FILTER` */
export function parseFact(text: string): FactFilter {
  const match = [...text.matchAll(operatorPattern)].at(-1);
  const fact = text.slice(0, match?.index ?? 0).trim();
  const value = match === undefined ? '' : text.slice(match.index + match[0].length).trim();
  const operator = operators[match?.[0] ?? ''];
  if (operator === undefined || fact === '' || value === '' || /^[<>=]/.test(fact) || /[<>=]$/.test(value)) {
    throw new ClientError(
      'ERR_CLIENT_FILTER',
      `could not parse fact ${text} it does not appear to be in a valid format, such as country=mt`,
      {details: {fact: text}},
    );
  }
  const isPattern = value.startsWith('/') && value.endsWith('/');
  return {fact, operator: isPattern ? '=~' : operator, value};
}
