/**
 * What a configuration asks of the broker, and what of it this engine cannot do.
 *
 * A setting that would silently do nothing is an error that names it: an operator who asks for a cluster must not get a lonely broker.
 */
import type {Config, ConfigKey} from '../config/index.ts';
import {parseIpAddress} from '../lib/ip-address.ts';
import {authWarnings} from './authentication/auth-settings.ts';
import {BrokerError} from './errors.ts';
import type {BrokerLimits} from './limits.ts';

/** Needs an engine that stores and distributes. */
const distributedKeys = {
  'plugin.choria.network.peers': 'a cluster',
  'plugin.choria.network.gateway_port': 'gateways',
  'plugin.choria.network.gateway_remotes': 'gateways',
  'plugin.choria.network.leafnode_port': 'leaf nodes',
  'plugin.choria.network.leafnode_remotes': 'leaf nodes',
  'plugin.choria.network.stream.store': 'streams',
} as const satisfies Partial<Record<ConfigKey, string>>;

const timeoutMsMax = 60_000;

export type EngineName = 'embedded' | 'nats-server';

export interface BrokerSettings {
  readonly engine: EngineName;
  readonly host: string;
  readonly port: number;
  readonly identity: string;
  readonly advertise: {readonly host: string; readonly port: number} | undefined;
  /** Absent: no stats listener. */
  readonly stats: {readonly host: string; readonly port: number} | undefined;
  /** Shown in monitoring. */
  readonly clusterName: string;
  /** Absent: no WebSocket listener. */
  readonly websocket:
    | {
        readonly host: string;
        readonly port: number;
        readonly advertise?: string;
        readonly allowedOrigins?: readonly string[];
        readonly isSameOriginRequired: boolean;
      }
    | undefined;
  readonly limits: Partial<BrokerLimits>;
  /** What is accepted and has no effect here, for the log. */
  readonly warnings: readonly string[];
}

/** @throws {BrokerError} `ERR_BROKER_SETTING` */
export function readSettings(config: Config): BrokerSettings {
  checkFeatures(config);
  const engine = engineOf(config);
  const warnings = [...warningsOf(config), ...(engine === 'embedded' ? checkUnsupported(config) : [])];
  const authTimeoutMs = config.get('plugin.choria.network.auth_timeout');
  const tlsTimeoutMs = config.get('plugin.choria.network.tls_timeout');
  if (authTimeoutMs > timeoutMsMax || tlsTimeoutMs > timeoutMsMax) {
    throw settingError(
      'plugin.choria.network.auth_timeout and plugin.choria.network.tls_timeout must not exceed 60 seconds',
    );
  }
  const port = portOf(config, 'plugin.choria.network.client_port');
  return {
    engine,
    host: textOf(config.get('plugin.choria.network.listen_address')) || '::',
    port,
    identity: textOf(config.get('identity')),
    websocket: webSocketOf(config),
    stats: statsOf(config),
    clusterName: textOf(config.get('plugin.choria.network.gateway_name')) || 'CHORIA',
    advertise: parseAdvertise(textOf(config.get('plugin.choria.network.public_url'))),
    limits: {authTimeoutMs, tlsTimeoutMs, writeDeadlineMs: config.get('plugin.choria.network.write_deadline')},
    warnings,
  };
}

function portOf(
  config: Config,
  key: 'plugin.choria.network.client_port' | 'plugin.choria.network.websocket_port' | 'plugin.choria.stats_port',
): number {
  const port = config.get(key);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw settingError(`Cannot listen on "${key}" ${port}: expected 0 to 65535`);
  }
  return port;
}

function statsOf(config: Config): BrokerSettings['stats'] {
  const port = portOf(config, 'plugin.choria.stats_port');
  const host = textOf(config.get('plugin.choria.stats_address')) || '127.0.0.1';
  return port === 0 ? undefined : {host, port};
}

function webSocketOf(config: Config): BrokerSettings['websocket'] {
  const port = portOf(config, 'plugin.choria.network.websocket_port');
  if (port === 0) return undefined;
  const advertise = textOf(config.get('plugin.choria.network.websocket_advertise'));
  return {
    host: textOf(config.get('plugin.choria.network.listen_address')) || '::',
    port,
    ...(advertise === '' ? {} : {advertise}),
    ...originRules(config),
  };
}

/** Which web pages may connect. @throws {BrokerError} `ERR_BROKER_SETTING` for what is no origin, which would let nobody in */
export function originRules(config: Config): {
  readonly allowedOrigins?: readonly string[];
  readonly isSameOriginRequired: boolean;
} {
  const allowedOrigins = listOf(config.get('plugin.choria.network.websocket_origins')).map((item) => item.trim());
  for (const origin of allowedOrigins) {
    if (URL.canParse(origin) && /^https?:$/.test(new URL(origin).protocol) && new URL(origin).origin === origin)
      continue;
    throw settingError(
      `Cannot use "plugin.choria.network.websocket_origins" ${JSON.stringify(origin)}: expected scheme, host and port only, such as https://console.example.net`,
    );
  }
  const isSameOriginRequired = config.get('plugin.choria.network.websocket_same_origin');
  return {...(allowedOrigins.length === 0 ? {} : {allowedOrigins}), isSameOriginRequired};
}

function engineOf(config: Config): EngineName {
  const engine = config.get('plugin.choria.network.engine');
  if (engine === 'embedded' || engine === 'nats-server') return engine;
  throw settingError(
    `Cannot use "plugin.choria.network.engine" ${JSON.stringify(engine)}: expected embedded or nats-server`,
  );
}

function checkFeatures(config: Config): void {
  if (config.get('plugin.choria.broker_federation')) {
    throw settingError(
      'Cannot start the federation broker: "plugin.choria.broker_federation" is on, but this program has a network broker only: turn it off here',
    );
  }
  const adapters = listOf(config.get('plugin.choria.adapters'));
  if (adapters.length > 0) {
    throw settingError(
      `Cannot start the adapters "${adapters.join(', ')}": "plugin.choria.adapters" is set, but this program has a network broker only: remove the setting here`,
    );
  }
  if (!config.get('plugin.choria.broker_network')) {
    throw settingError('all broker features are disabled: expected "plugin.choria.broker_network" to be true');
  }
}

/** @returns warnings about remotes that name no address, which the reference leaves out */
function checkUnsupported(config: Config): readonly string[] {
  const warnings = emptyRemotes(config);
  for (const [key, what] of Object.entries(distributedKeys) as [keyof typeof distributedKeys, string][]) {
    if (!isSet(config.get(key)) || (warnings.length > 0 && /gateway|leafnode_remotes/.test(key))) continue;
    throw settingError(
      `Cannot start the embedded broker: "${key}" asks for ${what}, which needs the engine nats-server: set "plugin.choria.network.engine = nats-server", or remove the setting`,
    );
  }
  return warnings;
}

/** Gateways and leaf nodes of which none has an address: nothing is asked for, and the broker runs. Empty when one has. */
function emptyRemotes(config: Config): readonly string[] {
  const remotes = [
    ...listOf(config.get('plugin.choria.network.gateway_remotes')).map((name) => ({
      kind: 'Gateway',
      name,
      key: `plugin.choria.network.gateway_remote.${name}.urls`,
    })),
    ...listOf(config.get('plugin.choria.network.leafnode_remotes')).map((name) => ({
      kind: 'Leafnode',
      name,
      key: `plugin.choria.network.leafnode_remote.${name}.url`,
    })),
  ];
  if (remotes.some(({key}) => (config.raw(key) ?? '').trim() !== '')) return [];
  return remotes.map(({kind, name, key}) => `${kind} ${name} has no remote url, ignoring: expected "${key}"`);
}

function warningsOf(config: Config): readonly string[] {
  const warnings: string[] = [];
  if (isSet(config.get('plugin.choria.network.pprof_port'))) {
    warnings.push('"plugin.choria.network.pprof_port" has no effect: there is no Go profile here');
  }
  if (config.get('plugin.choria.network.open_certificates')) {
    warnings.push('"plugin.choria.network.open_certificates" is on: every certificate may read and send everything');
  }
  return [...warnings, ...authWarnings(config)];
}

function settingError(message: string): BrokerError {
  return new BrokerError('ERR_BROKER_SETTING', message);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string' && item !== '') : [];
}

function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return listOf(value).length > 0;
  return value !== undefined && value !== '' && value !== 0 && value !== false;
}

/** `host:port`, `[v6]:port`. */
function parseAdvertise(text: string): BrokerSettings['advertise'] {
  if (text === '') return undefined;
  const place = text.lastIndexOf(':');
  const host = text.slice(0, place).replace(/^\[|\]$/g, '');
  const port = text.slice(place + 1);
  if (
    place <= 0 ||
    !/^\d{1,5}$/.test(port) ||
    Number(port) > 65_535 ||
    (host.includes(':') && parseIpAddress(host) === undefined)
  ) {
    throw settingError(`Cannot use "plugin.choria.network.public_url" "${text}": expected host:port`);
  }
  return {host, port: Number(port)};
}
