/** Starts a broker as a configuration describes it: the one function behind `choria broker run`, the demo and embedding programs. */
import type {Config, ConfigKey} from '../config/index.ts';
import {
  createSecurityProvider,
  resolveSrv,
  type RevocationWatch,
  watchCredentials,
  watchRevocations,
} from '../connect/index.ts';
import {type Revocations, revocationsOfLists, type SecurityProvider} from '../crypto/index.ts';
import type {Logger} from '../lib/logger.ts';
import type {TlsMaterial} from '../lib/network.ts';
import type {Platform} from '../lib/platform.ts';
import {
  accountExports,
  fleetAccountName,
  provisioningAccountName,
  systemAccountName,
} from './authentication/accounts.ts';
import {brokerAuthOptions} from './authentication/auth-settings.ts';
import {auditedAuthenticator} from './authentication/audited.ts';
import {type BrokerAuthOptions, createBrokerAuthenticator} from './authentication/broker-auth.ts';
import type {Authenticator} from './authentication/types.ts';
import {createEmbeddedEngine, EmbeddedEngine} from './embedded/engine.ts';
import type {EngineTls} from './embedded/parts.ts';
import {BrokerError} from './errors.ts';
import {watchExpiry} from './expiry.ts';
import {type BrokerSettings, readSettings} from './settings.ts';
import {SupervisedEngine} from './supervised/engine.ts';
import {findNatsServer} from './supervised/program.ts';
import {readMappings, readSupervisedSettings} from './supervised/settings.ts';
import type {EngineView} from './monitoring/view.ts';
import {createProcessUsage} from './monitoring/node-usage.ts';
import {startStatsListener, type StatsListener} from './stats/listener.ts';
import {embeddedSource, proxySource} from './stats/source.ts';
import type {Engine, EngineAddresses} from './types.ts';
import {createAuditFile} from '../lib/audit-file.ts';
import {errorMessage} from '../lib/errors.ts';

export interface StartBrokerOptions {
  /** Loaded in the mode `server`. */
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  /** What is turned off by hand, for tests and emergencies; default nothing. */
  readonly insecure?: {
    /** False: no TLS; every connection from the network is refused then, because it cannot prove anything. */
    readonly tls: boolean;
    /** False: nobody is asked for a certificate. */
    readonly verifyTls: boolean;
  };
  /** The system account of the embedded engine asks to read the configuration again; without it that is refused. */
  readonly onReloadAsked?: () => Promise<void>;
}

export interface RunningBroker {
  readonly engine: Engine;
  readonly addresses: EngineAddresses;
  /** Of the client listener; the real one when the configuration says 0. */
  readonly port: number;
  /** Of the stats listener; 0 without one. */
  readonly statsPort: number;
  /**
   * Takes changed settings over: certificates, issuers and signers, permissions, limits. Nobody is dropped who is still allowed; who is not, is cut.
   * What only a restart can change is named in the log. Fails, and changes nothing, when the new configuration cannot be used.
   *
   * @throws {BrokerError} `ERR_BROKER_SETTING`
   * @throws {ConnectError} when the certificates cannot be used
   */
  reload(config: Config): Promise<void>;
  /** `graceMs`: how long clients may take to go elsewhere before they are closed; default none. */
  stop(options?: {readonly graceMs?: number}): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * @throws {BrokerError} `ERR_BROKER_SETTING` | `ERR_BROKER_LISTEN`
 * @throws {ConnectError} when the certificates cannot be used
 * @example
 * await using broker = await startBroker({config, platform, logger});
 * broker.addresses.client; // tls://[::]:4222
 */
export async function startBroker(options: StartBrokerOptions): Promise<RunningBroker> {
  const {platform, srvLookups} = countingLookups(options.platform);
  const logger = options.logger.child({component: 'network'});
  const insecure = options.insecure ?? {tls: true, verifyTls: true};
  if (!insecure.tls) logger.warn('Running with TLS disabled, not compatible with production use.');
  if (!insecure.verifyTls) logger.warn('Running with TLS Verification disabled, not compatible with production use.');
  const surroundings = {platform, logger, insecure};
  const live: EngineParts = {...surroundings, ...(await readParts(options.config, surroundings))};
  let engine: BrokerEngine | undefined;
  live.revocations = await revocationsOf(options.config, {
    platform,
    logger,
    provider: () => live.provider,
    onChange: () => engine?.cutRevoked(),
  });
  engine = live.settings.engine === 'nats-server' ? await createSupervised(live) : createEmbedded(live, options);
  const running = engine;
  const addresses = await running.start();
  const watch = watchLiveCredentials(live, running);
  const stop: RunningBroker['stop'] = async (how = {}) => {
    await stats?.close();
    live.revocations?.stop();
    watch.stop();
    await running.stop(how);
  };
  let stats: StatsListener | undefined;
  try {
    stats = await startStats(running, {...live, addresses, srvLookups});
  } catch (error) {
    await stop();
    throw new BrokerError('ERR_BROKER_LISTEN', errorMessage(error), {cause: error});
  }
  return {
    engine: running,
    addresses,
    statsPort: stats?.port ?? 0,
    get port() {
      return running.port;
    },
    reload: (config) => reloadBroker(live, {config, engine: running, watch}),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** The same platform, which counts the questions for SRV records. */
function countingLookups(platform: Platform): {readonly platform: Platform; readonly srvLookups: () => number} {
  const {names} = platform;
  let count = 0;
  const counting: Platform['names'] = {
    resolveSrv: (name, options) => {
      count += 1;
      return names.resolveSrv(name, options);
    },
    lookup: (name, options) => names.lookup(name, options),
    reverse: (address, options) => names.reverse(address, options),
    ...(names.groupId === undefined
      ? {}
      : {groupId: (name, options) => names.groupId?.(name, options) ?? Promise.resolve(undefined)}),
  };
  return {platform: {...platform, names: counting}, srvLookups: () => count};
}

/** What a configuration says, read and checked. */
async function readParts(
  config: Config,
  {platform, logger, insecure}: Surroundings,
): Promise<Pick<EngineParts, 'config' | 'settings' | 'auth' | 'provider'>> {
  const settings = readSettings(config);
  for (const warning of [...config.warnings, ...settings.warnings]) logger.warn(warning);
  const auth = await brokerAuthOptions(config, platform);
  const provider = await createSecurityProvider(config, {platform, mode: 'server', logger});
  const hasAuthority = provider.tls.caPem !== undefined;
  const isComplete = provider.tls.certificatePem !== undefined && (hasAuthority || provider.technology !== 'x509');
  if (hasTls(config, insecure) && !isComplete) {
    throw new BrokerError(
      'ERR_BROKER_SETTING',
      'Cannot start the broker: it has no certificate or no authority, expected both from the security provider',
    );
  }
  return {config, settings, auth, provider};
}

function hasTls(config: Config, insecure: Surroundings['insecure']): boolean {
  return insecure.tls || config.get('plugin.choria.network.client_tls_force_required');
}

/** Renewed files are used from the next connection on, and a certificate that ends soon is spoken of. */
function watchLiveCredentials(live: EngineParts, engine: BrokerEngine): LiveWatch {
  const {platform, logger} = live;
  let stopped: () => void = () => {};
  const restart = (): void => {
    stopped();
    const {provider} = live;
    const expiry = watchExpiry(() => provider.tls.certificatePem, {clock: platform.clock, logger});
    const files = watchCredentials(provider, {
      clock: platform.clock,
      logger,
      onChange: () => {
        engine.useCertificates(provider.tls);
        engine.cutRevoked();
        expiry.look();
      },
    });
    stopped = () => {
      expiry.stop();
      files.stop();
    };
  };
  restart();
  return {restart, stop: () => stopped()};
}

interface LiveWatch {
  /** After the provider was changed. */
  restart(): void;
  stop(): void;
}

/** These are bound to sockets, processes and names that others know. */
const restartKeys = [
  'identity',
  'plugin.choria.network.engine',
  'plugin.choria.network.listen_address',
  'plugin.choria.network.client_port',
  'plugin.choria.network.websocket_port',
  'plugin.choria.network.peer_port',
  'plugin.choria.network.gateway_port',
  'plugin.choria.network.leafnode_port',
  'plugin.choria.network.gateway_name',
  'plugin.choria.network.mapping.names',
  'plugin.choria.network.stream.store',
  'plugin.choria.stats_address',
  'plugin.choria.stats_port',
] as const satisfies readonly ConfigKey[];

async function reloadBroker(
  live: EngineParts,
  {config, engine, watch}: {readonly config: Config; readonly engine: BrokerEngine; readonly watch: LiveWatch},
): Promise<void> {
  const {logger, platform} = live;
  const before = live.config;
  const next = await readParts(config, live);
  const revocations = await revocationsOf(config, {
    platform,
    logger,
    provider: () => next.provider,
    onChange: () => engine.cutRevoked(),
  });
  const fixed = restartKeys.filter((key) => String(before.get(key)) !== String(config.get(key)));
  if (fixed.length > 0) {
    logger.warn(`Changed settings that need a restart of the broker are not used yet: ${fixed.join(', ')}`);
  }
  live.revocations?.stop();
  Object.assign(live, next, {revocations});
  watch.restart();
  if (engine instanceof EmbeddedEngine) {
    await engine.reload({
      authenticator: authenticatorOf(live),
      limits: live.settings.limits,
      ...(revocations === undefined ? {} : {revocations}),
    });
  } else {
    const tls = tlsOf(live);
    await engine.reload({
      ...(tls === undefined ? {} : {tls}),
      authenticator: authenticatorOf(live),
      limits: live.settings.limits,
    });
  }
  logger.info('Took the changed configuration over');
}

async function startStats(
  engine: BrokerEngine,
  parts: EngineParts & {readonly addresses: EngineAddresses; readonly srvLookups: () => number},
): Promise<StatsListener | undefined> {
  const {settings, platform, logger, config, addresses} = parts;
  if (settings.stats === undefined) return undefined;
  const embedded = engine instanceof EmbeddedEngine ? engine : undefined;
  const view = embedded === undefined ? undefined : (): EngineView => embedded.monitoring;
  const listener = await startStatsListener({
    platform,
    logger,
    ...settings.stats,
    identity: settings.identity,
    configFile: config.path ?? '',
    isTls: hasTls(config, parts.insecure),
    source:
      view === undefined ? proxySource({http: platform.http, url: addresses.monitoring ?? ''}) : embeddedSource(view),
    view,
    srvLookups: parts.srvLookups,
    ...(embedded === undefined ? {} : {onRequest: (path) => embedded.countHttpRequest(path)}),
  });
  embedded?.showHttpPlace({host: settings.stats.host, port: listener.port});
  return listener;
}

type BrokerEngine = EmbeddedEngine | SupervisedEngine;

interface Surroundings {
  readonly platform: Platform;
  readonly logger: Logger;
  readonly insecure: NonNullable<StartBrokerOptions['insecure']>;
}

/** As they are now: a reload changes them. */
interface EngineParts extends Surroundings {
  settings: BrokerSettings;
  provider: SecurityProvider;
  config: Config;
  auth: BrokerAuthOptions;
  revocations?: RevocationWatch | undefined;
}

/** Absent where TLS was turned off. */
function tlsOf({provider, config, insecure}: EngineParts): TlsMaterial | undefined {
  return hasTls(config, insecure) ? provider.tls : undefined;
}

function authenticatorOf({auth, revocations, config, platform, logger}: EngineParts): Authenticator {
  const inner = createBrokerAuthenticator({...auth, ...(revocations === undefined ? {} : {revocations})});
  const path = config.get('plugin.choria.network.audit_logfile');
  if (path === '') return inner;
  const file = createAuditFile({files: platform.files, path, mode: 0o600});
  return auditedAuthenticator(inner, {file, clock: platform.clock, logger});
}

function createEmbedded(
  parts: EngineParts,
  {onReloadAsked}: Pick<StartBrokerOptions, 'onReloadAsked'>,
): EmbeddedEngine {
  const {settings, platform, logger, auth, revocations, insecure, config} = parts;
  // Asked for at each connection, so that a renewed certificate is used from the next one on.
  const tls: EngineTls | undefined = hasTls(config, insecure)
    ? {
        get material() {
          return parts.provider.tls;
        },
        get clientCertificates() {
          return parts.provider.tls.caPem === undefined || !insecure.verifyTls ? 'none' : 'if-given';
        },
      }
    : undefined;
  const warnings: string[] = [];
  const mappings = Object.entries(readMappings(config, warnings));
  for (const warning of warnings) logger.warn(warning);
  return createEmbeddedEngine({
    platform,
    logger,
    host: settings.host,
    port: settings.port,
    serverName: settings.identity,
    ...(settings.advertise === undefined ? {} : {advertise: settings.advertise}),
    ...(tls === undefined ? {} : {tls}),
    mappings: mappings.map(([source, destination]) => ({account: fleetAccountName, source, destination})),
    accounts: [
      fleetAccountName,
      systemAccountName,
      ...(auth.provisioning === undefined ? [] : [provisioningAccountName]),
    ],
    systemAccount: systemAccountName,
    clusterName: settings.clusterName,
    processUsage: createProcessUsage(platform),
    exports: accountExports,
    ...(settings.websocket === undefined
      ? {}
      : {websocket: {...settings.websocket, ...(tls === undefined ? {} : {tls})}}),
    authenticator: authenticatorOf(parts),
    ...(revocations === undefined ? {} : {revocations}),
    limits: settings.limits,
    ...(onReloadAsked === undefined ? {} : {onReloadAsked}),
  });
}

/** Names of the other members of the cluster; what they give counts before the setting. */
const peerRecords = ['_mcollective-broker._tcp'];

/**
 * Where only certificates count, nats-server demands one from everybody; where only tokens count, from nobody. It has nothing between, so where both
 * count, our own door stands before it.
 */
async function createSupervised(parts: EngineParts): Promise<SupervisedEngine> {
  const {settings, platform, logger, config, auth, insecure} = parts;
  const tls = tlsOf(parts);
  const peers = await resolveSrv(config, {platform, logger, records: peerRecords});
  const supervised = readSupervisedSettings(
    config,
    peers.map(({name, port}) => `${name.replace(/\.$/, '')}:${port}`),
  );
  for (const warning of supervised.warnings) logger.warn(warning);
  const program = await findNatsServer(platform, supervised.program);
  return new SupervisedEngine({
    platform,
    logger,
    program,
    settings: supervised,
    identity: settings.identity,
    host: settings.host,
    port: settings.port,
    ...(settings.advertise === undefined ? {} : {advertise: settings.advertise}),
    limits: settings.limits,
    ...(tls === undefined ? {} : {tls}),
    areCertificatesRequired: tls !== undefined && insecure.verifyTls && !admitsByToken(auth),
    hasDoor: tls !== undefined && insecure.verifyTls && needsDoor(parts),
    authenticator: authenticatorOf(parts),
    hasProvisioning: auth.provisioning !== undefined,
  });
}

function needsDoor({provider, auth, config}: EngineParts): boolean {
  if (!admitsByToken(auth) || provider.tls.caPem === undefined) return false;
  return provider.technology === 'x509' || config.get('plugin.choria.network.certificates_beside_tokens');
}

function admitsByToken({issuers, clientSigners, serverSigners, provisioning}: BrokerAuthOptions): boolean {
  return (
    Object.keys(issuers ?? {}).length > 0 ||
    (clientSigners ?? []).length > 0 ||
    (serverSigners ?? []).length > 0 ||
    provisioning !== undefined
  );
}

/** What the operator took back, and what the authorities' own lists name, as both are now. */
async function revocationsOf(
  config: Config,
  options: {
    readonly platform: Platform;
    readonly logger: Logger;
    readonly provider: () => SecurityProvider;
    readonly onChange: () => void;
  },
): Promise<RevocationWatch | undefined> {
  const path = config.get('plugin.choria.security.revocation_file').trim();
  const watched = path === '' ? undefined : await watchRevocations({path, ...options});
  if (options.provider().tls.crlPem === undefined) return watched;
  const lists = listsOf(options.provider);
  return {
    reasonFor: (credential) => watched?.reasonFor(credential) ?? lists()?.reasonFor(credential),
    stop: () => watched?.stop(),
  };
}

/** Read again when the provider has read them again. */
function listsOf(provider: () => SecurityProvider): () => Revocations | undefined {
  let read: {readonly crlPem: string; readonly caPem: string; readonly revocations: Revocations} | undefined;
  return () => {
    const {crlPem, caPem = ''} = provider().tls;
    if (crlPem === undefined) return undefined;
    if (read?.crlPem !== crlPem || read.caPem !== caPem) {
      read = {crlPem, caPem, revocations: revocationsOfLists({crlPem, caPem})};
    }
    return read.revocations;
  };
}
