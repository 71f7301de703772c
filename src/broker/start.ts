/** Starts a broker as a configuration describes it: the one function behind `choria broker run`, the demo and embedding programs. */
import type {Config} from '../config/index.ts';
import {createSecurityProvider} from '../connect/index.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {createCertificateAuthenticator, fleetAccountName, systemAccountName} from './authentication/certificate.ts';
import {createEmbeddedEngine} from './embedded/engine.ts';
import {BrokerError} from './errors.ts';
import {type BrokerSettings, readSettings} from './settings.ts';
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
  const provider = await createSecurityProvider(config, {platform, mode: 'server', logger});
  if (provider.tls.certificatePem === undefined || provider.tls.caPem === undefined) {
    throw new BrokerError(
      'ERR_BROKER_SETTING',
      'Cannot start the broker: it has no certificate or no authority, expected both from the security provider',
    );
  }
  const tls = {material: provider.tls, clientCertificates: 'if-given'} as const;
  const engine = createEmbeddedEngine({
    platform,
    logger,
    host: settings.host,
    port: settings.port,
    serverName: settings.identity,
    ...(settings.advertise === undefined ? {} : {advertise: settings.advertise}),
    tls,
    accounts: [fleetAccountName, systemAccountName],
    systemAccount: systemAccountName,
    ...(settings.websocket === undefined ? {} : {websocket: {...settings.websocket, tls}}),
    authenticator: createAuthenticator(settings, platform),
    limits: settings.limits,
  });
  const addresses = await engine.start();
  const stop = (): Promise<void> => engine.stop({graceMs: settings.stopGraceMs});
  return {engine, addresses, port: engine.port, stop, [Symbol.asyncDispose]: stop};
}

function createAuthenticator(settings: BrokerSettings, platform: Platform) {
  return createCertificateAuthenticator({
    clock: platform.clock,
    clientHosts: settings.clientHosts,
    isNodeDenied: settings.isNodeDenied,
    isOpen: settings.isOpen,
    ...(settings.allowedCallers.length === 0 ? {} : {allowedCallers: settings.allowedCallers}),
    ...(settings.privilegedCallers.length === 0 ? {} : {privilegedCallers: settings.privilegedCallers}),
    ...(settings.system === undefined ? {} : {system: settings.system}),
  });
}
