/**
 * What a client asks a broker about who listens: how many servers, and which of those it knows.
 *
 * Ours alone: other brokers do not answer, and clients go on without. Subject, shapes and rights: docs/design/interest-service.md.
 */
import {deflateRawSync, inflateRawSync} from 'node:zlib';
import {errorMessage} from '../lib/errors.ts';
import {parseJson, JsonError} from '../lib/json.ts';
import {ProtocolError} from './errors.ts';
import {protocolLimits} from './limits.ts';
import {isSubjectName, isSubjectToken} from './names.ts';

/** In the account of the fleet. Whoever may send requests may ask. */
export const interestSubject = 'choria.broker.interest';

const requestProtocol = 'choria:broker:interest:request:1';
const replyProtocol = 'choria:broker:interest:reply:1';

export interface InterestQuery {
  readonly collective: string;
  /** Servers count that have all of these; default: `discovery`, which every server has. */
  readonly agents?: readonly string[];
  /** Known identities of which to say whether they are connected; at most `protocolLimits.interestIdentitiesMax`. */
  readonly identities?: readonly string[];
  /** Also say who they are. */
  readonly list?: boolean;
  /** Understands names that are packed: what does not fit into a message as it is then fits for ten times as many. */
  readonly packs?: boolean;
}

export interface InterestAnswer {
  readonly collective: string;
  /** Distinct identities that listen to their own subject and to the subjects of all the agents asked for. */
  readonly servers: number;
  /** Sorted; absent when not asked for, and when they were too many for one message (`truncated`). */
  readonly identities?: readonly string[];
  /** Those of the identities asked for that are connected in the collective, whatever agents they have. */
  readonly connected?: readonly string[];
  /** False when a member of the broker's cluster did not answer in time: there may be more. */
  readonly complete: boolean;
  readonly truncated: boolean;
  /** Brokers whose connections were counted. */
  readonly brokers: number;
}

export const defaultInterestAgents: readonly string[] = ['discovery'];

export function encodeInterestQuery(query: InterestQuery): Buffer {
  checkQuery(query);
  return Buffer.from(JSON.stringify({protocol: requestProtocol, ...query}), 'utf8');
}

/** @throws {ProtocolError} `ERR_JSON_INVALID` | `ERR_SCHEMA` */
export function decodeInterestQuery(payload: Uint8Array): InterestQuery {
  const fields = readObject(payload, requestProtocol);
  const query: InterestQuery = {
    collective: textOf(fields, 'collective'),
    ...optionalNames(fields, 'agents'),
    ...optionalNames(fields, 'identities'),
    ...(fields.get('list') === true ? {list: true} : {}),
    ...(fields.get('packs') === true ? {packs: true} : {}),
  };
  checkQuery(query);
  return query;
}

/** @param asker  the question, or what is known of who asked */
export function encodeInterestAnswer(answer: InterestAnswer, asker: Pick<InterestQuery, 'packs'> = {}): Buffer {
  const whole = Buffer.from(JSON.stringify({protocol: replyProtocol, ...answer}), 'utf8');
  if (whole.length <= protocolLimits.interestAnswerBytesMax || answer.identities === undefined) return whole;
  const {identities, ...rest} = answer;
  if (asker.packs === true) {
    const packed = deflateRawSync(identities.join('\n'), {level: 1}).toString('base64');
    const shorter = Buffer.from(JSON.stringify({protocol: replyProtocol, ...rest, packed}), 'utf8');
    if (shorter.length <= protocolLimits.interestAnswerBytesMax) return shorter;
  }
  return Buffer.from(JSON.stringify({protocol: replyProtocol, ...rest, truncated: true}), 'utf8');
}

function unpackNames(packed: unknown): Record<string, readonly string[]> {
  if (packed === undefined) return {};
  if (typeof packed !== 'string') throw refuse('"packed" is no text');
  try {
    const names = inflateRawSync(Buffer.from(packed, 'base64'), {
      maxOutputLength: protocolLimits.interestNamesBytesMax,
    });
    return {identities: names.toString('utf8').split('\n')};
  } catch (cause) {
    throw refuse(`"packed" cannot be unpacked: ${errorMessage(cause)}`);
  }
}

export function encodeInterestFailure(error: string): Buffer {
  return Buffer.from(JSON.stringify({protocol: replyProtocol, error}), 'utf8');
}

/** @throws {ProtocolError} `ERR_JSON_INVALID` | `ERR_SCHEMA`, also when the broker answered that it could not */
export function decodeInterestAnswer(payload: Uint8Array): InterestAnswer {
  const fields = readObject(payload, replyProtocol);
  const error = fields.get('error');
  if (typeof error === 'string') throw refuse(`the broker said ${JSON.stringify(error.slice(0, 200))}`);
  return {
    collective: textOf(fields, 'collective'),
    servers: countOf(fields, 'servers'),
    ...optionalNames(fields, 'identities'),
    ...unpackNames(fields.get('packed')),
    ...optionalNames(fields, 'connected'),
    complete: fields.get('complete') === true,
    truncated: fields.get('truncated') === true,
    brokers: countOf(fields, 'brokers'),
  };
}

function checkQuery(query: InterestQuery): void {
  if (!isSubjectToken(query.collective)) throw refuse('"collective" is no name of a collective');
  const {agents = [], identities = []} = query;
  if (agents.length > protocolLimits.interestAgentsMax || !agents.every((name) => isSubjectToken(name))) {
    throw refuse(`"agents" must be at most ${protocolLimits.interestAgentsMax} names of agents`);
  }
  if (identities.length > protocolLimits.interestIdentitiesMax || !identities.every((name) => isSubjectName(name))) {
    throw refuse(`"identities" must be at most ${protocolLimits.interestIdentitiesMax} identities`);
  }
}

function readObject(payload: Uint8Array, protocol: string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(payload, {bytesMax: protocolLimits.interestDocumentBytesMax, depthMax: 3});
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new ProtocolError('ERR_JSON_INVALID', `Cannot read a message about interest: ${cause.message}`, {
      stage: 'transport',
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse('it is no object');
  const fields = new Map<string, unknown>(Object.entries(value));
  if (fields.get('protocol') !== protocol) throw refuse(`"protocol" is not ${protocol}`);
  return fields;
}

function textOf(fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name);
  if (typeof value !== 'string') throw refuse(`"${name}" is no text`);
  return value;
}

function countOf(fields: ReadonlyMap<string, unknown>, name: string): number {
  const value = fields.get(name);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw refuse(`"${name}" is no count`);
  return value;
}

function optionalNames(fields: ReadonlyMap<string, unknown>, name: string): Record<string, readonly string[]> {
  const value = fields.get(name);
  if (value === undefined || value === null) return {};
  if (!Array.isArray(value) || !value.every((item): item is string => typeof item === 'string')) {
    throw refuse(`"${name}" is no list of names`);
  }
  return {[name]: value};
}

function refuse(why: string): ProtocolError {
  return new ProtocolError('ERR_SCHEMA', `Cannot use a message about interest: ${why}`, {stage: 'transport'});
}
