/**
 * Reads the reply file of an external agent. Failures are worded as callers of other servers know them.
 */
import {parseJson} from '../../lib/json.ts';
import {jsonSyntaxError} from '../../lib/json-syntax.ts';
import {errorMessage} from '../../lib/errors.ts';
import {compareBytes} from '../../lib/go-text.ts';
import {jsonKind} from '../../lib/go-fields.ts';
import {AgentsError} from '../errors.ts';
import {replyDepthMax} from '../limits.ts';

export interface ExternalReply {
  readonly statusCode: number;
  readonly statusMessage: string;
  /** Undefined when the reply has none; null when it says so. */
  readonly data: unknown;
  readonly action: string;
}

/** @throws {AgentsError} `ERR_AGENT_REPLY` */
export function parseExternalReply(bytes: Uint8Array): ExternalReply {
  const problem = jsonSyntaxError(bytes);
  if (problem !== undefined) throw replyError(problem);
  const value = parse(bytes);
  if (value === null) return {statusCode: 0, statusMessage: 'OK', data: undefined, action: ''};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw replyError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type mcorpc.Reply`);
  }
  const found = new Map<string, unknown>(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]));
  return {
    statusCode: statusCode(found.get('statuscode')),
    statusMessage: textField(found, 'statusmsg') ?? 'OK',
    data: sortKeys(found.get('data')),
    action: textField(found, 'action') ?? '',
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes, {bytesMax: Math.max(bytes.length, 1), depthMax: replyDepthMax, bigIntegers: true});
  } catch (error) {
    throw replyError(errorMessage(error));
  }
}

/** Callers of other servers see the members of an external agent's data sorted by name, and so do ours. Depth was bounded while parsing. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => compareBytes(a, b));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

function statusCode(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255) return value;
  const found = typeof value === 'number' || typeof value === 'bigint' ? `number ${value.toString()}` : jsonKind(value);
  throw replyError(`json: cannot unmarshal ${found} into Go struct field Reply.statuscode of type mcorpc.StatusCode`);
}

function textField(found: ReadonlyMap<string, unknown>, name: string): string | undefined {
  const value = found.get(name);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw replyError(`json: cannot unmarshal ${jsonKind(value)} into Go struct field Reply.${name} of type string`);
}

function replyError(reason: string): AgentsError {
  return new AgentsError('ERR_AGENT_REPLY', `failed to decode reply json: ${reason}`);
}
