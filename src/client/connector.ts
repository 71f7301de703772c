/**
 * The client's one connection: opened when first needed, within a stated time, and with an error that says what is wrong as soon as it
 * is known: a broker that refuses us will not change its mind, so that ends the attempts at once.
 */
import type {Config} from '../config/types.ts';
import {
  ConnectError,
  type ConnectErrorCode,
  connectLimits,
  connectSecurity,
  createSecurityProvider,
  federationCollectives,
  openConnection,
  securitySwitches,
  serverSource,
} from '../connect/index.ts';
import type {Connection} from '../connect/types.ts';
import type {SecurityProvider} from '../crypto/types.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import {setPatientTimer} from '../lib/patient-timer.ts';
import type {Network, Platform} from '../lib/platform.ts';
import {inboxPrefix} from '../protocol/index.ts';
import type {Messenger} from '../rpc/index.ts';
import {ClientError} from './errors.ts';
import {clientConnectLimits} from './limits.ts';
import {createMessenger} from './messenger.ts';

export interface ConnectorOptions {
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  /** Replaces the configured federations. */
  readonly federations?: readonly string[] | undefined;
  /** Given ones are used, and never closed here. */
  readonly connection?: Connection | undefined;
  readonly provider?: SecurityProvider | undefined;
  readonly connectionName?: string | undefined;
}

/** Errors after which another attempt is no use. */
const finalErrors: readonly ConnectErrorCode[] = [
  'ERR_AUTHORIZATION',
  'ERR_CONNECT_TLS',
  'ERR_TLS_NOT_OFFERED',
  'ERR_TLS_REQUIRED',
  'ERR_SERVER_URL',
  'ERR_NO_SERVERS',
  'ERR_CONNECT_SETTING',
  'ERR_TOKEN_EXPIRED',
  'ERR_SIGNER_TOKEN',
];

export class Connector {
  readonly #options: ConnectorOptions;
  #messenger: Promise<Messenger> | undefined;
  #opened: Connection | undefined;
  #isClosed = false;

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /**
   * @throws {ClientError} `ERR_CLIENT_NO_BROKER` | `ERR_CLIENT_REFUSED` | `ERR_CLIENT_SECURITY` | `ERR_CLIENT_CLOSED`
   */
  messenger(options: {readonly timeoutMs: number; readonly signal?: AbortSignal | undefined}): Promise<Messenger> {
    if (this.#isClosed) throw new ClientError('ERR_CLIENT_CLOSED', 'Cannot send anything: the client was closed');
    if (this.#messenger !== undefined) return this.#messenger;
    const opening = this.#open(options);
    this.#messenger = opening;
    // A failed attempt is not remembered: the next request tries again.
    opening.catch(() => {
      if (this.#messenger === opening) this.#messenger = undefined;
    });
    return opening;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opened?.close();
  }

  async #open(options: {readonly timeoutMs: number; readonly signal?: AbortSignal | undefined}): Promise<Messenger> {
    const {config, platform} = this.#options;
    const provider = await this.provider();
    const connection = this.#options.connection ?? (await this.#connect(provider, options));
    return createMessenger({
      connection,
      provider,
      platform,
      identity: config.get('identity'),
      mainCollective: config.get('main_collective'),
      acceptsUnsigned: config.get('plugin.choria.security.unsigned_replies'),
      federations: federationCollectives(config, {
        platform,
        ...(this.#options.federations === undefined ? {} : {federations: this.#options.federations}),
      }),
    });
  }

  /** @throws {ClientError} `ERR_CLIENT_SECURITY` */
  async provider(): Promise<SecurityProvider> {
    const {config, platform, logger} = this.#options;
    if (this.#options.provider !== undefined) return this.#options.provider;
    try {
      return await createSecurityProvider(config, {platform, logger, mode: 'client'});
    } catch (error) {
      throw new ClientError(
        'ERR_CLIENT_SECURITY',
        `could not initialize Choria: could not set up security framework: ${errorMessage(error)}`,
        {cause: error},
      );
    }
  }

  async #connect(
    provider: SecurityProvider,
    options: {readonly timeoutMs: number; readonly signal?: AbortSignal | undefined},
  ): Promise<Connection> {
    const {config, platform, logger, federations} = this.#options;
    const {clock} = platform;
    const startedAtMs = clock.monotonicMs();
    // Aborting this signal would also close the opened connection, so it belongs to the opening alone.
    const opening = new AbortController();
    const giveUp = (): void => {
      opening.abort(new ClientError('ERR_CLIENT_NO_BROKER', `no broker answered in ${options.timeoutMs} ms`));
    };
    let isAccepted = false;
    // A broker that took the connection is there, and may only be busy.
    const timeIsUp = (): void => {
      if (isAccepted) timer = setPatientTimer(clock, giveUp, connectLimits.clientStartTimeoutMs);
      else giveUp();
    };
    let timer = setPatientTimer(clock, timeIsUp, Math.max(options.timeoutMs, clientConnectLimits.connectMsMin));
    const network: Network = {
      ...platform.network,
      connect: async (request) => {
        const stream = await platform.network.connect(request);
        isAccepted = true;
        return stream;
      },
    };
    const onAbort = (): void => opening.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort, {once: true});
    if (options.signal?.aborted) onAbort();
    let lastError: Error | undefined;
    try {
      const connection = await openConnection({
        platform: {...platform, network},
        logger,
        name: this.#options.connectionName ?? provider.callerId,
        servers: serverSource(config, {platform, logger, ...(federations === undefined ? {} : {federations})}),
        ...connectSecurity(config, {provider, logger, switches: securitySwitches({platform, mode: 'client', logger})}),
        // Its own inbox: with tokens a broker lets nobody listen to anything else.
        inboxPrefix: inboxPrefix(config.get('main_collective'), provider.callerId),
        connectTimeoutMs: config.get('plugin.choria.network.connect_timeout'),
        startTimeoutMs: connectLimits.clientStartTimeoutMs,
        pingIntervalMs: connectLimits.clientPingIntervalMs,
        attemptsMax: clientConnectLimits.attemptsMax,
        giveUpOn: finalErrors,
        signal: opening.signal,
        attemptFailed: (error) => {
          lastError = error;
        },
      });
      this.#opened = connection;
      return connection;
    } catch (error) {
      if (options.signal?.aborted) throw error;
      const elapsedMs = clock.monotonicMs() - startedAtMs;
      throw connectProblem(error, {lastError, elapsedMs, logsIn: provider.remoteSigner !== undefined});
    } finally {
      timer.cancel();
      options.signal?.removeEventListener('abort', onAbort);
    }
  }
}

function connectProblem(
  error: unknown,
  facts: {readonly lastError: Error | undefined; readonly elapsedMs: number; readonly logsIn: boolean},
): ClientError {
  if (error instanceof ConnectError && finalErrors.includes(error.code)) {
    const hint = error.code === 'ERR_TOKEN_EXPIRED' && facts.logsIn ? ', log in again with "choria login"' : '';
    return new ClientError('ERR_CLIENT_REFUSED', `Cannot connect to the middleware: ${error.message}${hint}`, {
      cause: error,
      details: {reason: error.code},
    });
  }
  const why = error instanceof ClientError ? facts.lastError : error;
  const reason = why === undefined ? 'no broker answered' : errorMessage(why);
  const seconds = (facts.elapsedMs / 1_000).toFixed(1);
  return new ClientError('ERR_CLIENT_NO_BROKER', `Cannot reach any broker within ${seconds} s: ${reason}`, {
    cause: error,
  });
}
