/** Parameters of the monitoring pages, with nats-server's words for what is wrong with them. */
import type {ConnzOptions} from '../monitoring/connz.ts';
import {QuestionError} from '../monitoring/view.ts';

/** Beyond 2^53 only nearly the number: no list is that long, and no connection has that id. @throws {QuestionError} */
export function integerOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '';
  if (text === '') return 0;
  const isUnsigned = name === 'cid';
  const fail = (why: string): QuestionError => {
    const [type, reader] = isUnsigned ? ['uint64', 'ParseUint'] : ['int', 'Atoi'];
    return new QuestionError(
      `Error decoding ${type} for '${name}': strconv.${reader}: parsing ${JSON.stringify(text)}: ${why}`,
    );
  };
  if (!(isUnsigned ? /^\d+$/ : /^[+-]?\d+$/).test(text)) throw fail('invalid syntax');
  const digits = text.replace(/^[+-]?0*/, '');
  const value = digits.length > 20 ? undefined : BigInt(text.replace(/^\+/, ''));
  const isFit = value !== undefined && value === (isUnsigned ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value));
  if (!isFit) throw fail('value out of range');
  return Number(value);
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
    isMqttWanted: (query.get('mqtt_client') ?? '') !== '',
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
