/** Takes over a request that a signing service signed in our name (spec protocol 9, security 6.2). */
import {filterToWire} from './filter-wire.ts';
import {ProtocolError} from './errors.ts';
import {protocolNames} from './protocol-names.ts';
import {decodeRequest} from './request.ts';
import {decodeBase64} from './base64.ts';
import {requireSchema} from './schema.ts';
import {readStrictJson} from './strict-json.ts';
import type {Request} from './types.ts';

const what = 'signed request';
const stage = 'secure_request';

/**
 * Checks that what came back is the request that we asked to have signed, and puts our own token in: the service does not know it, and the
 * signature does not cover it. The service may write the caller in its own way, because its word counts.
 *
 * @param options.asked  the request as it was sent to the service
 * @param options.credential  the caller's token, for version 2
 * @returns the secure request, for `encodeTransport`
 * @throws {ProtocolError} `ERR_SCHEMA` | `ERR_REQUEST_INVALID` | `ERR_REQUEST_UNVERIFIED`
 */
export function adoptSignedRequest(
  document: Buffer,
  options: {readonly asked: Request; readonly credential: string},
): Buffer {
  const {asked, credential} = options;
  const {value} = readStrictJson(document.toString('utf8'), {stage, what});
  const wire = value as Readonly<Record<string, unknown>>;
  const isOurs = asked.version === 2;
  const complete = isOurs ? {...wire, caller: credential} : wire;
  requireSchema(protocolNames[asked.version].secureRequest, complete, {what, stage});
  if (isOurs && (typeof wire['signer'] !== 'string' || wire['signer'] === '')) {
    throw refused('the signer did not put its own token in');
  }
  const text = String(isOurs ? wire['request'] : wire['message']);
  const inner = isOurs ? decodeBase64(text) : Buffer.from(text, 'utf8');
  if (inner === undefined) throw refused('its request is not base64');
  const difference = differenceOf(asked, decodeRequest(inner, asked.version));
  if (difference !== undefined) throw refused(`its ${difference} is not the one that was asked for`);
  return isOurs ? Buffer.from(JSON.stringify(complete), 'utf8') : document;
}

function differenceOf(asked: Request, signed: Request): string | undefined {
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['id', asked.id, signed.id],
    ['agent', asked.agent, signed.agent],
    ['collective', asked.collective, signed.collective],
    ['life', asked.ttlSeconds, signed.ttlSeconds],
    ['filter', JSON.stringify(filterToWire(asked.filter)), JSON.stringify(filterToWire(signed.filter))],
    ['body', asked.body.toString('base64'), signed.body.toString('base64')],
  ];
  return pairs.find(([, one, other]) => one !== other)?.[0];
}

function refused(reason: string): ProtocolError {
  return new ProtocolError('ERR_REQUEST_UNVERIFIED', `Cannot use the signed request: ${reason}`, {stage});
}
