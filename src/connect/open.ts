/** Opens connections to the middleware. */
import {sleep, type Platform} from '../lib/platform.ts';
import {silentLogger, type Logger} from '../lib/logger.ts';
import {errorMessage} from '../lib/errors.ts';
import type {ConnectAuth} from './auth.ts';
import {backoffMs, fiveSecondBackoff} from './backoff.ts';
import type {ConnectTurns} from './connect-turns.ts';
import {ConnectError, type ConnectErrorCode} from './errors.ts';
import {createHeartbeats, type Heartbeats} from './heartbeats.ts';
import {connectLimits} from './limits.ts';
import {LinkMaker, type ServerSource} from './links.ts';
import {NatsConnection} from './nats-connection.ts';
import type {Session, SessionTls} from './session.ts';
import type {Connection, ConnectionEvents} from './types.ts';

export interface OpenConnectionOptions {
  readonly platform: Pick<Platform, 'clock' | 'random' | 'network'>;
  readonly logger?: Logger;
  /** Shown in the broker's monitoring; servers use their certificate name. */
  readonly name: string;
  /** Broker addresses, or a function that is asked anew before every attempt. */
  readonly servers: readonly string[] | ServerSource;
  /** Absent: plain TCP, and a broker that demands TLS is an error. Given: a broker without TLS is an error. */
  readonly tls?: SessionTls;
  readonly auth?: ConnectAuth;
  /** Called before each attempt; what it changes in `tls` and `auth` counts for that attempt. */
  readonly prepare?: () => Promise<void>;
  /** First tokens of the inbox for requests, such as `mcollective.reply`. */
  readonly inboxPrefix: string;
  readonly connectTimeoutMs?: number;
  /** For TLS and the first words with a broker that accepted the connection; when it is longer than the time for connecting. */
  readonly startTimeoutMs?: number;
  readonly pingIntervalMs?: number;
  /** Shared keep-alive of many connections; its interval wins over `pingIntervalMs`. */
  readonly heartbeats?: Heartbeats;
  /** Shared by many connections of a process: only some of them are made at a time. */
  readonly turns?: ConnectTurns;
  readonly events?: ConnectionEvents;
  /** Ends the attempts and closes the connection. */
  readonly signal?: AbortSignal;
  /** Attempts before the first connection; without it they go on for ever. */
  readonly attemptsMax?: number;
  /** Errors that end the first connection's attempts at once, such as `ERR_AUTHORIZATION`. */
  readonly giveUpOn?: readonly ConnectErrorCode[];
  /** Called after each failed attempt of the first connection. */
  readonly attemptFailed?: (error: Error, attempt: number) => void;
  readonly localAddress?: string;
}

/**
 * Opens a connection that stays: it comes back by itself until `close()` or until the signal is aborted.
 *
 * Resolves with the first connection. Later losses show as events and in `state`.
 *
 * @throws {ConnectError} when `attemptsMax` or `giveUpOn` ended the attempts; the signal's reason when it was aborted
 */
export async function openConnection(options: OpenConnectionOptions): Promise<Connection> {
  const {platform, events = {}} = options;
  const logger = options.logger ?? silentLogger;
  const controller = new AbortController();
  const links = new LinkMaker({
    clock: platform.clock,
    random: platform.random,
    network: platform.network,
    logger,
    name: options.name,
    servers: options.servers,
    tls: options.tls,
    auth: options.auth,
    prepare: options.prepare,
    timeoutMs: checkTimeout(options.connectTimeoutMs ?? connectLimits.connectTimeoutMs),
    startTimeoutMs: options.startTimeoutMs,
    localAddress: options.localAddress,
    turns: options.turns,
    signal: controller.signal,
    stop: () => controller.abort(new ConnectError('ERR_CONNECTION_CLOSED', 'The connection was closed')),
  });
  const {signal} = options;
  signal?.throwIfAborted();
  const stopEarly = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', stopEarly, {once: true});
  let session: Session;
  try {
    session = await firstSession(links, {...options, logger});
  } finally {
    signal?.removeEventListener('abort', stopEarly);
  }
  const heartbeats =
    options.heartbeats ??
    createHeartbeats({clock: platform.clock, intervalMs: options.pingIntervalMs ?? connectLimits.pingIntervalMs});
  const connection = new NatsConnection(session, {links, heartbeats, events, inboxPrefix: options.inboxPrefix});
  if (signal !== undefined) closeWith(connection, {signal, lifetime: controller.signal});
  logger.info(`Connected to ${session.server.text}`);
  events.connected?.(session.server.text);
  return connection;
}

async function firstSession(
  links: LinkMaker,
  options: OpenConnectionOptions & {readonly logger: Logger},
): Promise<Session> {
  const {attemptsMax = Number.POSITIVE_INFINITY, giveUpOn = [], logger} = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await links.pass();
    } catch (error) {
      links.signal.throwIfAborted();
      if (error instanceof ConnectError && giveUpOn.includes(error.code)) throw error;
      if (attempt >= attemptsMax) throw error;
      logger.warn(`Initial connection to the Broker failed on try ${attempt}: ${errorMessage(error)}`);
      options.attemptFailed?.(error as Error, attempt);
    }
    await sleep(links.clock, backoffMs(fiveSecondBackoff, attempt, links.random), {signal: links.signal});
  }
}

function closeWith(
  connection: Connection,
  options: {readonly signal: AbortSignal; readonly lifetime: AbortSignal},
): void {
  const {signal, lifetime} = options;
  const close = (): void => void connection.close();
  if (signal.aborted) {
    close();
    return;
  }
  signal.addEventListener('abort', close, {once: true});
  lifetime.addEventListener('abort', () => signal.removeEventListener('abort', close), {once: true});
}

function checkTimeout(timeoutMs: number): number {
  if (timeoutMs > 0 && timeoutMs <= connectLimits.connectTimeoutMsMax) return timeoutMs;
  throw new ConnectError(
    'ERR_CONNECT_SETTING',
    `Cannot use a connect timeout of ${timeoutMs} ms: expected more than 0 and at most ${connectLimits.connectTimeoutMsMax} ms`,
    {details: {timeoutMs}},
  );
}
