/**
 * The service that configures nodes: it hears of those that wait, and brings each through its steps, several at once (server.md 15).
 */
import {regoEngineOf} from '../authz/index.ts';
import type {Config} from '../config/types.ts';
import {
  type ConnectAuth,
  type Connection,
  connectSecurity,
  openConnection,
  securitySwitches,
  serverSource,
} from '../connect/index.ts';
import {chooseSecurityProvider} from '../connect/index.ts';
import {createMessenger} from '../client/internal.ts';
import {createUnsignedProvider, type SecurityProvider} from '../crypto/index.ts';
import {encodeLifecycleEvent, type LifecycleEvent, lifecycleSubject, parseLifecycleEvent} from '../events/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {newUuid} from '../lib/ids.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform, TimerHandle} from '../lib/platform.ts';
import {version as programVersion} from '../lib/version.ts';
import {inboxPrefix} from '../protocol/index.ts';
import {provisioningCollective} from '../provision/index.ts';
import {isUsableIdentity} from '../rpc/index.ts';
import {compileDenyList} from './checks.ts';
import {readSigner, readTokenKey} from './credentials.ts';
import {ProvisionerError} from './errors.ts';
import {createHostTable, type HostTable} from './hosts.ts';
import {provisionerLimits} from './limits.ts';
import {createProvisionerMetrics, type ProvisionerMetrics} from './metrics.ts';
import {createNodeCaller, type NodeCaller} from './node-calls.ts';
import {type HostTools, provisionHost} from './provision-host.ts';
import {createRegoProvisionPolicy} from './rego-policy.ts';
import type {ProvisionerSettings} from './settings.ts';
import type {LeaderElection, ProvisionPolicy} from './types.ts';

export interface ProvisionerOptions {
  readonly settings: ProvisionerSettings;
  /** Of Choria: brokers, certificates, identity. */
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly version?: string;
  /** In place of a connection to the configured brokers; it is not closed here. */
  readonly connection?: Connection;
  /** In place of what the configuration says. */
  readonly provider?: SecurityProvider;
  /** Needed when `leader_election` is set. */
  readonly election?: LeaderElection;
  /** In place of the file of `rego_policy`. */
  readonly policy?: ProvisionPolicy;
}

export interface Provisioner extends AsyncDisposable {
  readonly metrics: ProvisionerMetrics;
  readonly isPaused: boolean;
  /** Connects, looks for nodes, and works until `stop`. */
  start(options?: {readonly signal?: AbortSignal}): Promise<void>;
  /** Takes no further nodes and ends the work on those under way. */
  stop(): Promise<void>;
}

/**
 * @throws {ProvisionerError} `ERR_PROVISIONER_SETTING` when a key or token that the settings name cannot be used
 */
export async function createProvisioner(options: ProvisionerOptions): Promise<Provisioner> {
  const {settings, platform} = options;
  if (settings.leaderElection && options.election === undefined) {
    throw new ProvisionerError(
      'ERR_PROVISIONER_SETTING',
      'Cannot use "leader_election": this program has no elections to take part in; run one provisioner and leave the setting out',
    );
  }
  const regoPolicy =
    settings.regoPolicy === ''
      ? undefined
      : createRegoProvisionPolicy({
          path: settings.regoPolicy,
          files: platform.files,
          engine: regoEngineOf(options.config, {platform}),
        });
  const [tokenKey, signer] = await Promise.all([
    readTokenKey(settings, platform.files),
    readSigner(settings, platform.files),
  ]);
  const metrics = createProvisionerMetrics({clock: platform.clock, site: settings.site});
  const hosts = createHostTable({clock: platform.clock, waitMsMax: 2 * settings.intervalMs});
  return new Service(options, {
    close: () => regoPolicy?.close() ?? Promise.resolve(),
    hosts,
    tools: {
      settings,
      platform,
      logger: options.logger,
      metrics,
      denied: compileDenyList(settings.certDenyList),
      tokenKey,
      signer,
      policy: options.policy ?? regoPolicy,
      isNameOfAnother: (name, identity) => hosts.isNameOfAnother(name, identity),
    },
  });
}

/** The account of provisioners wants a name and a password, and, where there are tokens, also a token that permits it. */
function brokerAuth(
  auth: ConnectAuth | undefined,
  {password, hasToken}: {readonly password: string; readonly hasToken: boolean},
): {readonly auth?: ConnectAuth} {
  if (password === '') return auth === undefined ? {} : {auth};
  const named = {user: 'provisioner', password};
  const {signNonce} = auth ?? {};
  if (auth === undefined || signNonce === undefined || !hasToken) return {auth: named};
  return {
    auth: {
      ...named,
      signNonce,
      get token() {
        return auth.token ?? '';
      },
      get expiresAtMs() {
        return auth.expiresAtMs;
      },
    },
  };
}

class Service implements Provisioner {
  readonly metrics: ProvisionerMetrics;
  readonly #options: ProvisionerOptions;
  readonly #tools: Omit<HostTools, 'caller'>;
  readonly #hosts: HostTable;
  readonly #closeParts: () => Promise<void>;
  /** One for each node under way: none waits long on a signal of all. */
  readonly #stops = new Set<AbortController>();
  #isStopped = false;
  readonly #running = new Set<Promise<void>>();
  #connection: Connection | undefined;
  #caller: NodeCaller | undefined;
  #timer: TimerHandle | undefined;
  #isPaused = false;

  constructor(
    options: ProvisionerOptions,
    parts: {readonly close: () => Promise<void>; readonly hosts: HostTable; readonly tools: Omit<HostTools, 'caller'>},
  ) {
    this.#options = options;
    this.#tools = parts.tools;
    this.#hosts = parts.hosts;
    this.#closeParts = parts.close;
    this.metrics = parts.tools.metrics;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  async start(options: {readonly signal?: AbortSignal} = {}): Promise<void> {
    const {config, platform, election, settings, logger} = this.#options;
    const provider = this.#options.provider ?? (await this.#provider());
    const connection = this.#options.connection ?? (await this.#connect(provider, options.signal));
    this.#connection = connection;
    const messenger = createMessenger({
      connection,
      provider,
      platform,
      identity: config.get('identity'),
      mainCollective: provisioningCollective,
      federations: [],
      // Nodes that wait have nothing to sign with; what they say is proven by their token, and by the key that signs a nonce.
      acceptsUnsigned: true,
    });
    this.#caller = createNodeCaller({messenger, collective: provisioningCollective, logger});
    const started = lifecycleSubject({type: 'startup', component: settings.lifecycleComponent});
    connection.subscribe(started, ({payload}) => this.#heard(payload));
    this.#publishStartup(connection, provider.certname);
    if (election === undefined) {
      this.#discoverAndRepeat();
      return;
    }
    this.#pause();
    await election.start({won: () => this.#resume(), lost: () => this.#pause()});
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#isStopped = true;
    this.#hosts.clear();
    const reason = new ProvisionerError('ERR_PROVISIONER_CALL', 'the provisioner stopped');
    for (const stop of this.#stops) stop.abort(reason);
    await this.#options.election?.stop();
    await Promise.allSettled(this.#running);
    this.#caller?.close();
    await this.#closeParts();
    if (this.#options.connection === undefined) await this.#connection?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #provider(): Promise<SecurityProvider> {
    const {config, platform, logger, settings} = this.#options;
    // A service has no user at a terminal: without one it goes by its own name.
    const env = {...platform.env, USER: platform.env['USER'] ?? config.get('identity')};
    const provider = await chooseSecurityProvider(config, {platform: {...platform, env}, mode: 'client', logger});
    if (settings.isInsecure) {
      const {certname, callerId, technology, credential} = provider;
      const unsigned = createUnsignedProvider({certname, callerId, technology, credential: credential || 'insecure'});
      // Requests go out unsigned, but to the broker it proves itself.
      return {...unsigned, tls: provider.tls, sign: (message) => provider.sign(message)};
    }
    const problems = await provider.validate();
    if (problems.length === 0) return provider;
    throw new ProvisionerError(
      'ERR_PROVISIONER_SETTING',
      `security setup is not valid, ${problems.length} errors encountered: ${problems.join(', ')}`,
    );
  }

  #connect(provider: SecurityProvider, signal: AbortSignal | undefined): Promise<Connection> {
    const {config, platform, logger, settings} = this.#options;
    const switches = securitySwitches({platform, mode: 'client', logger});
    const security = connectSecurity(config, {provider, switches});
    // Without certificates of its own an insecure provisioner can only reach a broker without TLS.
    const hasToken = provider.technology === 'ed25519+jwt' && provider.credential !== 'insecure';
    const hasTls = !settings.isInsecure || hasToken || provider.tls.certificatePem !== undefined;
    return openConnection({
      platform,
      logger,
      name: provider.certname,
      servers: serverSource(config, {platform, logger}),
      ...(hasTls && security.tls !== undefined ? {tls: security.tls} : {}),
      ...brokerAuth(security.auth, {password: settings.brokerPassword, hasToken}),
      inboxPrefix: inboxPrefix(provisioningCollective, provider.callerId),
      ...(signal === undefined ? {} : {signal}),
      events: {
        disconnected: (error) => logger.warn(`Lost the broker: ${error?.message ?? 'it closed the connection'}`),
        reconnected: (server) => logger.warn(`Connected again, to ${server}`),
        error: (error) => logger.error(`The connection reported an error: ${error.message}`),
      },
    });
  }

  #publishStartup(connection: Connection, identity: string): void {
    const {platform, version = programVersion} = this.#options;
    const event: LifecycleEvent = {
      type: 'startup',
      id: newUuid(platform.random),
      identity,
      component: 'provisioner',
      atMs: platform.clock.nowMs(),
      version,
    };
    connection.publish(lifecycleSubject(event), encodeLifecycleEvent(event, 'legacy'));
  }

  #pause(): void {
    this.#isPaused = true;
    this.metrics.gauge('paused', 1);
    this.#timer?.cancel();
    this.#hosts.clear();
    this.#options.logger.warn('Paused: another provisioner leads');
  }

  #resume(): void {
    this.#isPaused = false;
    this.metrics.gauge('paused', 0);
    this.#options.logger.warn('Working: this provisioner leads');
    this.#discoverAndRepeat();
  }

  #discoverAndRepeat(): void {
    this.#timer?.cancel();
    const {platform, settings} = this.#options;
    this.#timer = platform.clock.setTimer(() => this.#discoverAndRepeat(), settings.intervalMs);
    void this.#discover();
  }

  async #discover(): Promise<void> {
    this.metrics.count('discover_cycles');
    try {
      await this.#caller?.discover((identity) => this.#found(identity, 'discovered'));
    } catch (error) {
      this.metrics.count('discovery_errors');
      this.#options.logger.error(`Could not ask who waits: ${errorMessage(error)}`);
    }
  }

  #heard(payload: Buffer): void {
    try {
      const {event} = parseLifecycleEvent(payload);
      if (event.type === 'startup') this.#found(event.identity, 'event_discovered');
    } catch (error) {
      this.#options.logger.debug(`A message is no startup event: ${errorMessage(error)}`);
    }
  }

  #found(identity: string, how: 'discovered' | 'event_discovered'): void {
    const {logger} = this.#options;
    if (this.#isPaused || this.#isStopped) return;
    if (!isUsableIdentity(identity)) {
      logger.warn(`A node with the name ${JSON.stringify(identity.slice(0, 100))} is left alone: it is no host name`);
      return;
    }
    const problem = this.#hosts.offer(identity);
    if (problem === 'full')
      logger.warn(`More than ${provisionerLimits.queueMax} nodes wait; ${identity} is taken later`);
    if (problem !== undefined) return;
    this.metrics.count(how);
    this.#work();
  }

  #work(): void {
    const {settings} = this.#options;
    while (!this.#isPaused && this.#running.size < settings.workers) {
      const identity = this.#hosts.take();
      if (identity === undefined) break;
      const work: Promise<void> = this.#provision(identity).finally(() => {
        this.#running.delete(work);
        this.#work();
      });
      this.#running.add(work);
    }
    this.metrics.gauge('busy_workers', this.#running.size);
    this.metrics.gauge('work_queue_entries', this.#hosts.waiting);
    this.metrics.gauge('waiting_nodes', this.#hosts.waiting + this.#running.size);
  }

  async #provision(identity: string): Promise<void> {
    const {logger} = this.#options;
    const caller = this.#caller;
    if (caller === undefined) return;
    const stop = new AbortController();
    this.#stops.add(stop);
    try {
      const outcome = await provisionHost(identity, {...this.#tools, caller}, stop.signal);
      this.#hosts.finish(identity, {name: outcome.kind === 'provisioned' ? outcome.name : identity});
      if (outcome.kind === 'provisioned') this.metrics.count('provisioned');
      logger.info(`${identity}: ${outcome.kind}`);
      const pauseMs = this.#hosts.pauseMs(identity);
      if (pauseMs > 0) logger.warn(`${identity} comes back again and again: it is left alone for ${pauseMs / 1000} s`);
    } catch (error) {
      this.#hosts.finish(identity, 'failed');
      this.metrics.count('provision_errors');
      logger.error(`Could not provision ${identity}: ${errorMessage(error)}`);
    } finally {
      this.#stops.delete(stop);
    }
  }
}
