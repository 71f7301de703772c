/** Makes and signs requests of both versions. */
import type {SecurityProvider} from '../crypto/index.ts';
import {encodeBase64} from './base64.ts';
import {encodeBody} from './body.ts';
import {emptyFilter, filterToWire} from './filter-wire.ts';
import {protocolNames} from './protocol-names.ts';
import {decodeRequest, protocolVersionOf} from './request.ts';
import type {Request} from './types.ts';

/** What a new request is made of; the rest comes from the provider. */
export type NewRequest = Omit<Request, 'version' | 'callerId' | 'filter'> & {
  readonly filter?: Request['filter'];
  /** For privileged signers only; absent: the provider's own caller id. */
  readonly callerId?: string;
};

/**
 * Makes and signs a request; wrap the result with `encodeTransport`, as often as there are targets.
 *
 * @param options.unsigned  for agents that receive requests before the caller can sign, such as a remote signer
 * @throws {ProtocolError} `ERR_SCHEMA` | `ERR_REQUEST_INVALID` when the request would be refused by every receiver
 */
export async function encodeRequest(
  request: NewRequest,
  options: {readonly provider: SecurityProvider; readonly unsigned?: boolean},
): Promise<Buffer> {
  const {provider} = options;
  const version = protocolVersionOf(provider);
  const {message} = completeRequest(request, provider);
  const isUnsigned = options.unsigned === true || provider.isUnsigned === true;
  const signature = isUnsigned ? Buffer.from('insecure') : await provider.sign(message);
  const document =
    version === 1
      ? secureRequestV1(message, signature, {provider, isUnsigned})
      : secureRequestV2(message, signature, provider);
  return Buffer.from(JSON.stringify(document), 'utf8');
}

/**
 * The request with what the provider adds, and its own JSON: what is signed.
 *
 * @throws {ProtocolError} `ERR_SCHEMA` | `ERR_REQUEST_INVALID` when the request would be refused by every receiver
 */
export function completeRequest(
  request: NewRequest,
  provider: Pick<SecurityProvider, 'technology' | 'callerId'>,
): {readonly request: Request; readonly message: Buffer} {
  const version = protocolVersionOf(provider);
  const complete = {
    ...request,
    version,
    callerId: request.callerId ?? provider.callerId,
    filter: request.filter ?? emptyFilter,
  };
  const message = encodeRequestDocument(complete);
  // What we send passes what we accept: one rule for both directions.
  decodeRequest(message, version);
  return {request: complete, message};
}

function secureRequestV1(
  message: Buffer,
  signature: Buffer,
  options: {readonly provider: SecurityProvider; readonly isUnsigned: boolean},
): object {
  return {
    protocol: protocolNames[1].secureRequest,
    message: message.toString('utf8'),
    signature: options.isUnsigned ? 'insecure' : encodeBase64(signature),
    pubcert: options.isUnsigned ? 'insecure' : options.provider.credential,
  };
}

function secureRequestV2(message: Buffer, signature: Buffer, provider: SecurityProvider): object {
  return {
    protocol: protocolNames[2].secureRequest,
    request: encodeBase64(message),
    signature: encodeBase64(signature),
    caller: provider.credential,
  };
}

/** The request's own JSON, the bytes that are signed. */
export function encodeRequestDocument(request: Request): Buffer {
  const message = encodeBody(request.body);
  const shared = {collective: request.collective, agent: request.agent, ttl: request.ttlSeconds};
  if (request.version === 1) {
    const envelope = {
      requestid: request.id,
      senderid: request.senderId,
      callerid: request.callerId,
      ...shared,
      time: Math.floor(request.sentAtMs / 1_000),
      filter: filterToWire(request.filter),
    };
    return Buffer.from(JSON.stringify({protocol: protocolNames[1].request, message, envelope}), 'utf8');
  }
  const document = {
    protocol: protocolNames[2].request,
    message: encodeBase64(Buffer.from(message, 'utf8')),
    id: request.id,
    sender: request.senderId,
    caller: request.callerId,
    ...shared,
    time: 0,
    filter: filterToWire(request.filter),
  };
  return Buffer.from(withNanoseconds(JSON.stringify(document), request.sentAtMs), 'utf8');
}

/** Puts the time in, as digits: nanoseconds since 1970 are beyond what a number holds exactly. */
export function withNanoseconds(json: string, timeMs: number): string {
  // `"time":0` as a key stands outside strings: inside one, its quotes would be escaped.
  return json.replace('"time":0', `"time":${Math.floor(timeMs)}000000`);
}
