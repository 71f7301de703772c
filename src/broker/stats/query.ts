/** Parameters of the monitoring pages, with nats-server's words for what is wrong with them. */
import type {ConnzOptions} from '../monitoring/connz.ts';
import {QuestionError} from '../monitoring/view.ts';

/** @throws {QuestionError} */
export function integerOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '';
  if (text === '') return 0;
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  const [type, reader] = name === 'cid' ? ['uint64', 'ParseUint'] : ['int', 'Atoi'];
  throw new QuestionError(
    `Error decoding ${type} for '${name}': strconv.${reader}: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** @throws {QuestionError} */
export function booleanOf(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? '';
  if (text === '') return false;
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(?:0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw new QuestionError(
    `Error decoding boolean for '${name}': strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** @throws {QuestionError} */
export function connzQuery(query: URLSearchParams): ConnzOptions {
  const subs = query.get('subs') ?? '';
  return {
    sort: query.get('sort') ?? '',
    isAuthShown: booleanOf(query, 'auth'),
    subscriptions: subs.toLowerCase() === 'detail' ? 'detail' : booleanOf(query, 'subs') ? 'list' : 'none',
    offset: integerOf(query, 'offset'),
    limit: integerOf(query, 'limit'),
    cid: integerOf(query, 'cid'),
    state: stateOf(query.get('state') ?? ''),
    user: query.get('user') ?? '',
    account: query.get('acc') ?? '',
    filterSubject: query.get('filter_subject') ?? '',
  };
}

function stateOf(text: string): 'open' | 'closed' | 'all' {
  switch (text.toLowerCase()) {
    case '':
    case 'open':
      return 'open';
    case 'any':
    case 'all':
      return 'all';
    case 'closed':
      return 'closed';
    default:
      throw new QuestionError(`Error decoding state for ${text}`);
  }
}
