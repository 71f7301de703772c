/** Adds the word that was probably meant to the failures that a typo causes. */
import {ClientError} from '../client/index.ts';
import type {DdlResolver} from '../ddl/types.ts';
import {suggestionSuffix} from './suggest.ts';

/** @returns the error itself when it is no mistake of this kind or nothing is near */
export async function withSuggestion(error: unknown, resolver: Pick<DdlResolver, 'agentNames'>): Promise<unknown> {
  if (!(error instanceof ClientError)) return error;
  const {code, details} = error;
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
