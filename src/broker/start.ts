/** Starts a broker as a configuration describes it: the one function behind `choria broker run`, the demo and embedding programs. */
import type {Config} from '../config/index.ts';
import {createSecurityProvider, type RevocationWatch, watchCredentials, watchRevocations} from '../connect/index.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {
  accountExports,
  fleetAccountName,
  provisioningAccountName,
  systemAccountName,
} from './authentication/accounts.ts';
import {brokerAuthOptions} from './authentication/auth-settings.ts';
import {createBrokerAuthenticator} from './authentication/broker-auth.ts';
import {createEmbeddedEngine, type EmbeddedEngine} from './embedded/engine.ts';
import {BrokerError} from './errors.ts';
import {readSettings} from './settings.ts';
import type {Engine, EngineAddresses} from './types.ts';

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
  stop(): Promise<void>;
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
  const tls = {
    // Asked for at each connection, so that a renewed certificate is used from the next one on.
    get material() {
      return provider.tls;
    },
    clientCertificates: hasAuthority ? ('if-given' as const) : ('none' as const),
  };
  let engine: EmbeddedEngine | undefined;
  const revocations = await revocationsOf(config, {platform, logger, onChange: () => engine?.cutRevoked()});
  engine = createEmbeddedEngine({
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
    exports: accountExports,
    ...(settings.websocket === undefined ? {} : {websocket: {...settings.websocket, tls}}),
    authenticator: createBrokerAuthenticator({...auth, ...(revocations === undefined ? {} : {revocations})}),
    ...(revocations === undefined ? {} : {revocations}),
    limits: settings.limits,
  });
  const addresses = await engine.start();
  const running = engine;
  const watch = watchCredentials(provider, {clock: platform.clock, logger});
  const stop = async (): Promise<void> => {
    revocations?.stop();
    watch.stop();
    await running.stop({graceMs: settings.stopGraceMs});
  };
  return {engine, addresses, port: engine.port, stop, [Symbol.asyncDispose]: stop};
}

async function revocationsOf(
  config: Config,
  options: {readonly platform: Platform; readonly logger: Logger; readonly onChange: () => void},
): Promise<RevocationWatch | undefined> {
  const path = config.get('plugin.choria.security.revocation_file').trim();
  return path === '' ? undefined : watchRevocations({path, ...options});
}
