/**
 * Requests: signed by the caller, checked by every node, in both versions.
 *
 * A node goes through the steps in the reference's order, each with its own stage: `openTransport`, `openRequest`, the filter,
 * `checkCollective`, `checkReplySubject`, `checkTtl`, and then the replay guard. Signatures are checked over the bytes that came.
 */
import {createHash} from 'node:crypto';
import {type BoundedCache, createBoundedCache, type ProvenCaller, type SecurityProvider} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {decodeBase64} from './base64.ts';
import {decodeBody} from './body.ts';
import {ProtocolError} from './errors.ts';
import {filterFromWire} from './filter-wire.ts';
import {nanosecondsToMs} from './ids.ts';
import {protocolLimits} from './limits.ts';
import {requireDisplayName} from './names.ts';
import {protocolNames} from './protocol-names.ts';
import {requireSchema} from './schema.ts';
import {readStrictJson} from './strict-json.ts';
import type {ProtocolVersion, Request, Transport} from './types.ts';

interface RequestWireV1 {
  readonly message: string;
  readonly envelope: {
    readonly requestid: string;
    readonly senderid: string;
    readonly callerid: string;
    readonly collective: string;
    readonly agent: string;
    readonly ttl: number;
    readonly time: number;
    readonly filter: unknown;
  };
}

interface RequestWireV2 {
  readonly message: string;
  readonly id: string;
  readonly sender: string;
  readonly caller: string;
  readonly collective: string;
  readonly agent: string;
  readonly ttl: number;
  readonly time: number;
  readonly filter?: unknown;
}

/** A request that passed every check that does not depend on the node. */
export interface OpenedRequest {
  readonly request: Request;
  readonly proven: ProvenCaller;
}

/** Opened requests, shared by the servers of one process. */
export interface RequestCache {
  readonly byHash: BoundedCache<OpenedRequest>;
  /** The same by transport object, for transports that come out of a `TransportCache`: saves the hash. */
  readonly byTransport: WeakMap<Transport, RecentlyOpened>;
}

interface RecentlyOpened {
  readonly trustId: string;
  readonly opened: OpenedRequest;
  readonly expiresAtMs: number;
}

export function createRequestCache(entriesMax: number = protocolLimits.requestCacheEntriesMax): RequestCache {
  return {byHash: createBoundedCache(entriesMax), byTransport: new WeakMap()};
}

/** Which version a provider speaks. */
export function protocolVersionOf(provider: Pick<SecurityProvider, 'technology'>): ProtocolVersion {
  return provider.technology === 'x509' ? 1 : 2;
}

/**
 * Opens what a transport carries: shape, signature, caller, and the request inside.
 *
 * @param options.cache  identical bytes opened before by a provider that trusts the same are not opened again
 * @returns the request, whose `callerId` is the proven one
 * @throws {ProtocolError} at stage `secure_request`
 * @throws {CryptoError} never: what a provider finds becomes `ERR_REQUEST_UNVERIFIED` with the finding as cause
 */
export function openRequest(
  transport: Transport,
  options: {readonly provider: SecurityProvider; readonly nowMs: number; readonly cache?: RequestCache},
): OpenedRequest {
  const {provider, nowMs, cache} = options;
  requireVersion(transport.version, provider);
  if (transport.payload.length > protocolLimits.requestBytesMax) {
    throw new ProtocolError(
      'ERR_MESSAGE_TOO_LARGE',
      `Cannot accept request: it has ${transport.payload.length} bytes, at most ${protocolLimits.requestBytesMax} are accepted`,
      {stage: 'secure_request'},
    );
  }
  if (cache === undefined || provider.trustId === undefined) return openSecureRequest(transport, provider, nowMs);
  return openCached(transport, {provider, nowMs, cache, trustId: provider.trustId});
}

interface CachedOpening {
  readonly provider: SecurityProvider;
  readonly nowMs: number;
  readonly cache: RequestCache;
  readonly trustId: string;
}

function openCached(transport: Transport, options: CachedOpening): OpenedRequest {
  const {cache, trustId, nowMs} = options;
  const recent = cache.byTransport.get(transport);
  if (recent !== undefined && recent.trustId === trustId && nowMs < recent.expiresAtMs) return recent.opened;
  const key = createHash('sha256').update(trustId).update(transport.payload).digest('base64');
  const known = cache.byHash.get(key, nowMs);
  if (known !== undefined) return known;
  const opened = openSecureRequest(transport, options.provider, nowMs);
  const keepMs = nowMs + protocolLimits.requestCacheSeconds * 1_000;
  const expiresAtMs = Math.min(opened.proven.validUntilMs, keepMs);
  cache.byHash.set(key, opened, expiresAtMs);
  cache.byTransport.set(transport, {trustId, opened, expiresAtMs});
  return opened;
}

function requireVersion(version: ProtocolVersion, provider: SecurityProvider): void {
  if (version === protocolVersionOf(provider)) return;
  throw new ProtocolError(
    'ERR_PROTOCOL_UNKNOWN',
    `Cannot accept message: version ${version} of the protocol requires ${version === 1 ? 'an x509' : 'an ed25519+jwt'} based security provider, this one is "${provider.name}"`,
    {stage: 'secure_request'},
  );
}

interface SecureParts {
  readonly message: Buffer;
  readonly signature: Buffer | undefined;
  readonly credential: string;
  readonly signerCredential?: string;
}

function openSecureRequest(transport: Transport, provider: SecurityProvider, nowMs: number): OpenedRequest {
  const parts = readSecureRequest(transport);
  const request = decodeRequest(parts.message, transport.version);
  if (parts.signature === undefined) throw unverified('its signature is not base64');
  let proven: ProvenCaller;
  try {
    proven = provider.verifyRequest({
      message: parts.message,
      signature: parts.signature,
      credential: parts.credential,
      ...(parts.signerCredential === undefined ? {} : {signerCredential: parts.signerCredential}),
      claimedCaller: request.callerId,
      nowMs,
    });
  } catch (error) {
    throw unverified(errorMessage(error), error);
  }
  return {request: {...request, callerId: proven.callerId}, proven};
}

function unverified(reason: string, cause?: unknown): ProtocolError {
  return new ProtocolError('ERR_REQUEST_UNVERIFIED', `Cannot accept request: ${reason}`, {
    stage: 'secure_request',
    cause,
  });
}

function readSecureRequest(transport: Transport): SecureParts {
  const {version} = transport;
  const {value} = readStrictJson(transport.payload.toString('utf8'), {stage: 'secure_request', what: 'secure request'});
  requireSchema(protocolNames[version].secureRequest, value, {what: 'secure request', stage: 'secure_request'});
  const wire = value as Readonly<Record<string, string>>;
  if (version === 1) {
    return {
      message: Buffer.from(wire['message'] ?? '', 'utf8'),
      signature: decodeBase64(wire['signature'] ?? ''),
      credential: wire['pubcert'] ?? '',
    };
  }
  const message = decodeBase64(wire['request'] ?? '');
  if (message === undefined) {
    throw new ProtocolError('ERR_BASE64_INVALID', 'Cannot accept secure request: its key "request" is not base64', {
      stage: 'secure_request',
    });
  }
  const signer = wire['signer'];
  return {
    message,
    signature: decodeBase64(wire['signature'] ?? ''),
    credential: wire['caller'] ?? '',
    ...(signer === undefined || signer === '' ? {} : {signerCredential: signer}),
  };
}

/**
 * Reads request JSON: schema, types and names. Says nothing about who made it.
 *
 * @throws {ProtocolError} at stage `secure_request`
 */
export function decodeRequest(bytes: Buffer, version: ProtocolVersion): Request {
  const {value, fractionKeys} = readStrictJson(bytes.toString('utf8'), {stage: 'secure_request', what: 'request'});
  requireSchema(protocolNames[version].request, value, {what: 'request', stage: 'secure_request'});
  for (const key of ['ttl', 'time']) {
    if (fractionKeys.has(key))
      throw invalid(`its ${key} is written with a fraction or an exponent, expected an integer`);
  }
  const request = version === 1 ? fromWireV1(value as RequestWireV1) : fromWireV2(value as RequestWireV2);
  const named = {
    senderid: request.senderId,
    callerid: request.callerId,
    collective: request.collective,
    agent: request.agent,
  };
  for (const [what, name] of Object.entries({...named, 'request id': request.id})) {
    requireDisplayName(name, {what, stage: 'secure_request'});
  }
  return request;
}

function fromWireV1(wire: RequestWireV1): Request {
  const {envelope} = wire;
  return {
    version: 1,
    id: envelope.requestid,
    senderId: envelope.senderid,
    callerId: envelope.callerid,
    collective: envelope.collective,
    agent: envelope.agent,
    ttlSeconds: requireInteger(envelope.ttl, 'ttl'),
    sentAtMs: requireInteger(envelope.time, 'time') * 1_000,
    filter: filterFromWire(envelope.filter),
    body: decodeBody(wire.message),
  };
}

function fromWireV2(wire: RequestWireV2): Request {
  const message = decodeBase64(wire.message);
  if (message === undefined) throw invalid('its message is not base64');
  // Nanoseconds do not fit a number exactly; milliseconds are all that the life of a request needs.
  if (wire.time >= 2 ** 63) throw invalid('its time is beyond the year 2262');
  return {
    version: 2,
    id: wire.id,
    senderId: wire.sender,
    callerId: wire.caller,
    collective: wire.collective,
    agent: wire.agent,
    ttlSeconds: requireInteger(wire.ttl, 'ttl'),
    sentAtMs: nanosecondsToMs(wire.time),
    filter: filterFromWire(wire.filter),
    body: decodeBody(message.toString('utf8')),
  };
}

/** Times and lives are counted in numbers that are exact; what is larger can only be an attack. */
function requireInteger(value: number, what: string): number {
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER / 1_000) return value;
  throw invalid(`its ${what} is ${value}, expected a number of seconds`);
}

function invalid(reason: string): ProtocolError {
  return new ProtocolError('ERR_REQUEST_INVALID', `Cannot accept request: ${reason}`, {stage: 'secure_request'});
}
