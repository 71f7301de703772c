/**
 * The embedded engine: a NATS server for one machine, in this process.
 *
 * Accepts connections, secures them, keeps time (authentication, pings, write deadlines) and ends them. What is said on a connection is
 * the business of `client.ts`.
 */
import {HandshakeGate} from './handshake-gate.ts';
import {X509Certificate} from 'node:crypto';
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {ByteStream, Listener} from '../../lib/network.ts';
import {type Platform, sleep, type TimerHandle} from '../../lib/platform.ts';
import {encodeNkeyPublic} from '../../crypto/index.ts';
import {encodeError, type Upgrade, WebSocketStream} from '../../natswire/index.ts';
import {type AccountExport, fleetAccountName} from '../authentication/accounts.ts';
import type {Revocations} from '../../crypto/index.ts';
import type {Authenticator} from '../authentication/types.ts';
import {BrokerError} from '../errors.ts';
import {type BrokerLimits, defaultBrokerLimits, engineLimits} from '../limits.ts';
import {ClosedConnections} from '../monitoring/closed-connections.ts';
import {closedConnection} from '../monitoring/connz.ts';
import type {EngineView} from '../monitoring/view.ts';
import type {Engine, EngineAddresses, EngineStatistics} from '../types.ts';
import {ClientConnection} from './client.ts';
import {EngineCore} from './core.ts';
import {openCrossings} from './crossings.ts';
import {listenForInterest} from './interest.ts';
import {type SubjectMapping, SubjectMappings} from './mapping.ts';
import type {EngineTls, Receiver} from './parts.ts';
import {closeReasons, errorTexts} from './reasons.ts';
import {reviewConnection} from './review.ts';
import {forgive, relieve, sweep} from './sweep.ts';
import {SystemService} from './system-service.ts';
import {openWebSocketDoor, type WebSocketListenerOptions} from './websocket-door.ts';

/** The NATS version whose behaviour this is; clients decide by it which features to use. */
export const embeddedNatsVersion = '2.15.2';

export interface EmbeddedEngineOptions {
  readonly platform: Pick<Platform, 'clock' | 'random' | 'network'>;
  readonly logger: Logger;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly serverName: string;
  /** Host and port shown in INFO; default the listener's. */
  readonly advertise?: {readonly host: string; readonly port: number};
  readonly tls?: EngineTls;
  /** Absent: everybody is admitted to one common account, without CONNECT. For tests and closed networks only. */
  readonly authenticator?: Authenticator;
  /** Names of the accounts that the authenticator admits to. */
  readonly accounts?: readonly string[];
  /** The account in which the server answers requests about itself and tells what happens. */
  readonly systemAccount?: string;
  /** Where messages of an account go instead. */
  readonly mappings?: readonly (SubjectMapping & {readonly account: string})[];
  /** What crosses from one account to another. */
  readonly exports?: readonly AccountExport[];
  /** Asked again about everybody who is connected by `cutRevoked()`. */
  readonly revocations?: Revocations;
  /** Shown in monitoring. */
  readonly clusterName?: string;
  /** What the process uses, for monitoring; without it monitoring shows zeros. */
  readonly processUsage?: EngineView['processUsage'];
  readonly limits?: Partial<BrokerLimits>;
  /** A second listener, for WebSockets. */
  readonly websocket?: WebSocketListenerOptions;
  /** Somebody in the system account asks to read the configuration again; fails with what is told as the reason. Without it that is refused. */
  readonly onReloadAsked?: () => Promise<void>;
}

/** What can change while it runs. */
export type EmbeddedEngineChanges = Partial<Pick<EmbeddedEngineOptions, 'authenticator' | 'limits' | 'revocations'>>;

/**
 * @example
 * await using engine = createEmbeddedEngine({platform, logger, host: '127.0.0.1', port: 0, serverName: 'broker'});
 * const {client} = await engine.start(); // nats://127.0.0.1:49152
 */
export function createEmbeddedEngine(options: EmbeddedEngineOptions): EmbeddedEngine {
  return new EmbeddedEngine(options);
}

export class EmbeddedEngine implements Engine {
  readonly name = 'embedded';
  /** A fresh public server key, as nats-server makes at each start. */
  readonly serverId: string;
  #options: EmbeddedEngineOptions;
  readonly #gate: HandshakeGate;
  readonly #core: EngineCore;
  readonly #clients = new Map<number, ClientConnection>();
  readonly #closed = new ClosedConnections();
  readonly #system: SystemService;
  readonly #startedAtMs: number;
  #certificate: {readonly pem: string; readonly expiresAtMs: number} | undefined = undefined;
  readonly #processUsage: EngineView['processUsage'];
  readonly #httpRequests = new Map<string, number>();
  #httpPlace: {readonly host: string; readonly port: number} | undefined = undefined;
  #listener: Listener | undefined = undefined;
  #webSocketListener: Listener | undefined = undefined;
  /** WebSockets that have not sent their upgrade request. */
  #doorCount = 0;
  #sweepTimer: TimerHandle | undefined = undefined;
  #totalConnections = 0;
  #nextClientId = 1;
  #isStopping = false;
  #onEmpty: (() => void) | undefined = undefined;

  constructor(options: EmbeddedEngineOptions) {
    this.#options = options;
    const {clock, random} = options.platform;
    this.serverId = encodeNkeyPublic('server', random.bytes(32));
    this.#core = new EngineCore({
      clock,
      random,
      logger: options.logger,
      limits: {...defaultBrokerLimits, ...options.limits},
      authenticator: options.authenticator,
      accounts: options.accounts ?? [],
      mappings: mappingsByAccount(options.mappings ?? []),
      systemAccount: options.systemAccount,
      onFull: () => relieve(this.#core, this.#clients.values()),
      infoFor: (client) => this.#info(client),
      describeServer: () => this.#system.server(),
      onAdmitted: (id) => this.#withClient(id, (client) => this.#system.connected(client)),
      onRefused: (id) => this.#withClient(id, (client) => this.#system.refused(client)),
    });
    this.#gate = new HandshakeGate(clock);
    this.#startedAtMs = clock.nowMs();
    this.#processUsage = options.processUsage ?? (() => ({rssBytes: 0, cpuPercent: 0, cores: 1}));
    this.#system = new SystemService({
      view: () => this.monitoring,
      kick: (id) => this.kick(id),
      reload: options.onReloadAsked,
    });
    const fleet = this.#core.accountOf(fleetAccountName) ?? this.#core.defaultAccount;
    openCrossings(this.#core, options.exports ?? []);
    listenForInterest(fleet, () => this.#clients.values());
  }

  async start(): Promise<EngineAddresses> {
    if (this.#listener !== undefined)
      throw new BrokerError('ERR_BROKER_STATE', 'Cannot start the broker: it is running');
    const {logger, websocket} = this.#options;
    this.#listener = await this.#listen(this.#options, (stream) => this.accept(stream));
    if (websocket !== undefined) {
      try {
        this.#webSocketListener = await this.#listen(websocket, (stream) => this.#acceptWebSocket(stream, websocket));
      } catch (error) {
        await this.#listener.close();
        throw error;
      }
    }
    this.#scheduleSweep();
    this.#system.start();
    const place = addressOf(this.#listener);
    logger.info(`Listening for client connections on ${place}`);
    const client = `${this.#options.tls ? 'tls' : 'nats'}://${place}`;
    if (this.#webSocketListener === undefined) return {client};
    const webSocketUrl = `${websocket?.tls ? 'wss' : 'ws'}://${addressOf(this.#webSocketListener)}`;
    logger.info(`Listening for websocket clients on ${webSocketUrl}`);
    return {client, websocket: webSocketUrl};
  }

  /** The bound port of the client listener. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** The bound port of the WebSocket listener; 0 without one. */
  get webSocketPort(): number {
    return this.#webSocketListener?.port ?? 0;
  }

  statistics(): EngineStatistics {
    const core = this.#core;
    return {
      connections: this.#clients.size,
      totalConnections: this.#totalConnections,
      subscriptions: core.subscriptionCount,
      inMessages: core.inMessages,
      outMessages: core.outMessages,
      inBytes: core.inBytes,
      outBytes: core.outBytes,
      slowConsumers: core.slowConsumers,
    };
  }

  /** Takes over a connection that was made elsewhere: the listener's, a WebSocket's, or one in memory. */
  accept(stream: ByteStream, kind: 'client' | 'websocket' = 'client'): ClientConnection | undefined {
    if (this.#isStopping) {
      stream.destroy();
      return undefined;
    }
    const core = this.#core;
    const id = this.#nextClientId;
    this.#nextClientId += 1;
    this.#totalConnections += 1;
    const nonce = core.authenticator?.isNonceNeeded === true ? core.random.bytes(11).toString('base64url') : undefined;
    const client = new ClientConnection(core, stream, {id, kind, nonce});
    stream.onClose = (error) => this.#gone(client, error);
    if (this.#clients.size >= core.limits.connectionsMax) {
      this.#turnAway(client);
      return undefined;
    }
    this.#clients.set(id, client);
    client.account.connectionCount += 1;
    const {tls} = this.#options;
    if (tls === undefined || stream.tls !== undefined || kind === 'websocket') {
      client.sendInfo({});
      client.start();
    } else if (tls.handshakeFirst === undefined || tls.handshakeFirst === false) {
      this.#secureAfterInfo(client, tls);
    } else if (tls.handshakeFirst === true) {
      this.#secureBeforeInfo(client, tls);
    } else {
      this.#secureAsClientBegins(client, tls);
    }
    return client;
  }

  /** Ends one connection by its number; false when there is none. */
  kick(clientId: number): boolean {
    const client = this.#clients.get(clientId);
    client?.close(closeReasons.kicked);
    return client !== undefined;
  }

  /** Ends the connections whose token, key, certificate or name was revoked since they came. */
  cutRevoked(): void {
    const {revocations, logger} = this.#options;
    if (revocations === undefined) return;
    for (const client of this.#clients.values()) {
      const reason = client.credential === undefined ? undefined : revocations.reasonFor(client.credential);
      if (reason === undefined || client.isClosing) continue;
      logger.warn(`Cutting a connection: ${reason}`, {cid: client.id, user: client.user});
      client.close(closeReasons.revoked, errorTexts.authenticationRevoked);
    }
  }

  /** Takes changed settings over: everybody is judged anew, by what they said when they came. Who is not allowed any more is cut. */
  async reload(changes: EmbeddedEngineChanges): Promise<void> {
    const core = this.#core;
    this.#options = {...this.#options, ...changes};
    if (changes.limits !== undefined) {
      core.limits = {...defaultBrokerLimits, ...changes.limits};
      this.#sweepTimer?.cancel();
      this.#scheduleSweep();
      this.#cutExcess();
    }
    if (changes.authenticator === undefined) return;
    core.authenticator = changes.authenticator;
    let left = engineLimits.reviewBatch;
    for (const client of this.#clients.values()) {
      await reviewConnection(core, client);
      left -= 1;
      if (left > 0) continue;
      left = engineLimits.reviewBatch;
      await sleep(core.clock, 0);
    }
    this.cutRevoked();
  }

  /** There may be fewer connections than there are: those that came last go. */
  #cutExcess(): void {
    const {connectionsMax} = this.#core.limits;
    for (const client of [...this.#clients.values()].slice(connectionsMax)) {
      client.close(closeReasons.tooManyConnections, errorTexts.tooManyConnections);
    }
  }

  /** New certificates are asked for at each connection: there is nothing to do. */
  useCertificates(): void {}

  /** Ends when every connection is gone: after `graceMs` they are told to close, and two seconds later they are cut. */
  async stop(options: {readonly graceMs?: number} = {}): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const listener = this.#listener;
    await listener?.close();
    await this.#webSocketListener?.close();
    const clients = this.#clients;
    const graceMs = options.graceMs ?? 0;
    if (graceMs > 0 && clients.size > 0) {
      this.#system.lameDuck();
      for (const client of clients.values()) {
        if (client.hasConnected && client.options.protocol >= 1) client.sendInfo({ldm: true});
      }
      await this.#untilEmpty(graceMs);
    }
    this.#system.stop();
    for (const client of clients.values()) client.close(closeReasons.serverShutdown);
    await this.#untilEmpty(engineLimits.closingMs);
    for (const client of clients.values()) client.cut(closeReasons.serverShutdown);
    this.#sweepTimer?.cancel();
    this.#sweepTimer = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #listen(place: {readonly host: string; readonly port: number}, onConnection: (stream: ByteStream) => void) {
    const {platform, logger} = this.#options;
    try {
      return await platform.network.listen(
        {
          host: place.host,
          port: place.port,
          onAcceptError: (error) => logger.warn('Could not accept a connection', {error: error.message}),
        },
        onConnection,
      );
    } catch (error) {
      throw new BrokerError('ERR_BROKER_LISTEN', errorMessage(error), {cause: error});
    }
  }

  #acceptWebSocket(stream: ByteStream, listener: WebSocketListenerOptions): void {
    const core = this.#core;
    if (this.#isStopping || this.#clients.size + this.#doorCount >= core.limits.connectionsMax) {
      stream.destroy();
      return;
    }
    this.#doorCount += 1;
    stream.onClose = () => {
      this.#doorCount -= 1;
    };
    const enter = (inner: ByteStream, upgrade: Upgrade): void => {
      this.#doorCount -= 1;
      this.#enterWebSocket(inner, upgrade);
    };
    void openWebSocketDoor(stream, {core, listener, enter});
  }

  #enterWebSocket(inner: ByteStream, upgrade: Upgrade): void {
    let client: ClientConnection | undefined;
    const stream = new WebSocketStream(inner, {
      role: 'server',
      isCompressed: upgrade.isCompressed,
      isMaskRequired: upgrade.isMaskRequired,
      isBrowser: upgrade.isBrowser,
      inflatedBytesMax: () =>
        client?.hasConnected === true ? engineLimits.inflatedBytesMax : engineLimits.inflatedBytesBeforeConnectMax,
    });
    client = this.accept(stream, 'websocket');
    stream.onGoodbyeReceived = (isClean) => {
      client?.close(isClean ? closeReasons.clientClosed : closeReasons.protocolViolation);
    };
  }

  /** Where the stats listener of this engine listens, for monitoring. */
  showHttpPlace(place: {readonly host: string; readonly port: number}): void {
    this.#httpPlace = place;
  }

  /** Counts a request of the stats listener. */
  countHttpRequest(path: string): void {
    this.#httpRequests.set(path, (this.#httpRequests.get(path) ?? 0) + 1);
  }

  #withClient(id: number, action: (client: ClientConnection) => void): void {
    const client = this.#clients.get(id);
    if (client !== undefined) action(client);
  }

  #remember(client: ClientConnection): void {
    const totals = client.account.closedTotals;
    totals.inMessages += client.inMessages;
    totals.inBytes += client.inBytes;
    totals.outMessages += client.outMessages;
    totals.outBytes += client.outBytes;
    this.#closed.add(closedConnection(this.monitoring, client));
  }

  /** Read again only when there is another one. */
  #certificateExpiry(pem: string | undefined): number | undefined {
    if (pem === undefined) return undefined;
    if (this.#certificate?.pem !== pem) {
      this.#certificate = {pem, expiresAtMs: Date.parse(new X509Certificate(pem).validTo)};
    }
    return this.#certificate.expiresAtMs;
  }

  /** What monitoring reads, as it is now. */
  get monitoring(): EngineView {
    const options = this.#options;
    const {tls, advertise, websocket} = options;
    return {
      core: this.#core,
      serverId: this.serverId,
      serverName: options.serverName,
      version: embeddedNatsVersion,
      host: advertise?.host ?? this.#listener?.host ?? options.host,
      port: advertise?.port ?? this.port,
      clusterName: options.clusterName,
      startedAtMs: this.#startedAtMs,
      isTls: tls !== undefined,
      isCertificateRequired: tls?.clientCertificates === 'required',
      isAuthAnnounced: options.authenticator?.isAnnounced === true,
      certificateExpiresAtMs: this.#certificateExpiry(tls?.material.certificatePem),
      websocket:
        websocket === undefined
          ? undefined
          : {
              host: websocket.host,
              port: this.webSocketPort,
              isCompressed: websocket.isCompressed ?? true,
              isTls: websocket.tls !== undefined,
            },
      http: this.#httpPlace,
      clients: this.#clients,
      closed: this.#closed,
      totalConnections: this.#totalConnections,
      httpRequests: this.#httpRequests,
      processUsage: this.#processUsage,
    };
  }

  #untilEmpty(limitMs: number): Promise<void> {
    if (this.#clients.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#onEmpty = undefined;
        resolve();
      };
      const timer = this.#core.clock.setTimer(done, limitMs);
      this.#onEmpty = done;
    });
  }

  #turnAway(client: ClientConnection): void {
    client.sendInfo({});
    client.stream.onData = () => {};
    client.send(encodeError(errorTexts.tooManyConnections));
    client.close(closeReasons.tooManyConnections);
    this.#core.clock.setTimer(() => client.stream.destroy(), engineLimits.closingMs, {background: true});
  }

  #gone(client: ClientConnection, error: Error | undefined): void {
    client.gone();
    if (!this.#clients.delete(client.id)) return;
    client.account.connectionCount -= 1;
    client.closeReason ??= error === undefined ? closeReasons.clientClosed : closeReasons.readError;
    this.#remember(client);
    this.#system.disconnected(client);
    this.#options.logger.debug('Connection closed', {cid: client.id, user: client.user, reason: client.closeReason});
    if (this.#clients.size === 0) this.#onEmpty?.();
  }

  #info(client: Receiver): Readonly<Record<string, unknown>> {
    const {advertise, serverName, websocket} = this.#options;
    const tls = client.stream instanceof WebSocketStream ? websocket?.tls : this.#options.tls;
    const core = this.#core;
    return {
      server_id: this.serverId,
      server_name: serverName,
      version: embeddedNatsVersion,
      proto: 1,
      go: 'node',
      host: advertise?.host ?? this.#listener?.host ?? this.#options.host,
      port: advertise?.port ?? this.port,
      headers: true,
      ...(core.authenticator?.isAnnounced === true ? {auth_required: true} : {}),
      ...(tls === undefined ? {} : {tls_required: true}),
      ...(tls?.clientCertificates === 'required' ? {tls_verify: true} : {}),
      max_payload: core.limits.payloadBytesMax,
      client_id: client.id,
      client_ip: client.stream.remoteAddress,
      ...(client.nonce === undefined || client.hasConnected ? {} : {nonce: client.nonce}),
    };
  }

  #secureAfterInfo(client: ClientConnection, tls: EngineTls): void {
    client.sendInfo({});
    this.#core.pool.flushAll();
    client.stream.flush();
    void this.#handshake(client, tls).then((done) => {
      if (done) client.start();
    });
  }

  #secureBeforeInfo(client: ClientConnection, tls: EngineTls): void {
    void this.#handshake(client, tls).then((done) => {
      if (!done) return;
      client.sendInfo({});
      client.start();
    });
  }

  /** A client that begins with a handshake gets INFO inside it; one that waits gets INFO in clear. */
  #secureAsClientBegins(client: ClientConnection, tls: EngineTls): void {
    const {stream} = client;
    const {clock} = this.#core;
    const waitInClear = (): void => {
      stream.onData = undefined;
      this.#secureAfterInfo(client, tls);
    };
    // Time may be over because this process was busy: what has come meanwhile is read first.
    let timer = clock.setTimer(() => {
      timer = clock.setTimer(waitInClear, 1);
    }, engineLimits.handshakeFirstWaitMs);
    stream.onData = (chunk) => {
      timer.cancel();
      stream.onData = undefined;
      stream.pause();
      // It flows again when the handshake has its turn: until then nobody would read it.
      stream.unread(chunk);
      this.#secureBeforeInfo(client, tls);
    };
  }

  async #handshake(client: ClientConnection, tls: EngineTls): Promise<boolean> {
    if (!(await this.#gate.enter())) {
      this.#core.logger.debug('Letting a connection go: too many TLS handshakes are under way', {cid: client.id});
      client.closeReason = closeReasons.tlsHandshake;
      client.stream.destroy();
      return false;
    }
    const leave = this.#gate.place();
    try {
      client.stream.resume();
      await client.stream.startTlsServer({
        material: tls.material,
        clientCertificates: tls.clientCertificates,
        timeoutMs: this.#core.limits.tlsTimeoutMs,
      });
      return !client.isGone;
    } catch (error) {
      client.closeReason = closeReasons.tlsHandshake;
      this.#options.logger.warn('TLS handshake error', {
        cid: client.id,
        remote: client.stream.remoteAddress,
        error: errorMessage(error),
      });
      client.stream.destroy();
      return false;
    } finally {
      leave();
    }
  }

  #scheduleSweep(): void {
    const {limits, clock} = this.#core;
    const shortest = Math.min(limits.authTimeoutMs, limits.pingIntervalMs, limits.writeDeadlineMs);
    const intervalMs = Math.min(engineLimits.sweepMsMax, Math.max(engineLimits.sweepMsMin, shortest / 10));
    let dueMs = clock.monotonicMs() + intervalMs;
    const round = (): void => {
      const lateMs = clock.monotonicMs() - dueMs;
      if (lateMs > engineLimits.stallNoticedMs) forgive(this.#clients.values(), lateMs);
      else sweep(this.#core, this.#clients.values());
      dueMs = clock.monotonicMs() + intervalMs;
      this.#sweepTimer = clock.setTimer(round, intervalMs, {background: true});
    };
    this.#sweepTimer = clock.setTimer(round, intervalMs, {background: true});
  }
}

function mappingsByAccount(
  mappings: NonNullable<EmbeddedEngineOptions['mappings']>,
): ReadonlyMap<string, SubjectMappings> {
  const accounts = new Set(mappings.map(({account}) => account));
  return new Map(
    [...accounts].map((name) => [name, new SubjectMappings(mappings.filter(({account}) => account === name))]),
  );
}

function addressOf(bound: Listener): string {
  return `${bound.host.includes(':') ? `[${bound.host}]` : bound.host}:${bound.port}`;
}
