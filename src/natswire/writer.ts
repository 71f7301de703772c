/** Builds the operations that a client sends and a server answers with. */
import {checkPublishSubject, checkSubscribeSubject} from './subject.ts';

export const wirePing: Buffer = Buffer.from('PING\r\n');
export const wirePong: Buffer = Buffer.from('PONG\r\n');
export const wireOk: Buffer = Buffer.from('+OK\r\n');
const lineEnd = Buffer.from('\r\n');

/** What a client says of itself; names as on the wire. */
export interface ConnectWire {
  readonly verbose: boolean;
  readonly pedantic: boolean;
  readonly echo?: boolean;
  readonly protocol?: number;
  readonly headers?: boolean;
  readonly no_responders?: boolean;
  readonly tls_required?: boolean;
  readonly name?: string;
  readonly lang?: string;
  readonly version?: string;
  readonly user?: string;
  readonly pass?: string;
  readonly auth_token?: string;
  readonly jwt?: string;
  readonly nkey?: string;
  readonly sig?: string;
}

export function encodeConnect(options: ConnectWire): Buffer {
  return Buffer.from(`CONNECT ${JSON.stringify(options)}\r\n`);
}

/**
 * PUB, or HPUB when there is a header block, in one buffer.
 *
 * @throws {WireError} `ERR_WIRE_SUBJECT` when the subject or the reply subject would break the line
 */
export function encodePublish(
  subject: string,
  payload: Uint8Array,
  options: {readonly replyTo?: string | undefined; readonly headerBlock?: Uint8Array | undefined} = {},
): Buffer {
  const head = publishHead(subject, payload.length, options);
  const headerSize = options.headerBlock?.length ?? 0;
  const result = Buffer.allocUnsafe(head.length + headerSize + payload.length + 2);
  let at = result.write(head, 0, 'latin1');
  if (options.headerBlock !== undefined) {
    result.set(options.headerBlock, at);
    at += headerSize;
  }
  result.set(payload, at);
  result.set(lineEnd, at + payload.length);
  return result;
}

function publishHead(
  subject: string,
  payloadSize: number,
  options: {readonly replyTo?: string | undefined; readonly headerBlock?: Uint8Array | undefined},
): string {
  checkPublishSubject(subject);
  const replyTo = options.replyTo;
  if (replyTo !== undefined) checkPublishSubject(replyTo);
  const reply = replyTo === undefined ? '' : ` ${toBytesText(replyTo)}`;
  if (options.headerBlock === undefined) return `PUB ${toBytesText(subject)}${reply} ${payloadSize}\r\n`;
  const headerSize = options.headerBlock.length;
  return `HPUB ${toBytesText(subject)}${reply} ${headerSize} ${headerSize + payloadSize}\r\n`;
}

/** Text whose characters are the UTF-8 bytes; ASCII, the usual case, stays as it is. */
export function toBytesText(text: string): string {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 127) return Buffer.from(text, 'utf8').toString('latin1');
  }
  return text;
}

/** @throws {WireError} `ERR_WIRE_SUBJECT` */
export function encodeSubscribe(
  subject: string,
  options: {readonly sid: number; readonly queue?: string | undefined},
): Buffer {
  checkSubscribeSubject(subject);
  const queue = options.queue === undefined ? '' : ` ${options.queue}`;
  if (options.queue !== undefined) checkPublishSubject(options.queue);
  return Buffer.from(`SUB ${subject}${queue} ${options.sid}\r\n`);
}

export function encodeUnsubscribe(sid: number, max?: number): Buffer {
  return Buffer.from(max === undefined ? `UNSUB ${sid}\r\n` : `UNSUB ${sid} ${max}\r\n`);
}

/** The server's first line; a blank stands before the line end, as nats-server sends it. */
export function encodeInfo(info: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(`INFO ${JSON.stringify(info)} \r\n`);
}

/** `text` is latin1 when it repeats bytes of the peer. */
export function encodeError(text: string): Buffer {
  return Buffer.from(`-ERR '${text}'\r\n`, 'latin1');
}
