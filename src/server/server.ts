/**
 * A server's life: start in the reference's order (server.md 2), serve, stop without losing what runs.
 *
 * Holds no state outside of itself, so a process may hold thousands.
 */
import {
  connectLimits,
  type Connection,
  type CredentialWatch,
  type RevocationWatch,
  watchCredentials,
  watchRevocations,
} from '../connect/index.ts';
import type {Config} from '../config/types.ts';
import {readCertificates} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {HttpListener} from '../lib/http-server.ts';
import type {Logger} from '../lib/logger.ts';
import {build} from '../lib/version.ts';
import type {AgentProvider, AgentRegistry, NodeContext} from '../rpc/types.ts';
import {createAgentRegistry} from '../rpc/index.ts';
import {ServerError} from './errors.ts';
import {createLifecyclePublisher, type LifecyclePublisher, type ServerEvent} from './lifecycle.ts';
import {serverLimits} from './limits.ts';
import {createNodeContext} from './node-context.ts';
import {Pipeline} from './pipeline.ts';
import type {AdmissionGuard} from './pipeline-types.ts';
import {createCounters, type ServerCounters} from './statistics.ts';
import {createTrafficCounts, type MetricsSource, startServerMetrics, type TrafficCounts} from './metrics.ts';
import type {Registrator} from './registration/registrator.ts';
import {startRegistration} from './registration/start.ts';
import {type ServerStatus, startStatusWriter, type StatusWriter} from './status-file.ts';
import {SentReplies} from './sent-replies.ts';
import {startSubscriptions, type Subscriptions} from './subscriptions.ts';
import {startSubmission} from './submission.ts';
import type {SubmissionDelivery} from '../submission/index.ts';
import type {ChoriaServer, ServerParts, ServerState} from './types.ts';

/** A server of parts that are already made. Most callers want `createServer`. */
export function createServerFromParts(parts: ServerParts): ChoriaServer {
  return new Server(parts);
}

class Server implements ChoriaServer {
  readonly node: NodeContext;
  readonly agents: AgentRegistry;
  readonly #parts: ServerParts;
  readonly #logger: Logger;
  readonly #counters: ServerCounters;
  readonly #traffic: TrafficCounts = createTrafficCounts();
  readonly #lifetime = new AbortController();
  #state: ServerState = 'new';
  #lock: {release(): Promise<void>} | undefined;
  #guard: AdmissionGuard | undefined;
  #revocations: RevocationWatch | undefined;
  #credentials: CredentialWatch | undefined;
  #connection: Connection | undefined;
  #status: StatusWriter | undefined;
  #metrics: HttpListener | undefined;
  #registration: Registrator | undefined;
  #pipeline: Pipeline | undefined;
  #subscriptions: Subscriptions | undefined;
  #submission: SubmissionDelivery | undefined;
  #lifecycle: LifecyclePublisher | undefined;
  #stopping: Promise<void> | undefined;
  readonly #providers: AgentProvider[] = [];

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#counters = createCounters(parts.shared.counts);
    this.#logger = parts.logger;
    this.agents = createAgentRegistry({
      logger: parts.logger,
      denied: parts.deniedAgents,
      serviceAgentsOnly: parts.serviceHost,
    });
    this.node = createNodeContext({
      parts,
      registry: () => this.agents,
      counters: this.#counters,
      connection: () => this.#connection,
    });
  }

  get identity(): string {
    return this.#parts.identity;
  }

  get state(): ServerState {
    return this.#state;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  async start(options: {readonly signal?: AbortSignal} = {}): Promise<void> {
    if (this.#state !== 'new') {
      throw new ServerError(
        'ERR_SERVER_STATE',
        `Cannot start the server "${this.identity}": it is ${this.#state}, expected a new one`,
      );
    }
    this.#state = 'starting';
    const {signal} = options;
    const abort = (): void => this.#lifetime.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, {once: true});
    try {
      await this.#startAll();
      this.#state = 'running';
    } catch (error) {
      await this.stop({graceMs: 0});
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  publishEvent(event: ServerEvent): void {
    if (this.#lifecycle === undefined) {
      throw new ServerError(
        'ERR_SERVER_STATE',
        `Cannot publish an event: the server "${this.identity}" is ${this.#state}`,
      );
    }
    this.#lifecycle.publish(event);
  }

  stop(options: {readonly graceMs?: number} = {}): Promise<void> {
    this.#stopping ??= this.#stopAll(options.graceMs ?? serverLimits.stopGraceMs);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #startAll(): Promise<void> {
    const parts = this.#parts;
    const {config} = parts;
    const version2 = parts.provider.technology === 'x509' ? '' : ' using protocol version 2';
    this.#logger.info(
      `Choria Server version ${parts.version} starting with config ${config.path ?? '(none)'}${version2}`,
    );
    this.#lock = await parts.acquireLock?.();
    const guard = await parts.openGuard();
    this.#guard = guard;
    const watch = {platform: parts.platform, logger: this.#logger};
    const revoked = config.get('plugin.choria.security.revocation_file').trim();
    if (revoked !== '') this.#revocations = await watchRevocations({path: revoked, ...watch});
    // Processes of many servers read renewed files when they connect; a timer for each would read them all the time.
    if (parts.shared.heartbeats === undefined) {
      this.#credentials = watchCredentials(parts.provider, {clock: parts.platform.clock, logger: this.#logger});
    }
    const connection = await this.#connect();
    this.#connection = connection;
    if (!parts.serviceHost) {
      const status = this.#statusSource();
      this.#status = this.#startStatus(status);
      const {version, provider} = parts;
      this.#registration = startRegistration({
        node: this.node,
        connection,
        provider,
        version,
        status,
        ...(parts.registration === undefined ? {} : {sources: parts.registration}),
      });
    }
    for (const agent of parts.agents) await this.agents.add(agent, this.node);
    for (const make of parts.agentProviders) {
      const provider = make({node: this.node, registry: this.agents});
      await provider.start();
      this.#providers.push(provider);
    }
    this.#lifetime.signal.throwIfAborted();
    const pipeline = this.#createPipeline({guard, connection});
    this.#pipeline = pipeline;
    this.#subscriptions = startSubscriptions({
      connection,
      registry: this.agents,
      identity: parts.identity,
      collectives: parts.collectives,
      withNode: !parts.serviceHost,
      handler: (message) => pipeline.receive(message.payload, message.headers),
    });
    if (!parts.serviceHost && parts.provisioning !== true) {
      this.#submission = await startSubmission({...parts, connection});
      await this.#prepareExecutor();
    }
    this.#lifecycle = createLifecyclePublisher({
      ...parts,
      connection,
      counters: this.#counters,
      legacyFormat: config.get('plugin.choria.legacy_lifecycle_format'),
    });
    this.#lifecycle.publish({type: 'startup', version: parts.version});
    this.#lifecycle.startAlive();
    await this.#awaitSubscribed(connection);
  }

  /** Who was told that this server has started may ask it at once: the broker has to know its subscriptions by then. */
  async #awaitSubscribed(connection: Connection): Promise<void> {
    try {
      await connection.flush({timeoutMs: serverLimits.subscribedTimeoutMs});
    } catch (error) {
      // A connection that is lost just then comes back with all its subscriptions.
      this.#logger.debug(`The broker did not confirm the subscriptions: ${errorMessage(error)}`);
    }
  }

  /** Jobs are made by agents; a spool that cannot be is their problem, not the server's. */
  async #prepareExecutor(): Promise<void> {
    const {config, platform} = this.#parts;
    const spool = config.get('plugin.choria.executor.spool');
    if (spool === '' || !config.get('plugin.choria.executor.enabled')) return;
    try {
      await platform.files.makeDirectory(spool, {mode: 0o700, recursive: true});
    } catch (error) {
      this.#logger.error(`Could not make the spool of the executor ${spool}: ${errorMessage(error)}`);
    }
  }

  #createPipeline(options: {readonly guard: AdmissionGuard; readonly connection: Connection}): Pipeline {
    const {config, provider, shared, matches, authorizer, auditor} = this.#parts;
    const {node} = this;
    const concurrency = config.get('plugin.choria.server.concurrency');
    return new Pipeline({
      node,
      provider,
      registry: this.agents,
      counters: this.#counters,
      guard: options.guard,
      matches: (filter, request) => matches(filter, {node, request}),
      publish: (subject, payload, more) => options.connection.publish(subject, payload, more),
      ...(shared.requests === undefined ? {} : {requestCache: shared.requests}),
      ...(shared.transports === undefined ? {} : {transportCache: shared.transports}),
      ...(authorizer === undefined ? {} : {authorizer}),
      ...(auditor === undefined ? {} : {auditor}),
      replies: new SentReplies(this.#parts.platform.clock, shared.replies),
      ttlCeilingSeconds: ttlCeilingSeconds(config),
      ...(shared.lateness === undefined ? {} : {lateness: shared.lateness}),
      ...(this.#revocations === undefined ? {} : {revocations: this.#revocations}),
      signReplies: config.get('plugin.security.choria.sign_replies'),
      agentConcurrency: concurrency > 0 ? concurrency : serverLimits.agentConcurrency,
    });
  }

  async #connect(): Promise<Connection> {
    const {config, platform} = this.#parts;
    const {clock} = platform;
    const traffic = this.#traffic;
    const startedMs = clock.monotonicMs();
    // Before the first connection, so that whoever watches sees a server that does not get there.
    this.#metrics = await startServerMetrics({config, platform, logger: this.#logger, source: this.#metricsSource()});
    const connection = await this.#parts.connect({
      events: this.#events(),
      signal: this.#lifetime.signal,
      attemptFailed: () => void traffic.connectAttempts++,
    });
    traffic.connectAttempts++;
    traffic.connectSeconds = (clock.monotonicMs() - startedMs) / 1000;
    return connection;
  }

  #metricsSource(): MetricsSource {
    const {provider, version} = this.#parts;
    return {
      identity: this.identity,
      version,
      sha: build.commit,
      protocol: provider.technology === 'x509' ? 1 : 2,
      counters: this.#counters,
      traffic: this.#traffic,
      isConnected: () => this.#connection?.state === 'connected',
      startedAtMs: this.node.startedAtMs,
      certificateExpiresAtMs: certificateEnd(provider.tls.certificatePem),
      residentBytes: () => process.memoryUsage.rss(),
    };
  }

  #events(): NonNullable<Parameters<ServerParts['connect']>[0]['events']> {
    const logger = this.#logger;
    const traffic = this.#traffic;
    const {clock} = this.#parts.platform;
    let lostMs: number | undefined;
    return {
      disconnected: (error) => {
        lostMs = clock.monotonicMs();
        traffic.connectionsClosed++;
        logger.warn(`NATS client connection got disconnected: ${error?.message ?? 'closed by the broker'}`);
      },
      reconnected: (server) => {
        traffic.reconnections++;
        logger.warn(`NATS client reconnected after a previous disconnection, connected to ${server}`);
        this.#pipeline?.resendRecent(lostMs === undefined ? 0 : clock.monotonicMs() - lostMs);
        lostMs = undefined;
      },
      error: (error) => {
        traffic.connectionErrors++;
        logger.error(`NATS client encountered an error: ${error.message}`);
      },
    };
  }

  /** What the status file and the inventory say of this server. */
  #statusSource(): () => ServerStatus {
    const {platform, provider} = this.#parts;
    // Read when first asked for: of thousands of servers in a process hardly any is asked.
    let end: {readonly atMs: number | undefined} | undefined;
    return () => ({
      identity: this.identity,
      uptimeSeconds: Math.floor((platform.clock.nowMs() - this.node.startedAtMs) / 1000),
      connectedServer: this.#connection?.connectedServer,
      lastMessageAtMs: this.#counters.lastMessageAtMs,
      provisioning: this.node.provisioning,
      statistics: this.#counters.snapshot(),
      certificateExpiresAtMs: (end ??= {atMs: certificateEnd(provider.tls.certificatePem)}).atMs,
      tokenExpiresAtMs: undefined,
    });
  }

  #startStatus(status: () => ServerStatus): StatusWriter | undefined {
    const {config, platform} = this.#parts;
    const path = config.get('plugin.choria.status_file_path');
    const seconds = config.get('plugin.choria.status_update_interval');
    if (path === '' || seconds <= 0) return undefined;
    return startStatusWriter({
      path,
      intervalMs: seconds * 1000,
      files: platform.files,
      clock: platform.clock,
      logger: this.#logger,
      status,
    });
  }

  async #stopAll(graceMs: number): Promise<void> {
    const wasRunning = this.#state === 'running';
    this.#state = 'stopping';
    this.#lifecycle?.stop();
    this.#subscriptions?.stop();
    await this.#registration?.stop();
    await this.#pipeline?.stop(graceMs);
    if (wasRunning) this.#lifecycle?.publish({type: 'shutdown'});
    await this.#submission?.stop();
    for (const provider of this.#providers) await provider.stop();
    await this.agents.stop();
    await this.#closeConnection();
    await this.#status?.stop();
    await this.#metrics?.close();
    this.#revocations?.stop();
    this.#credentials?.stop();
    await this.#guard?.close();
    await this.#lock?.release();
    // Ends attempts to connect that still go on.
    this.#lifetime.abort(new Error('the server stopped'));
    this.#connection = undefined;
    this.#lifecycle = undefined;
    this.#state = 'stopped';
    if (wasRunning) this.#logger.info(`Choria Server ${this.identity} stopped`);
  }

  async #closeConnection(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (connection.state === 'connected') {
      try {
        await connection.flush({timeoutMs: Math.min(serverLimits.closeTimeoutMs, connectLimits.drainTimeoutMs)});
      } catch (error) {
        this.#logger.warn(`The last messages may be lost: ${errorMessage(error)}`);
      }
    }
    await connection.close();
  }
}

/** No request lives longer than this on a node, whatever it says. */
export function ttlCeilingSeconds(config: Config): number {
  const ms = config.get('plugin.choria.security.request_ttl_max');
  return ms > 0 ? Math.ceil(ms / 1000) : serverLimits.ttlCeilingSeconds;
}

function certificateEnd(pem: string | undefined): number | undefined {
  if (pem === undefined || pem === '') return undefined;
  return readCertificates(pem, 1)[0]?.notAfterMs;
}
