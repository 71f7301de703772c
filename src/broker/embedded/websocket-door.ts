/**
 * The way in through HTTP: TLS when asked for, the upgrade request, and then a NATS connection like any other.
 *
 * Everything before the upgrade is bounded by one time-out and one size; a refused request may be followed by a better one.
 */
import {errorMessage} from '../../lib/errors.ts';
import type {ByteStream} from '../../lib/network.ts';
import type {TimerHandle} from '../../lib/platform.ts';
import {answerUpgrade, parseHttpHead, type Upgrade, wireLimits} from '../../natswire/index.ts';
import type {EngineCore} from './core.ts';
import type {EngineTls} from './parts.ts';

export interface WebSocketListenerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Shown to clients that ask where else they may connect. */
  readonly advertise?: string;
  readonly tls?: Omit<EngineTls, 'handshakeFirst'>;
  /** Default true. */
  readonly isCompressed?: boolean;
  readonly allowedOrigins?: readonly string[];
  readonly isSameOriginRequired?: boolean;
}

/** @param enter called when the upgrade was answered */
export async function openWebSocketDoor(
  stream: ByteStream,
  options: {
    readonly core: EngineCore;
    readonly listener: WebSocketListenerOptions;
    readonly enter: (stream: ByteStream, upgrade: Upgrade) => void;
  },
): Promise<void> {
  const {core, listener, enter} = options;
  const {tls} = listener;
  if (tls !== undefined) {
    try {
      await stream.startTlsServer({...tls, timeoutMs: core.limits.tlsTimeoutMs});
    } catch (error) {
      core.logger.warn('TLS handshake error', {remote: stream.remoteAddress, error: errorMessage(error)});
      stream.destroy();
      return;
    }
  }
  const timer = core.clock.setTimer(() => stream.destroy(), core.limits.webSocketHandshakeMs);
  readRequests(stream, {core, listener, enter, timer});
}

function readRequests(
  stream: ByteStream,
  options: {
    readonly core: EngineCore;
    readonly listener: WebSocketListenerOptions;
    readonly enter: (stream: ByteStream, upgrade: Upgrade) => void;
    readonly timer: TimerHandle;
  },
): void {
  const {core, listener, timer} = options;
  let held = Buffer.alloc(0);
  const finish = (): void => {
    stream.onData = () => {};
    stream.end();
  };
  stream.onData = (chunk) => {
    held = Buffer.concat([held, chunk]);
    const end = held.indexOf('\r\n\r\n');
    if (end < 0 ? held.length > wireLimits.webSocketHeadBytesMax : end > wireLimits.webSocketHeadBytesMax) {
      stream.write(Buffer.from('HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n', 'latin1'));
      finish();
      return;
    }
    if (end < 0) return;
    const head = parseHttpHead(held.toString('latin1', 0, end));
    const behind = held.length - end - 4;
    const upgrade = answerUpgrade(head, {
      isCompressionAllowed: listener.isCompressed ?? true,
      ...(listener.allowedOrigins === undefined ? {} : {allowedOrigins: listener.allowedOrigins}),
      isSameOriginRequired: listener.isSameOriginRequired ?? false,
      isTls: listener.tls !== undefined,
      hasBytesBehind: behind > 0,
      nowMs: core.clock.nowMs(),
    });
    stream.write(Buffer.from(upgrade.response, 'latin1'));
    held = Buffer.alloc(0);
    if (upgrade.isAccepted) {
      timer.cancel();
      stream.flush();
      options.enter(stream, upgrade);
      return;
    }
    // A request with a body, or with something behind it, leaves no known place where the next one begins.
    const length = head?.headers.get('content-length')?.[0] ?? '0';
    if (head === undefined || behind > 0 || length !== '0' || head.headers.has('transfer-encoding')) finish();
  };
}
