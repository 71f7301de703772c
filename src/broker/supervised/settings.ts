/**
 * What a configuration asks of the engine nats-server beyond what every broker does: clusters, gateways, leaf nodes, WebSocket, streams.
 *
 * What the reference leaves open (routes and gateways without TLS and without a secret) is closed here: a cluster needs a password, unless
 * `plugin.choria.network.open_routes` says that it may go without.
 */
import type {Config, ConfigKey} from '../../config/index.ts';
import {BrokerError} from '../errors.ts';
import {originRules} from '../settings.ts';

export interface RemoteTls {
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly caFile: string | undefined;
  readonly verify: boolean;
}

export interface GatewayRemote {
  readonly name: string;
  readonly urls: readonly string[];
  /** Own TLS of this remote; undefined: the broker's. `false`: none. */
  readonly tls: RemoteTls | false | undefined;
}

export interface LeafRemote extends GatewayRemote {
  readonly account: string;
  readonly credentialsFile: string | undefined;
}

export interface StreamRules {
  readonly store: string;
  readonly manage: boolean;
  readonly retentionMs: {
    readonly event: number;
    readonly machine: number;
    readonly advisory: number;
    readonly executor: number;
  };
  readonly electionTtlMs: number;
  readonly replicas: {
    readonly event: number;
    readonly machine: number;
    readonly advisory: number;
    readonly executor: number;
    readonly election: number;
  };
}

export interface SupervisedSettings {
  readonly program: string;
  readonly clusterName: string;
  readonly peers: readonly string[];
  readonly peerPort: number;
  readonly peerUser: string;
  readonly peerPassword: string;
  readonly areRoutesOpen: boolean;
  readonly gatewayPort: number;
  readonly gateways: readonly GatewayRemote[];
  readonly leafPort: number;
  readonly leafRemotes: readonly LeafRemote[];
  readonly websocketPort: number;
  readonly websocketAdvertise: string;
  readonly websocketOrigins: ReturnType<typeof originRules>;
  readonly pprofPort: number;
  readonly mappings: Readonly<Record<string, string>>;
  readonly streams: StreamRules | undefined;
  readonly stopGraceMs: number;
  readonly warnings: readonly string[];
}

/** As the reference: a peer port of 0 with peers is this one. */
const defaultPeerPort = 5222;

/** @throws {BrokerError} `ERR_BROKER_SETTING` */
export function readSupervisedSettings(config: Config, peersFromNames: readonly string[] = []): SupervisedSettings {
  const warnings: string[] = [];
  const configuredPeers = peersFromNames.length > 0 ? peersFromNames : texts(config, 'plugin.choria.network.peers');
  const peers = configuredPeers.map(peerAddress);
  const port = config.get('plugin.choria.network.peer_port');
  const peerPort = port === 0 && peers.length > 0 ? defaultPeerPort : port;
  if (port === 0 && peers.length > 0) warnings.push(`Defaulting Choria Broker Peer port to ${defaultPeerPort}`);
  const peerPassword = text(config, 'plugin.choria.network.peer_password');
  const areRoutesOpen = config.get('plugin.choria.network.open_routes');
  if (peers.length > 0 && peerPassword === '' && !areRoutesOpen) {
    throw new BrokerError(
      'ERR_BROKER_SETTING',
      'Cannot start the cluster: "plugin.choria.network.peer_password" is not set, so any certificate of the authority could join as a broker: expected the same secret on all peers, or "plugin.choria.network.open_routes = true" to go without',
    );
  }
  if (areRoutesOpen && peers.length > 0) {
    warnings.push('"plugin.choria.network.open_routes" is on: any certificate of the authority can join the cluster');
  }
  return {
    program: text(config, 'plugin.choria.network.nats_server'),
    clusterName: text(config, 'plugin.choria.network.gateway_name') || 'CHORIA',
    peers,
    peerPort,
    peerUser: text(config, 'plugin.choria.network.peer_user') || 'choria',
    peerPassword,
    areRoutesOpen,
    gatewayPort: config.get('plugin.choria.network.gateway_port'),
    gateways: readGateways(config, warnings),
    leafPort: config.get('plugin.choria.network.leafnode_port'),
    leafRemotes: readLeafs(config, warnings),
    websocketPort: config.get('plugin.choria.network.websocket_port'),
    websocketAdvertise: text(config, 'plugin.choria.network.websocket_advertise'),
    websocketOrigins: originRules(config),
    pprofPort: config.get('plugin.choria.network.pprof_port'),
    mappings: readMappings(config, warnings),
    streams: readStreams(config, peers.length),
    stopGraceMs: config.get('plugin.choria.network.soft_shutdown_timeout') * 1000,
    warnings,
  };
}

/** `host:port` of a peer; the scheme and credentials of a URL are dropped, because the cluster's own are used. */
function peerAddress(written: string): string {
  const address = written.replace(/^[a-z-]+:\/\//i, '').replace(/^[^@]*@/, '');
  if (/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(address)) return address;
  throw new BrokerError(
    'ERR_BROKER_SETTING',
    `could not parse host ${address}: cannot use it as a peer: expected host:port, such as broker2.example.net:5222`,
  );
}

function readGateways(config: Config, warnings: string[]): readonly GatewayRemote[] {
  const prefix = 'plugin.choria.network.gateway_remote';
  return texts(config, 'plugin.choria.network.gateway_remotes').flatMap((name) => {
    const urls = rawList(config, `${prefix}.${name}.urls`);
    if (urls.length === 0) {
      warnings.push(`Gateway ${name} has no remote url, ignoring: expected "${prefix}.${name}.urls"`);
      return [];
    }
    return [{name, urls, tls: readRemoteTls(config, `${prefix}.${name}`)}];
  });
}

function readLeafs(config: Config, warnings: string[]): readonly LeafRemote[] {
  const prefix = 'plugin.choria.network.leafnode_remote';
  return texts(config, 'plugin.choria.network.leafnode_remotes').flatMap((name) => {
    const urls = rawList(config, `${prefix}.${name}.url`);
    if (urls.length === 0) {
      warnings.push(`Leafnode ${name} has no remote url, ignoring: expected "${prefix}.${name}.url"`);
      return [];
    }
    const credentialsFile = config.raw(`${prefix}.${name}.credentials`) ?? '';
    return [
      {
        name,
        urls,
        account: config.raw(`${prefix}.${name}.account`) ?? 'choria',
        credentialsFile: credentialsFile === '' ? undefined : credentialsFile,
        tls: readRemoteTls(config, `${prefix}.${name}`),
      },
    ];
  });
}

function readRemoteTls(config: Config, prefix: string): RemoteTls | false | undefined {
  if (isTrue(config.raw(`${prefix}.tls.disable`), false)) return false;
  const read = (name: string): string | undefined => config.raw(`${prefix}.tls.${name}`) || undefined;
  const certificateFile = read('cert');
  const keyFile = read('key');
  const caFile = read('ca');
  const verify = isTrue(config.raw(`${prefix}.tls.verify`), true);
  if (certificateFile === undefined && keyFile === undefined && caFile === undefined && verify) return undefined;
  return {certificateFile, keyFile, caFile, verify};
}

/** The reference's words: everything but these is true. */
function isTrue(written: string | undefined, otherwise: boolean): boolean {
  if (written === undefined || written === '') return otherwise;
  return !['false', 'no', 'off', '0'].includes(written.toLowerCase());
}

/** Of the fleet's account, by source; what is incomplete is left out with a warning. Both engines read them. */
export function readMappings(config: Config, warnings: string[]): Readonly<Record<string, string>> {
  const prefix = 'plugin.choria.network.mapping';
  return Object.fromEntries(
    texts(config, 'plugin.choria.network.mapping.names').flatMap((name) => {
      const source = config.raw(`${prefix}.${name}.source`) ?? '';
      const destination = config.raw(`${prefix}.${name}.destination`) ?? '';
      if (source !== '' && destination !== '') return [[source, destination] as const];
      warnings.push(`Network mapping ${name} need both a source and destination, ignoring it`);
      return [];
    }),
  );
}

function readStreams(config: Config, peerCount: number): StreamRules | undefined {
  const store = text(config, 'plugin.choria.network.stream.store');
  if (store === '') return undefined;
  const replicas = (key: ReplicasKey): number => {
    const value = config.get(key);
    return value > 0 ? value : Math.max(1, peerCount);
  };
  return {
    store,
    manage: config.get('plugin.choria.network.stream.manage_streams'),
    retentionMs: {
      event: config.get('plugin.choria.network.stream.event_retention'),
      machine: config.get('plugin.choria.network.stream.machine_retention'),
      advisory: config.get('plugin.choria.network.stream.advisory_retention'),
      executor: config.get('plugin.choria.network.stream.executor_retention'),
    },
    electionTtlMs: config.get('plugin.choria.network.stream.leader_election_ttl'),
    replicas: {
      event: replicas('plugin.choria.network.stream.event_replicas'),
      machine: replicas('plugin.choria.network.stream.machine_replicas'),
      advisory: replicas('plugin.choria.network.stream.advisory_replicas'),
      executor: replicas('plugin.choria.network.stream.executor_replicas'),
      election: replicas('plugin.choria.network.stream.leader_election_replicas'),
    },
  };
}

type ReplicasKey = Extract<ConfigKey, `plugin.choria.network.stream.${string}_replicas`>;

function text(config: Config, key: ConfigKey): string {
  const value: unknown = config.get(key);
  return typeof value === 'string' ? value : '';
}

function texts(config: Config, key: ConfigKey): readonly string[] {
  const value: unknown = config.get(key);
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string' && item !== '') : [];
}

function rawList(config: Config, key: string): readonly string[] {
  return (config.raw(key) ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
