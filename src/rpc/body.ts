/**
 * Request and reply bodies of agents.
 *
 * Failures are worded as the fleets' own servers word them, because the text travels back to the caller. Vectors: `agents/rpc.json`,
 * `protocol/rpc-bodies-v1.json`.
 */
import {jsonKind} from '../lib/go-fields.ts';
import {parseJson} from '../lib/json.ts';
import {jsonSyntaxError} from '../lib/json-syntax.ts';
import {stringifyGo} from '../lib/go-json.ts';
import {RpcError} from './errors.ts';
import {bodyDepthMax} from './limits.ts';
import type {RpcReply} from './types.ts';

export interface RequestBody {
  readonly agent: string;
  readonly action: string;
  /** Whatever stood there; `{}` when absent or null. */
  readonly data: unknown;
}

/**
 * @throws {RpcError} `ERR_RPC_BODY`; the message is the reason alone, as it goes into the reply
 */
export function parseRequestBody(body: Uint8Array): RequestBody {
  const value = parseBodyJson(body);
  if (value === null) return {agent: '', action: '', data: {}};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw bodyError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type mcorpc.Request`);
  }
  const found = new Map<string, unknown>();
  for (const [key, item] of Object.entries(value)) if (item !== null) found.set(key.toLowerCase(), item);
  return {
    agent: textField(found, 'agent'),
    action: textField(found, 'action'),
    data: found.get('data') ?? {},
  };
}

function parseBodyJson(body: Uint8Array): unknown {
  const problem = jsonSyntaxError(body);
  if (problem !== undefined) throw bodyError(problem);
  return parseJson(body, {bytesMax: Math.max(body.length, 1), depthMax: bodyDepthMax, bigIntegers: true});
}

function textField(found: ReadonlyMap<string, unknown>, name: string): string {
  const value = found.get(name) ?? '';
  if (typeof value === 'string') return value;
  throw bodyError(`json: cannot unmarshal ${jsonKind(value)} into Go struct field Request.${name} of type string`);
}

function bodyError(reason: string): RpcError {
  return new RpcError('ERR_RPC_BODY', reason);
}

/** The bytes of a reply; keys in the order in which every Choria program writes them. */
export function formatReplyBody(action: string, reply: RpcReply): Buffer {
  const {statusCode, statusMessage, data} = reply;
  const head = {action: reply.action ?? action, statuscode: statusCode, statusmsg: statusMessage};
  // Outputs are a map there, and maps are written with sorted keys: readers of raw replies see the same text.
  const outputs = stringifyGo(data === undefined ? {} : data, {sortKeys: true});
  return Buffer.from(`${stringifyGo(head).slice(0, -1)},"data":${outputs}}`, 'utf8');
}
