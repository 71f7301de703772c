/**
 * The way in through HTTP: TLS when asked for, the upgrade request, and then a NATS connection like any other.
 *
 * Everything before the upgrade is bounded by one time-out and one size; a refused request may be followed by a better one.
 */
import {errorMessage} from '../../lib/errors.ts';
import type {ByteStream} from '../../lib/network.ts';
import type {TimerHandle} from '../../lib/platform.ts';
import {
  answerUpgrade,
  isRequestLine,
  parseHttpHead,
  tooLargeHeadResponse,
  type Upgrade,
  wireLimits,
} from '../../natswire/index.ts';
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
  const isTooLarge = (end: number): boolean => (end < 0 ? held.length : end) > wireLimits.webSocketHeadBytesMax;
  /** Answers the request that `held` begins with; false when it has not come whole, or no other may follow. */
  const answer = (): boolean => {
    const text = held.toString('latin1');
    const firstEnd = text.indexOf('\n');
    const isRequest = firstEnd < 0 || isRequestLine(text.slice(0, firstEnd).replace(/\r$/, ''));
    const emptyLine = /\r?\n\r?\n/.exec(text);
    const end = emptyLine?.index ?? -1;
    if (isTooLarge(end)) {
      stream.write(Buffer.from(tooLargeHeadResponse, 'latin1'));
      finish();
      return false;
    }
    if (end < 0 && isRequest) return false;
    const head = isRequest ? parseHttpHead(text.slice(0, end)) : undefined;
    held = held.subarray(end + (emptyLine?.[0].length ?? 0));
    const upgrade = answerUpgrade(head, {
      isCompressionAllowed: listener.isCompressed ?? true,
      ...(listener.allowedOrigins === undefined ? {} : {allowedOrigins: listener.allowedOrigins}),
      isSameOriginRequired: listener.isSameOriginRequired ?? false,
      isTls: listener.tls !== undefined,
      hasBytesBehind: held.length > 0,
      nowMs: core.clock.nowMs(),
    });
    stream.write(Buffer.from(upgrade.response, 'latin1'));
    if (upgrade.isAccepted) {
      timer.cancel();
      stream.flush();
      options.enter(stream, upgrade);
      return false;
    }
    // Behind a body there is no known place where the next request begins.
    const length = head?.headers.get('content-length')?.[0] ?? '0';
    if (!upgrade.isLast && length === '0' && head?.headers.has('transfer-encoding') !== true) return held.length > 0;
    finish();
    return false;
  };
  stream.onData = (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (answer());
  };
}
