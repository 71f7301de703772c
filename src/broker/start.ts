/** Starts a broker as a configuration describes it: the one function behind `choria broker run`, the demo and embedding programs. */
import type {Config} from '../config/index.ts';
import {createSecurityProvider, type RevocationWatch, watchCredentials, watchRevocations} from '../connect/index.ts';
import type {SecurityProvider} from '../crypto/index.ts';
import type {Logger} from '../lib/logger.ts';
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
import {BrokerError} from './errors.ts';
import {type BrokerSettings, readSettings} from './settings.ts';
import {SupervisedEngine} from './supervised/engine.ts';
import {findNatsServer} from './supervised/program.ts';
import {readSupervisedSettings} from './supervised/settings.ts';
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
}

export interface RunningBroker {
  readonly engine: Engine;
  readonly addresses: EngineAddresses;
  /** Of the client listener; the real one when the configuration says 0. */
  readonly port: number;
  /** Of the stats listener; 0 without one. */
  readonly statsPort: number;
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
  const {config, platform} = options;
  const logger = options.logger.child({component: 'network'});
  const settings = readSettings(config);
  for (const warning of [...config.warnings, ...settings.warnings]) logger.warn(warning);
  const auth = await brokerAuthOptions(config, platform);
  const provider = await createSecurityProvider(config, {platform, mode: 'server', logger});
  const hasAuthority = provider.tls.caPem !== undefined;
  if (provider.tls.certificatePem === undefined || (!hasAuthority && provider.technology === 'x509')) {
    throw new BrokerError(
      'ERR_BROKER_SETTING',
      'Cannot start the broker: it has no certificate or no authority, expected both from the security provider',
    );
  }
  let engine: BrokerEngine | undefined;
  const revocations = await revocationsOf(config, {platform, logger, onChange: () => engine?.cutRevoked()});
  const parts: EngineParts = {settings, provider, platform, logger, config, auth, revocations};
  engine = settings.engine === 'nats-server' ? await createSupervised(parts) : createEmbedded(parts);
  const running = engine;
  const addresses = await running.start();
  const watch = watchCredentials(provider, {
    clock: platform.clock,
    logger,
    onChange: () => running.useCertificates(provider.tls),
  });
  const stats = await startStats(running, {...parts, addresses}).catch(async (error: unknown) => {
    revocations?.stop();
    watch.stop();
    await running.stop();
    throw new BrokerError('ERR_BROKER_LISTEN', errorMessage(error), {cause: error});
  });
  const stop: RunningBroker['stop'] = async (how = {}) => {
    await stats?.close();
    revocations?.stop();
    watch.stop();
    await running.stop(how);
  };
  return {
    engine: running,
    addresses,
    statsPort: stats?.port ?? 0,
    get port() {
      return running.port;
    },
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

async function startStats(
  engine: BrokerEngine,
  parts: EngineParts & {readonly addresses: EngineAddresses},
): Promise<StatsListener | undefined> {
  const {settings, platform, logger, config, addresses} = parts;
  if (settings.stats === undefined) return undefined;
  const embedded = engine instanceof EmbeddedEngine ? engine : undefined;
  const view = embedded === undefined ? undefined : (): EngineView => embedded.monitoring;
  return startStatsListener({
    platform,
    logger,
    ...settings.stats,
    identity: settings.identity,
    configFile: config.path ?? '',
    isTls: true,
    source:
      view === undefined ? proxySource({http: platform.http, url: addresses.monitoring ?? ''}) : embeddedSource(view),
    view,
    ...(embedded === undefined ? {} : {onRequest: (path, place) => embedded.countHttpRequest(path, place)}),
  });
}

type BrokerEngine = EmbeddedEngine | SupervisedEngine;

interface EngineParts {
  readonly settings: BrokerSettings;
  readonly provider: SecurityProvider;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly config: Config;
  readonly auth: BrokerAuthOptions;
  readonly revocations: RevocationWatch | undefined;
}

function authenticatorOf({auth, revocations, config, platform, logger}: EngineParts): Authenticator {
  const inner = createBrokerAuthenticator({...auth, ...(revocations === undefined ? {} : {revocations})});
  const path = config.get('plugin.choria.network.audit_logfile');
  if (path === '') return inner;
  const file = createAuditFile({files: platform.files, path, mode: 0o600});
  return auditedAuthenticator(inner, {file, clock: platform.clock, logger});
}

function createEmbedded(parts: EngineParts): EmbeddedEngine {
  const {settings, provider, platform, logger, auth, revocations} = parts;
  const tls = {
    // Asked for at each connection, so that a renewed certificate is used from the next one on.
    get material() {
      return provider.tls;
    },
    clientCertificates: provider.tls.caPem === undefined ? ('none' as const) : ('if-given' as const),
  };
  return createEmbeddedEngine({
    platform,
    logger,
    host: settings.host,
    port: settings.port,
    serverName: settings.identity,
    ...(settings.advertise === undefined ? {} : {advertise: settings.advertise}),
    tls,
    accounts: [
      fleetAccountName,
      systemAccountName,
      ...(auth.provisioning === undefined ? [] : [provisioningAccountName]),
    ],
    systemAccount: systemAccountName,
    clusterName: settings.clusterName,
    processUsage: createProcessUsage(platform.host.cpuCount),
    exports: accountExports,
    ...(settings.websocket === undefined ? {} : {websocket: {...settings.websocket, tls}}),
    authenticator: authenticatorOf(parts),
    ...(revocations === undefined ? {} : {revocations}),
    limits: settings.limits,
  });
}

/**
 * Where only certificates count, nats-server demands one from everybody; where only tokens count, from nobody. It has nothing between, so where both
 * count, our own door stands before it.
 */
async function createSupervised(parts: EngineParts): Promise<SupervisedEngine> {
  const {settings, provider, platform, logger, config, auth} = parts;
  const supervised = readSupervisedSettings(config);
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
    tls: provider.tls,
    areCertificatesRequired: !admitsByToken(auth),
    hasDoor: needsDoor(parts),
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

async function revocationsOf(
  config: Config,
  options: {readonly platform: Platform; readonly logger: Logger; readonly onChange: () => void},
): Promise<RevocationWatch | undefined> {
  const path = config.get('plugin.choria.security.revocation_file').trim();
  return path === '' ? undefined : watchRevocations({path, ...options});
}
