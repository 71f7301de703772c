/** A WebSocket to a broker: TLS first when asked for, then the upgrade, then the same protocol as everywhere. */
import type {ByteStream} from '../lib/network.ts';
import type {Random} from '../lib/platform.ts';
import {errorMessage} from '../lib/errors.ts';
import {checkUpgradeResponse, encodeUpgradeRequest, WebSocketStream} from '../natswire/index.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';
import type {ServerUrl} from './server-url.ts';

export function isWebSocket(server: ServerUrl): boolean {
  return server.scheme === 'ws' || server.scheme === 'wss';
}

/**
 * The caller bounds the time by destroying the stream.
 *
 * @throws {ConnectError} `ERR_BROKER_PROTOCOL` | `ERR_CONNECTION_LOST`
 */
export async function openWebSocket(
  stream: ByteStream,
  options: {readonly server: ServerUrl; readonly random: Random},
): Promise<ByteStream> {
  const {server, random} = options;
  const key = random.bytes(16).toString('base64');
  const host = `${server.host.includes(':') ? `[${server.host}]` : server.host}:${server.port}`;
  stream.write(Buffer.from(encodeUpgradeRequest({host, path: server.path, key}), 'latin1'));
  const {head, rest} = await readHead(stream, server.text);
  try {
    checkUpgradeResponse(head, key);
  } catch (cause) {
    throw new ConnectError('ERR_BROKER_PROTOCOL', `Cannot use ${server.text} as a broker: ${errorMessage(cause)}`, {
      cause,
      details: {server: server.text},
    });
  }
  if (rest.length > 0) stream.unread(rest);
  const inside = new WebSocketStream(stream, {
    role: 'client',
    isCompressed: false,
    isMaskRequired: false,
    isBrowser: false,
    inflatedBytesMax: () => connectLimits.payloadBytesMax,
    maskKey: () => random.bytes(4),
  });
  stream.resume();
  return inside;
}

function readHead(stream: ByteStream, server: string): Promise<{readonly head: string; readonly rest: Buffer}> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const stop = (): void => {
      stream.onData = undefined;
      stream.onClose = undefined;
    };
    stream.onClose = (cause) => {
      stop();
      reject(
        new ConnectError(
          'ERR_CONNECTION_LOST',
          `The broker at ${server} closed the connection during the WebSocket upgrade`,
          {
            ...(cause === undefined ? {} : {cause}),
            details: {server},
          },
        ),
      );
    };
    stream.onData = (chunk) => {
      held = Buffer.concat([held, chunk]);
      const end = held.indexOf('\r\n\r\n');
      if (end < 0 && held.length <= connectLimits.infoBytesMax) return;
      stop();
      if (end >= 0) {
        stream.pause();
        resolve({head: held.toString('latin1', 0, end), rest: held.subarray(end + 4)});
        return;
      }
      reject(
        new ConnectError(
          'ERR_BROKER_PROTOCOL',
          `Cannot use ${server} as a broker: its answer to the upgrade never ends`,
          {
            details: {server},
          },
        ),
      );
    };
  });
}
