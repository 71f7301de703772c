/**
 * The options in the body of a request to the server itself, read as nats-server reads them: names in any case, unknown ones ignored, and the
 * words of its JSON reader for what does not fit.
 */
import {fieldMisfit, jsonKind} from '../../lib/go-fields.ts';
import {foldCase, isJsonObject, JsonError, type JsonObject, parseJson} from '../../lib/json.ts';
import type {ConnzOptions} from '../monitoring/connz.ts';
import type {SubszOptions} from '../monitoring/documents.ts';
import {QuestionError} from '../monitoring/view.ts';

type FieldType =
  | 'string'
  | 'bool'
  | 'int'
  | 'uint64'
  | 'server.ConnState'
  | 'server.SortOpt'
  | 'time.Duration'
  | '[]string';
type Fields = Readonly<Record<string, FieldType>>;

/** Which servers are meant, at all requests. */
const filterFields: Fields = {
  server_name: 'string',
  cluster: 'string',
  host: 'string',
  exact_match: 'bool',
  tags: '[]string',
  domain: 'string',
};

/** The name of the options without `Options`, and their fields; in nats-server's errors both are named. */
const ownFields = {
  Varz: {},
  Connz: {
    sort: 'server.SortOpt',
    auth: 'bool',
    subscriptions: 'bool',
    subscriptions_detail: 'bool',
    offset: 'int',
    limit: 'int',
    cid: 'uint64',
    mqtt_client: 'string',
    state: 'server.ConnState',
    user: 'string',
    acc: 'string',
    filter_subject: 'string',
  },
  Subsz: {offset: 'int', limit: 'int', subscriptions: 'bool', account: 'string', test: 'string'},
  Routez: {subscriptions: 'bool', subscriptions_detail: 'bool'},
  Gatewayz: {
    name: 'string',
    accounts: 'bool',
    account_name: 'string',
    subscriptions: 'bool',
    subscriptions_detail: 'bool',
  },
  Leafz: {subscriptions: 'bool', account: 'string'},
  Accountz: {account: 'string'},
  AccountStatz: {accounts: '[]string', include_unused: 'bool'},
  AccInfo: {},
  JSz: {
    account: 'string',
    accounts: 'bool',
    streams: 'bool',
    consumer: 'bool',
    direct_consumer: 'bool',
    config: 'bool',
    leader_only: 'bool',
    offset: 'int',
    limit: 'int',
    raft: 'bool',
    stream_leader_only: 'bool',
  },
  Healthz: {
    'js-enabled': 'bool',
    'js-enabled-only': 'bool',
    'js-server-only': 'bool',
    'js-meta-only': 'bool',
    account: 'string',
    stream: 'string',
    consumer: 'string',
    details: 'bool',
  },
  Profilez: {name: 'string', debug: 'int', duration: 'time.Duration'},
  Ipqueuesz: {all: 'bool', filter: 'string'},
  Raftz: {account: 'string', group: 'string'},
  Statsz: {},
} as const satisfies Readonly<Record<string, Fields>>;

export type QuestionKind = keyof typeof ownFields;

/** Options that were read: the names as nats-server writes them, each value of its type. */
export class QuestionOptions {
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(values: ReadonlyMap<string, unknown>) {
    this.#values = values;
  }

  text(name: string): string {
    const value = this.#values.get(name);
    return typeof value === 'string' ? value : '';
  }

  number(name: string): number {
    const value = this.#values.get(name);
    return typeof value === 'number' ? value : 0;
  }

  is(name: string): boolean {
    return this.#values.get(name) === true;
  }

  list(name: string): readonly unknown[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value : [];
  }
}

/** @throws {QuestionError} */
export function readQuestion(kind: QuestionKind, body: Buffer): QuestionOptions {
  const own: Fields = ownFields[kind];
  const struct = `${kind === 'JSz' ? 'Jsz' : kind}EventOptions`;
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries(objectOf(body, `server.${struct}`))) {
    const name = foldCase(key);
    const [part, type] = Object.hasOwn(own, name)
      ? [`${kind}Options`, own[name]]
      : ['EventFilterOptions', Object.hasOwn(filterFields, name) ? filterFields[name] : undefined];
    if (type === undefined || value === null) continue;
    checkType(value, type, `${struct}.${part}.${name}`);
    values.set(name, value);
  }
  return new QuestionOptions(values);
}

/** The connection that a request names; undefined when it cannot be read, which nats-server does not answer. */
export function readConnectionId(body: Buffer): number | undefined {
  if (body.length === 0) return undefined;
  try {
    const value = objectOf(body, 'server.KickClientReq');
    const cid = Object.entries(value).findLast(([key]) => foldCase(key) === 'cid')?.[1] ?? 0;
    checkType(cid, 'uint64', 'KickClientReq.cid');
    return Number(cid);
  } catch (error) {
    if (error instanceof QuestionError) return undefined;
    throw error;
  }
}

/** No body at all means nothing, `null` too. */
function objectOf(body: Buffer, goType: string): JsonObject {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = parseJson(body);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const problem = error.details['problem'];
    throw new QuestionError(typeof problem === 'string' ? problem : error.message);
  }
  if (value === null) return {};
  if (!isJsonObject(value))
    throw new QuestionError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type ${goType}`);
  return value;
}

/** @throws {QuestionError} */
function checkType(value: unknown, type: FieldType, place: string): void {
  const isText = type === 'server.SortOpt';
  const misfit = fieldMisfit(isText ? 'string' : type, value);
  if (misfit === undefined) return;
  const wanted = isText ? type : misfit.wanted;
  throw new QuestionError(`json: cannot unmarshal ${misfit.found} into Go struct field ${place} of type ${wanted}`);
}

const states = ['open', 'closed', 'all'] as const;

export function connzOptions(read: QuestionOptions): ConnzOptions {
  return {
    sort: read.text('sort'),
    isAuthShown: read.is('auth'),
    subscriptions: read.is('subscriptions_detail') ? 'detail' : read.is('subscriptions') ? 'list' : 'none',
    offset: read.number('offset'),
    limit: read.number('limit'),
    cid: read.number('cid'),
    state: states[read.number('state')] ?? 'none',
    user: read.text('user'),
    account: read.text('acc'),
    filterSubject: read.text('filter_subject'),
    isMqttWanted: read.text('mqtt_client') !== '',
  };
}

export function subszOptions(read: QuestionOptions): SubszOptions {
  return {
    isListed: read.is('subscriptions'),
    offset: read.number('offset'),
    limit: read.number('limit'),
    account: read.text('account'),
    test: read.text('test'),
  };
}
