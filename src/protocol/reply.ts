/**
 * Replies: made by nodes, opened by clients, in both versions. Version 1 carries only a hash, so who sent it is known from the
 * broker's rules alone; version 2 can be signed by the node.
 */
import {hash} from 'node:crypto';
import type {SecurityProvider} from '../crypto/index.ts';
import {decodeBase64, encodeBase64} from './base64.ts';
import {ProtocolError, type ProtocolStage} from './errors.ts';
import {nanosecondsToMs} from './ids.ts';
import {requireDisplayName} from './names.ts';
import {protocolNames} from './protocol-names.ts';
import {protocolVersionOf} from './request.ts';
import {withNanoseconds} from './request-encode.ts';
import {requireSchema} from './schema.ts';
import {encodeTransport} from './transport.ts';
import type {ProtocolVersion, Reply, Request, Transport} from './types.ts';

interface ReplyParts {
  readonly senderId: string;
  readonly body: Uint8Array;
  readonly nowMs: number;
}

/**
 * Makes the secure reply to a request.
 *
 * @param options.provider  v2: signs the reply with this process's seed and adds its token; without it the reply is not signed
 */
export async function createReply(
  request: Pick<Request, 'version' | 'id' | 'agent'>,
  options: ReplyParts & {readonly provider?: SecurityProvider},
): Promise<Buffer> {
  const {provider} = options;
  if (provider === undefined || !signsReplies(request, provider)) return createUnsignedReply(request, options);
  const reply = Buffer.from(encodeReplyDocument(request, options), 'utf8');
  return secureReplyV2(reply, {signature: encodeBase64(await provider.sign(reply)), sender: provider.credential});
}

/** Whether replies to this request carry a signature: those of version 1 never do. */
export function signsReplies(
  request: Pick<Request, 'version'>,
  provider: Pick<SecurityProvider, 'isUnsigned'>,
): boolean {
  return request.version === 2 && provider.isUnsigned !== true;
}

/** As `createReply` without a provider: there is nothing to wait for. */
export function createUnsignedReply(request: Pick<Request, 'version' | 'id' | 'agent'>, parts: ReplyParts): Buffer {
  const reply = encodeReplyDocument(request, parts);
  if (request.version === 2) return secureReplyV2(Buffer.from(reply, 'utf8'));
  const document = {protocol: protocolNames[1].secureReply, message: reply, hash: sha256(reply)};
  return Buffer.from(JSON.stringify(document), 'utf8');
}

function secureReplyV2(reply: Buffer, proof: {readonly signature?: string; readonly sender?: string} = {}): Buffer {
  const document = {protocol: protocolNames[2].secureReply, reply: encodeBase64(reply), hash: sha256(reply), ...proof};
  return Buffer.from(JSON.stringify(document), 'utf8');
}

/** JSON text, in which no half of a surrogate pair stands alone: its UTF-8 bytes are what is hashed. */
function encodeReplyDocument(request: Pick<Request, 'version' | 'id' | 'agent'>, options: ReplyParts): string {
  const body = Buffer.from(options.body.buffer, options.body.byteOffset, options.body.byteLength);
  if (request.version === 1) {
    const envelope = {
      requestid: request.id,
      senderid: options.senderId,
      agent: request.agent,
      time: Math.floor(options.nowMs / 1_000),
    };
    return JSON.stringify({protocol: protocolNames[1].reply, message: body.toString('utf8'), envelope});
  }
  const document = {
    protocol: protocolNames[2].reply,
    message: encodeBase64(body),
    request: request.id,
    sender: options.senderId,
    agent: request.agent,
    time: 0,
  };
  return withNanoseconds(JSON.stringify(document), options.nowMs);
}

/** The reply's own JSON document, for programs that read results line by line. */
export function replyToJson(reply: Reply): string {
  const {requestId, senderId, body, sentAtMs} = reply;
  return encodeReplyDocument({...reply, id: requestId}, {senderId, body, nowMs: sentAtMs});
}

/**
 * Wraps a secure reply for the way back of its request: own hop, and for a federated request its header and earlier hops.
 * Publish the result to the request's `replyTo`.
 */
export function encodeReplyTransport(
  request: Transport,
  options: {readonly payload: Buffer; readonly senderId: string; readonly connectedServer: string},
): Buffer {
  const {federation} = request;
  const {version} = request;
  const {payload, senderId, connectedServer} = options;
  const hop = [connectedServer, senderId, connectedServer];
  if (federation === undefined) return encodeTransport({version, payload, senderId, trace: [hop]});
  return encodeTransport({
    version,
    payload,
    senderId,
    trace: [...request.trace, hop],
    federation: {
      requestId: federation.requestId,
      ...(federation.replyTo === undefined ? {} : {replyTo: federation.replyTo}),
      targets: [],
    },
  });
}

export interface OpenReplyOptions {
  /** Apply the JSON schemas too. In version 2 the shipped schema refuses every real reply; that is the setting's known fault. */
  readonly strict?: boolean;
  /** Refuses replies of the other version; and in version 2 tells whether the node that is named signed. */
  readonly provider?: SecurityProvider;
  readonly nowMs?: number;
  /** Refuses what the node that is named did not provably sign. */
  readonly requireSender?: boolean;
}

type WireObject = Readonly<Record<string, unknown>>;

/**
 * Opens a reply: hash, then content.
 *
 * @throws {ProtocolError} at stage `secure_reply` or `reply`: `ERR_REPLY_HASH_MISMATCH` | `ERR_REPLY_INVALID` | `ERR_BASE64_INVALID` |
 * `ERR_SCHEMA` | `ERR_PROTOCOL_UNKNOWN`
 */
export function openReply(transport: Transport, options: OpenReplyOptions = {}): Reply {
  const {version} = transport;
  const {provider} = options;
  if (provider !== undefined && protocolVersionOf(provider) !== version) {
    throw new ProtocolError(
      'ERR_PROTOCOL_UNKNOWN',
      `Cannot accept reply: it is of version ${version}, the security provider "${provider.name}" speaks version ${protocolVersionOf(provider)}`,
      {stage: 'secure_reply'},
    );
  }
  const secure = readObject(transport.payload, 'secure_reply');
  if (options.strict === true) {
    requireSchema(protocolNames[version].secureReply, secure, {what: 'secure reply', stage: 'secure_reply'});
  }
  const bytes = readReplyBytes(secure, version);
  if (secure['hash'] !== sha256(bytes)) {
    throw new ProtocolError('ERR_REPLY_HASH_MISMATCH', 'Cannot accept reply: its hash does not belong to its content', {
      stage: 'secure_reply',
    });
  }
  // The reference looks at the name of the layer last; what the reply inside calls itself only strict validation asks.
  requireProtocol(secure, protocolNames[version].secureReply, 'reply');
  const reply = readObject(bytes, 'reply');
  if (options.strict === true) requireSchema(protocolNames[version].reply, reply, {what: 'reply', stage: 'reply'});
  const opened = version === 1 ? fromWireV1(reply) : fromWireV2(reply);
  const senderVerified = isSenderVerified(bytes, secure, {...options, senderId: opened.senderId});
  if (options.requireSender === true && !senderVerified) {
    throw new ProtocolError(
      'ERR_REPLY_UNVERIFIED',
      `Cannot accept reply: it is not signed by ${JSON.stringify(opened.senderId)}, expected a signature by the holder of that server's token`,
      {stage: 'secure_reply'},
    );
  }
  return {...opened, senderVerified};
}

function requireProtocol(document: WireObject, name: string, stage: ProtocolStage): void {
  if (document['protocol'] === name) return;
  throw new ProtocolError('ERR_PROTOCOL_UNKNOWN', `Cannot accept reply: expected a document of protocol ${name}`, {
    stage,
  });
}

function readReplyBytes(secure: WireObject, version: ProtocolVersion): Buffer {
  const text = secure[version === 1 ? 'message' : 'reply'];
  if (typeof text !== 'string') throw invalid('it carries no content', 'secure_reply');
  if (version === 1) return Buffer.from(text, 'utf8');
  const bytes = decodeBase64(text);
  if (bytes === undefined) {
    throw new ProtocolError('ERR_BASE64_INVALID', 'Cannot accept reply: its content is not base64', {
      stage: 'secure_reply',
    });
  }
  return bytes;
}

/** Replies decide nothing, so a plain parse is enough; size is bounded by the transport, depth does not matter to the parser. */
function readObject(bytes: Buffer, stage: ProtocolStage): WireObject {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ProtocolError('ERR_JSON_INVALID', 'Cannot accept reply: it is not JSON', {stage, cause: error});
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as WireObject;
  throw invalid('it is not a JSON object', stage);
}

function fromWireV1(reply: WireObject): Omit<Reply, 'senderVerified'> {
  // Without an envelope all its fields are empty, as in the reference.
  const envelope = reply['envelope'] === undefined ? {} : reply['envelope'];
  if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope)) {
    throw invalid('its envelope is not an object', 'reply');
  }
  const fields = envelope as WireObject;
  return {
    version: 1,
    requestId: readText(fields, 'requestid'),
    senderId: readText(fields, 'senderid'),
    agent: readText(fields, 'agent'),
    sentAtMs: readNumber(fields, 'time') * 1_000,
    body: Buffer.from(readText(reply, 'message', {isBody: true}), 'utf8'),
  };
}

function fromWireV2(reply: WireObject): Omit<Reply, 'senderVerified'> {
  const body = decodeBase64(readText(reply, 'message', {isBody: true}));
  if (body === undefined) throw invalid('its message is not base64', 'reply');
  return {
    version: 2,
    requestId: readText(reply, 'request'),
    senderId: readText(reply, 'sender'),
    agent: readText(reply, 'agent'),
    sentAtMs: nanosecondsToMs(readNumber(reply, 'time')),
    body,
  };
}

function readText(object: WireObject, key: string, options: {readonly isBody?: boolean} = {}): string {
  const value = object[key] ?? '';
  if (typeof value !== 'string') throw invalid(`its ${key} is not a text`, 'reply');
  return options.isBody === true ? value : requireDisplayName(value, {what: key, stage: 'reply'});
}

function readNumber(object: WireObject, key: string): number {
  const value = object[key] ?? 0;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw invalid(`its ${key} is not an integer`, 'reply');
  return value;
}

function isSenderVerified(
  message: Buffer,
  secure: WireObject,
  options: OpenReplyOptions & {readonly senderId: string},
): boolean {
  const {provider, nowMs} = options;
  const {signature, sender} = secure;
  if (provider?.verifyReply === undefined || nowMs === undefined) return false;
  if (typeof signature !== 'string' || typeof sender !== 'string') return false;
  const bytes = decodeBase64(signature);
  if (bytes === undefined) return false;
  return provider.verifyReply({message, signature: bytes, credential: sender, claimedSender: options.senderId, nowMs});
}

function invalid(reason: string, stage: ProtocolStage): ProtocolError {
  return new ProtocolError('ERR_REPLY_INVALID', `Cannot accept reply: ${reason}`, {stage});
}

function sha256(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'base64');
}
