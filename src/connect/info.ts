/**
 * The first line of a broker, read before anything else is understood: it decides whether TLS starts on this very stream.
 */
import type {ByteStream} from '../lib/network.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';

/** The fields of INFO that a client acts upon. */
export interface BrokerInfo {
  readonly serverId: string;
  readonly serverName: string;
  readonly version: string;
  readonly headers: boolean;
  readonly maxPayloadBytes: number;
  readonly tlsRequired: boolean;
  readonly tlsAvailable: boolean;
  readonly nonce: string | undefined;
  readonly lameDuck: boolean;
  /** The number and the address under which the broker knows this connection; 0 and empty when it does not tell. */
  readonly clientId: number;
  readonly clientAddress: string;
  /** Other brokers of its cluster, `host:port`, when it tells. */
  readonly connectUrls: readonly string[];
}

/**
 * @throws {ConnectError} `ERR_BROKER_PROTOCOL`
 */
export function parseInfo(json: Buffer, server: string): BrokerInfo {
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch (cause) {
    throw new ConnectError('ERR_BROKER_PROTOCOL', `Cannot understand the INFO line of ${server}: it is not JSON`, {
      cause,
      details: {server},
    });
  }
  const fields = new Map(Object.entries(typeof value === 'object' && value !== null ? value : {}));
  const text = (name: string): string => {
    const found = fields.get(name);
    return typeof found === 'string' ? found : '';
  };
  const maxPayload = fields.get('max_payload');
  return {
    serverId: text('server_id'),
    serverName: text('server_name'),
    version: text('version'),
    headers: fields.get('headers') === true,
    maxPayloadBytes:
      typeof maxPayload === 'number' && maxPayload > 0
        ? Math.min(maxPayload, connectLimits.payloadBytesMax)
        : connectLimits.defaultMaxPayloadBytes,
    tlsRequired: fields.get('tls_required') === true,
    tlsAvailable: fields.get('tls_available') === true,
    nonce: text('nonce') === '' ? undefined : text('nonce'),
    lameDuck: fields.get('ldm') === true,
    clientId: numberOf(fields.get('client_id')),
    clientAddress: text('client_ip'),
    connectUrls: textsOf(fields.get('connect_urls')),
  };
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
}

function textsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is string => typeof item === 'string').slice(0, connectLimits.serversMax);
}

export interface FirstLine {
  readonly info: BrokerInfo;
  /** What came behind the line in the same chunk. */
  readonly rest: Buffer;
}

/**
 * Waits for `INFO {...}` at the start of the stream. The caller bounds the time by destroying the stream.
 */
export function readFirstLine(stream: ByteStream, server: string): Promise<FirstLine> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    const end = (): void => {
      stream.onData = undefined;
      stream.onClose = undefined;
    };
    const refuse = (why: string): void => {
      end();
      reject(new ConnectError('ERR_BROKER_PROTOCOL', `Cannot use ${server} as a broker: ${why}`, {details: {server}}));
    };
    stream.onClose = (cause) => {
      end();
      reject(
        new ConnectError('ERR_CONNECTION_LOST', `The broker at ${server} closed the connection before its INFO line`, {
          ...(cause === undefined ? {} : {cause}),
          details: {server},
        }),
      );
    };
    stream.onData = (chunk) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const lineEnd = held.indexOf(10);
      if (lineEnd < 0) {
        if (held.length > connectLimits.infoBytesMax)
          refuse(`it sent ${held.length} bytes without a line end, expected an INFO line`);
        else if (!looksLikeInfo(held)) refuse('it does not greet with an INFO line, as a NATS server does');
        return;
      }
      if (!looksLikeInfo(held)) {
        refuse('it does not greet with an INFO line, as a NATS server does');
        return;
      }
      end();
      try {
        resolve({info: parseInfo(held.subarray(5, lineEnd), server), rest: held.subarray(lineEnd + 1)});
      } catch (error) {
        reject(error);
      }
    };
  });
}

function looksLikeInfo(bytes: Buffer): boolean {
  const head = bytes.subarray(0, 5).toString('latin1').toUpperCase();
  return 'INFO '.startsWith(head) || (head.startsWith('INFO') && head.charCodeAt(4) === 9);
}
