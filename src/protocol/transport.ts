/**
 * The outermost layer of every message: where it goes, where its reply goes, who handled it. Nothing here is signed, so every
 * field is checked for shape, size and harmless content before anybody uses it.
 */
import {decodeBase64, encodeBase64} from './base64.ts';
import {ProtocolError} from './errors.ts';
import {protocolLimits} from './limits.ts';
import {isDisplayName, isPublishSubject, quoteName} from './names.ts';
import {protocolNames} from './protocol-names.ts';
import {requireSchema} from './schema.ts';
import {readStrictJson} from './strict-json.ts';
import type {FederationHeader, Hop, ProtocolVersion, Transport} from './types.ts';

/** Names of the header keys, by version. */
interface HeaderKeys {
  readonly replyTo: string;
  readonly sender: string;
  readonly trace: string;
  readonly federationRequest: string;
  readonly federationReply: string;
  readonly federationTargets: string;
}

const headerKeys: Readonly<Record<ProtocolVersion, HeaderKeys>> = {
  1: {
    replyTo: 'reply-to',
    sender: 'mc_sender',
    trace: 'seen-by',
    federationRequest: 'req',
    federationReply: 'reply-to',
    federationTargets: 'target',
  },
  2: {
    replyTo: 'reply',
    sender: 'sender',
    trace: 'trace',
    federationRequest: 'request',
    federationReply: 'reply',
    federationTargets: 'targets',
  },
};

type WireObject = Readonly<Record<string, unknown>>;

/**
 * Reads a message as it came from the network.
 *
 * @param options.strict  also apply the transport's JSON schema, as clients with strict validation do
 * @throws {ProtocolError} at stage `transport`: `ERR_MESSAGE_TOO_LARGE` | `ERR_JSON_INVALID` | `ERR_PROTOCOL_UNKNOWN` | `ERR_SCHEMA` |
 * `ERR_TRANSPORT_INVALID` | `ERR_BASE64_INVALID`
 */
export function openTransport(
  bytes: Uint8Array,
  options: {readonly strict?: boolean; readonly bytesMax?: number} = {},
): Transport {
  const bytesMax = options.bytesMax ?? protocolLimits.messageBytesMax;
  if (bytes.length > bytesMax) {
    throw new ProtocolError(
      'ERR_MESSAGE_TOO_LARGE',
      `Cannot read message: it has ${bytes.length} bytes, at most ${bytesMax} are accepted`,
      {stage: 'transport'},
    );
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const {value} = readStrictJson(text, {stage: 'transport', what: 'message', bytesMax});
  const version = detectVersion(value);
  const document = value as WireObject;
  if (options.strict === true) {
    requireSchema(protocolNames[version].transport, document, {what: 'transport', stage: 'transport'});
  }
  const data = document['data'];
  const payload = typeof data === 'string' ? decodeBase64(data) : undefined;
  if (payload === undefined) {
    throw new ProtocolError('ERR_BASE64_INVALID', 'Cannot read message: its key "data" is not base64', {
      stage: 'transport',
    });
  }
  const {headers} = document;
  if (!isObject(headers)) throw refuse('its key "headers" is not an object');
  return {version, payload, ...readHeaders(headers, headerKeys[version])};
}

const headersStart = Buffer.from('"headers":', 'latin1');

/**
 * The sender of a message without decoding what it carries: for lists of who answered, where a fleet sends thousands. A message that is
 * not laid out as programs write it (headers last) is opened whole.
 *
 * @throws as `openTransport`
 */
export function peekTransportSender(bytes: Buffer): string | undefined {
  const at = bytes.lastIndexOf(headersStart);
  const version = ([1, 2] as const).find((candidate) => startsWith(bytes, documentStarts[candidate]));
  if (version === undefined || at < 0 || bytes.length > protocolLimits.messageBytesMax)
    return openTransport(bytes).senderId;
  let headers: unknown;
  try {
    headers = JSON.parse(bytes.toString('utf8', at + headersStart.length, bytes.length - 1));
  } catch {
    return openTransport(bytes).senderId;
  }
  return isObject(headers) ? readName(headers, headerKeys[version].sender) : openTransport(bytes).senderId;
}

const documentStarts: Readonly<Record<ProtocolVersion, Buffer>> = {
  1: Buffer.from(`{"protocol":"${protocolNames[1].transport}",`),
  2: Buffer.from(`{"protocol":"${protocolNames[2].transport}",`),
};

function detectVersion(value: unknown): ProtocolVersion {
  const protocol = isObject(value) ? value['protocol'] : undefined;
  if (protocol === protocolNames[1].transport) return 1;
  if (protocol === protocolNames[2].transport) return 2;
  const shown = typeof protocol === 'string' ? quoteName(protocol) : 'none';
  throw new ProtocolError(
    'ERR_PROTOCOL_UNKNOWN',
    `Cannot read message: its protocol is ${shown}, expected ${protocolNames[1].transport} or ${protocolNames[2].transport}`,
    {stage: 'transport'},
  );
}

function readHeaders(headers: WireObject, keys: HeaderKeys): Omit<Transport, 'version' | 'payload'> {
  const replyTo = readSubject(headers, keys.replyTo);
  const senderId = readName(headers, keys.sender);
  const federation = readFederation(headers['federation'], keys);
  return {
    trace: readTrace(headers[keys.trace]),
    ...(replyTo === undefined ? {} : {replyTo}),
    ...(senderId === undefined ? {} : {senderId}),
    ...(federation === undefined ? {} : {federation}),
  };
}

function readFederation(value: unknown, keys: HeaderKeys): FederationHeader | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw refuse('its federation header is not an object');
  const requestId = readName(value, keys.federationRequest);
  if (requestId === undefined) throw refuse('its federation header has no request id');
  const replyTo = readSubject(value, keys.federationReply);
  const targets = value[keys.federationTargets] ?? [];
  if (!Array.isArray(targets)) throw refuse('its federation targets are not a list');
  if (targets.length > protocolLimits.federationTargetsMax) {
    throw refuse(
      `it has ${targets.length} federation targets, at most ${protocolLimits.federationTargetsMax} are accepted`,
    );
  }
  return {
    requestId,
    ...(replyTo === undefined ? {} : {replyTo}),
    targets: targets.map((target) => requireSubject(target, 'a federation target')),
  };
}

function readTrace(value: unknown): readonly Hop[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw refuse('its trace is not a list');
  if (value.length > protocolLimits.hopsMax) {
    throw refuse(`it made ${value.length} hops, at most ${protocolLimits.hopsMax} are accepted`);
  }
  return value.map((hop: unknown) => {
    const isHop =
      Array.isArray(hop) &&
      hop.length <= 3 &&
      hop.every((part) => typeof part === 'string' && part.length <= protocolLimits.hopTextLengthMax);
    if (!isHop) throw refuse('a hop of its trace is not a list of up to three texts');
    return hop as Hop;
  });
}

/** The text under a key; absent, null and empty mean none. */
function readText(object: WireObject, key: string): string | undefined {
  const value = object[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw refuse(`its header "${key}" is not a text`);
  return value;
}

function readName(object: WireObject, key: string): string | undefined {
  const name = readText(object, key);
  if (name !== undefined && !isDisplayName(name)) {
    throw refuse(`its header "${key}" is ${quoteName(name)}, expected a name without control characters`);
  }
  return name;
}

function readSubject(object: WireObject, key: string): string | undefined {
  const subject = readText(object, key);
  return subject === undefined ? undefined : requireSubject(subject, `its header "${key}"`);
}

function requireSubject(value: unknown, what: string): string {
  if (typeof value === 'string' && isPublishSubject(value)) return value;
  throw refuse(`${what} is ${quoteName(String(value))}, expected a subject without blanks and wildcards`);
}

function startsWith(bytes: Buffer, start: Buffer): boolean {
  return bytes.length >= start.length && bytes.compare(start, 0, start.length, 0, start.length) === 0;
}

function isObject(value: unknown): value is WireObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(reason: string): ProtocolError {
  return new ProtocolError('ERR_TRANSPORT_INVALID', `Cannot accept message: ${reason}`, {stage: 'transport'});
}

/** Writes a transport around a secure request or reply; the payload may be wrapped as often as needed. */
export function encodeTransport(transport: Transport): Buffer {
  const keys = headerKeys[transport.version];
  const {federation} = transport;
  // Written by hand: thousands of servers in a process do this for each reply, and base64 needs no look at each letter.
  const headers: string[] = [];
  const add = (key: string, value: unknown): void => void headers.push(`"${key}":${JSON.stringify(value)}`);
  if (transport.replyTo !== undefined) add(keys.replyTo, transport.replyTo);
  if (transport.senderId !== undefined) add(keys.sender, transport.senderId);
  if (transport.trace.length > 0) add(keys.trace, transport.trace);
  if (federation !== undefined) add('federation', encodeFederation(federation, keys));
  const {transport: protocol} = protocolNames[transport.version];
  const data = encodeBase64(transport.payload);
  return Buffer.from(`{"protocol":"${protocol}","data":"${data}","headers":{${headers.join(',')}}}`, 'utf8');
}

function encodeFederation(federation: FederationHeader, keys: HeaderKeys): WireObject {
  return {
    [keys.federationRequest]: federation.requestId,
    ...(federation.replyTo === undefined ? {} : {[keys.federationReply]: federation.replyTo}),
    ...(federation.targets.length === 0 ? {} : {[keys.federationTargets]: federation.targets}),
  };
}
