/**
 * Makes links: one pass asks for the list of brokers anew and tries each of them once.
 */
import type {Logger} from '../lib/logger.ts';
import type {Clock, Network, Random} from '../lib/platform.ts';
import {errorMessage} from '../lib/errors.ts';
import type {ConnectAuth} from './auth.ts';
import type {ConnectTurns} from './connect-turns.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';
import {openSession, type Session, type SessionTls} from './session.ts';
import {parseServerUrl, type ServerUrl} from './server-url.ts';

/**
 * Gives the current list of brokers. A plain list is of equals: each process starts somewhere else in it and stays with what worked. `inOrder`, as of SRV records
 * with their priorities, is tried from its beginning every time.
 */
export type ServerSource = (options: {
  readonly signal: AbortSignal;
}) => Promise<readonly string[] | {readonly inOrder: readonly string[]}>;

export interface LinkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly logger: Logger;
  readonly name: string;
  readonly servers: readonly string[] | ServerSource;
  readonly tls: SessionTls | undefined;
  readonly auth: ConnectAuth | undefined;
  readonly prepare: (() => Promise<void>) | undefined;
  readonly timeoutMs: number;
  readonly startTimeoutMs: number | undefined;
  readonly localAddress: string | undefined;
  readonly turns: ConnectTurns | undefined;
  readonly signal: AbortSignal;
  readonly stop: () => void;
}

export class LinkMaker {
  readonly #options: LinkOptions;
  /** Where the next pass starts, so that a dead first broker is not asked first for ever. */
  #first: number;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#first = Math.floor(options.random.float() * connectLimits.serversMax);
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get random(): Random {
    return this.#options.random;
  }

  get logger(): Logger {
    return this.#options.logger;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  stop(): void {
    this.#options.stop();
  }

  /** When the token that connections are made with ends; undefined when it does not, or there is none. */
  get expiresAtMs(): number | undefined {
    return this.#options.auth?.expiresAtMs;
  }

  /** A link with a token that lasts longer; undefined while there is none, or nobody takes it. */
  async renewed(than: number): Promise<Session | undefined> {
    await this.#options.prepare?.();
    const endsAtMs = this.expiresAtMs;
    if (endsAtMs === undefined || endsAtMs <= than) return undefined;
    try {
      return await this.pass();
    } catch (error) {
      this.#options.signal.throwIfAborted();
      this.#options.logger.warn(`Could not use the renewed token: ${asConnectError(error).message}`);
      return undefined;
    }
  }

  /**
   * Tries every broker once.
   *
   * @throws {ConnectError} the last failure; with several brokers its message names each
   */
  pass(): Promise<Session> {
    const {turns} = this.#options;
    return turns === undefined ? this.#passNow() : turns.run(() => this.#passNow());
  }

  async #passNow(): Promise<Session> {
    this.#options.signal.throwIfAborted();
    await this.#options.prepare?.();
    const {servers, first} = await this.#servers();
    const failures: ConnectError[] = [];
    this.#options.logger.info(`Attempting to connect to: ${servers.map((server) => server.text).join(', ')}`);
    for (let step = 0; step < servers.length; step++) {
      const server = servers[(first + step) % servers.length];
      if (server === undefined) continue;
      this.#options.signal.throwIfAborted();
      try {
        const session = await openSession(server, this.#options);
        this.#first += step;
        return session;
      } catch (error) {
        this.#options.signal.throwIfAborted();
        failures.push(asConnectError(error));
      }
    }
    this.#first++;
    const [only] = failures;
    if (failures.length === 1 && only !== undefined) throw only;
    throw new ConnectError(
      failures.at(-1)?.code ?? 'ERR_CONNECT_FAILED',
      `Cannot connect to any of ${failures.length} brokers: ${failures.map((error) => error.message).join('; ')}`,
      {cause: failures.at(-1)},
    );
  }

  /** A link to any broker of the list but this one; undefined when there is none, or none that takes us. */
  async elsewhere(than: string): Promise<Session | undefined> {
    const {servers: all, first} = await this.#servers();
    const servers = all.filter((server) => server.text !== than);
    for (let step = 0; step < servers.length; step++) {
      const server = servers[(first + step) % servers.length];
      if (server === undefined) continue;
      this.#options.signal.throwIfAborted();
      try {
        return await openSession(server, this.#options);
      } catch (error) {
        this.#options.signal.throwIfAborted();
        this.#options.logger.warn(`Could not move to another broker: ${asConnectError(error).message}`);
      }
    }
    return undefined;
  }

  async #servers(): Promise<{readonly servers: readonly ServerUrl[]; readonly first: number}> {
    const {servers, signal} = this.#options;
    const found = typeof servers === 'function' ? await servers({signal}) : servers;
    const list = 'inOrder' in found ? found.inOrder : found;
    if (list.length === 0) throw new ConnectError('ERR_NO_SERVERS', 'Cannot connect: the list of brokers is empty');
    return {
      servers: list.slice(0, connectLimits.serversMax).map((text) => parseServerUrl(text)),
      first: 'inOrder' in found ? 0 : this.#first,
    };
  }
}

function asConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  return new ConnectError('ERR_CONNECT_FAILED', errorMessage(error), {cause: error});
}
