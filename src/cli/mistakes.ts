/** Adds the word that was probably meant to the failures that a typo causes. */
import {ClientError} from '../client/index.ts';
import type {DdlResolver} from '../ddl/types.ts';
import {ChoriaError} from '../lib/errors.ts';
import {suggestionSuffix} from './suggest.ts';

const noNodes = 'did not discover any nodes';
const brokenFact = /could not parse fact (.*) it does not appear to be in a valid format/s;

/** What people write for an operator, and what they mean; longer ones first. */
const operatorSlips: readonly (readonly [string, string])[] = [
  ['===', '=='],
  ['!==', '!='],
  ['~=', '=~'],
  ['!~', '!='],
  ['<>', '!='],
  ['~', '=~'],
  [':', '='],
];

function withOperators(error: ChoriaError): Error {
  const text = brokenFact.exec(error.message)?.[1] ?? '';
  const slip = operatorSlips.find(([wrong]) => text.includes(wrong));
  const meant = slip === undefined ? undefined : text.replace(slip[0], slip[1]);
  const form = 'expected FACT=VALUE with one of =, !=, =~, <, <=, >, >=';
  const hint = meant === undefined || meant.endsWith('=') ? form : `did you mean '${meant}'? ${form}`;
  return new ClientError('ERR_CLIENT_FILTER', `${error.message}: ${hint}`, {cause: error});
}

/** @returns the error itself when it is no mistake of this kind or nothing is near */
export async function withSuggestion(error: unknown, resolver: Pick<DdlResolver, 'agentNames'>): Promise<unknown> {
  if (error instanceof ChoriaError && brokenFact.test(error.message)) return withOperators(error);
  if (!(error instanceof ClientError)) return error;
  const {code, details} = error;
  if (code === 'ERR_CLIENT_NO_NODES' && error.message.endsWith(noNodes)) {
    const hint = 'no node matches the filters, or none answered; `choria find` shows who is there';
    return new ClientError(code, `${error.message}: ${hint}`, {cause: error, details});
  }
  const [wanted, known] = await wordAndChoices(error, resolver);
  const suffix = suggestionSuffix(wanted, known);
  return suffix === '' ? error : new ClientError(code, `${error.message}${suffix}`, {cause: error, details});
}

async function wordAndChoices(
  {code, details}: ClientError,
  resolver: Pick<DdlResolver, 'agentNames'>,
): Promise<readonly [string, readonly string[]]> {
  const text = (name: string): string => (typeof details[name] === 'string' ? details[name] : '');
  const list = Array.isArray(details['known']) ? (details['known'] as readonly string[]) : [];
  switch (code) {
    case 'ERR_CLIENT_AGENT':
      return [text('agent'), await resolver.agentNames()];
    case 'ERR_CLIENT_ACTION':
      return [text('action'), list];
    case 'ERR_CLIENT_COLLECTIVE':
      return [text('collective'), list];
    default:
      return ['', []];
  }
}
