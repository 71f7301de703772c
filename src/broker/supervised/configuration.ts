/**
 * The configuration file of the nats-server that we run, made from our settings.
 *
 * Nobody is let in by it but our own three connections; everybody else is decided by us through the auth callout. The account of the callout has the
 * name of this broker, so that in a cluster each broker asks only its own process.
 */
import {fleetAccountName, provisioningAccountName, systemAccountName} from '../authentication/accounts.ts';
import type {BrokerLimits} from '../limits.ts';
import type {ConfObject, ConfValue} from './conf-text.ts';
import {supervisedLimits} from './limits.ts';
import type {GatewayRemote, LeafRemote, RemoteTls, SupervisedSettings} from './settings.ts';

export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

/** Public nkeys. */
export interface LinkKeys {
  readonly issuer: string;
  readonly callout: string;
  readonly fleet: string;
  readonly system: string;
}

/** Ports of listeners; 0 picks a free one. Listeners of which there is none are left out. */
export interface ListenPorts {
  readonly client: number;
  readonly monitoring: number;
  readonly cluster?: number;
  readonly gateway?: number;
  readonly leaf?: number;
  readonly websocket?: number;
}

export interface NatsServerConfiguration {
  readonly identity: string;
  readonly host: string;
  readonly ports: ListenPorts;
  readonly advertise: {readonly host: string; readonly port: number} | undefined;
  readonly limits: BrokerLimits;
  readonly settings: SupervisedSettings;
  readonly tls: TlsFiles | undefined;
  /** Every client must have a certificate; otherwise none is asked for. nats-server has nothing between. */
  readonly areCertificatesRequired: boolean;
  /** Clients come through our own door, which does their TLS: the server listens for them on loopback, in clear. */
  readonly hasDoor: boolean;
  readonly keys: LinkKeys;
  /** Accounts by name and what is written in them, besides ours. */
  readonly hasProvisioning: boolean;
}

export function calloutAccountName(identity: string): string {
  return `callout.${identity}`;
}

export function makeConfiguration(options: NatsServerConfiguration): ConfObject {
  const {settings, limits, keys} = options;
  return {
    server_name: options.identity,
    listen: hostPort(options.hasDoor ? '127.0.0.1' : options.host, options.ports.client),
    client_advertise: options.advertise && hostPort(options.advertise.host, options.advertise.port),
    http: `127.0.0.1:${options.ports.monitoring || -1}`,
    ...(settings.pprofPort > 0 ? {prof_port: settings.pprofPort} : {}),
    max_connections: limits.connectionsMax,
    max_payload: limits.payloadBytesMax,
    max_control_line: limits.controlLineBytesMax,
    max_pending: limits.pendingBytesMax,
    max_subscriptions: limits.subscriptionsMax,
    write_deadline: seconds(limits.writeDeadlineMs),
    ping_interval: seconds(limits.pingIntervalMs),
    ping_max: limits.pingsOutMax,
    lame_duck_grace_period: seconds(supervisedLimits.lameDuckGraceMs),
    lame_duck_duration: seconds(Math.max(supervisedLimits.lameDuckMsMin, settings.stopGraceMs)),
    tls: options.hasDoor ? undefined : tlsBlock(options, {verify: options.areCertificatesRequired}),
    jetstream: settings.streams === undefined ? undefined : {store_dir: settings.streams.store, strict: true},
    cluster: clusterBlock(options),
    gateway: gatewayBlock(options),
    leafnodes: leafBlock(options),
    websocket: websocketBlock(options),
    accounts: accountsBlock(options),
    system_account: systemAccountName,
    authorization: {
      // Behind the door the server's clock runs while the door shakes hands.
      timeout: (limits.authTimeoutMs + (options.hasDoor ? limits.tlsTimeoutMs : 0)) / 1000,
      auth_callout: {
        issuer: keys.issuer,
        account: calloutAccountName(options.identity),
        auth_users: [keys.callout, keys.fleet, keys.system],
      },
    },
  };
}

function tlsBlock({tls, limits}: NatsServerConfiguration, options: {readonly verify: boolean}): ConfObject | undefined {
  if (tls === undefined) return undefined;
  return {
    cert_file: tls.certificate,
    key_file: tls.key,
    ca_file: tls.authority,
    verify: options.verify,
    timeout: limits.tlsTimeoutMs / 1000,
    min_version: '1.2',
  };
}

/** With one peer that is this broker there still is a cluster, for the others to join. */
function clusterBlock(options: NatsServerConfiguration): ConfObject | undefined {
  const {settings, ports, host, limits} = options;
  if (ports.cluster === undefined) return undefined;
  const hasSecret = settings.peerPassword !== '';
  const secret = `${encodeURIComponent(settings.peerUser)}:${encodeURIComponent(settings.peerPassword)}@`;
  return {
    name: settings.clusterName,
    listen: hostPort(host, ports.cluster),
    no_advertise: true,
    pool_size: -1,
    routes: settings.peers.map((peer) => `nats://${hasSecret ? secret : ''}${peer}`),
    authorization: hasSecret
      ? {user: settings.peerUser, password: settings.peerPassword, timeout: limits.authTimeoutMs / 1000}
      : undefined,
    tls: tlsBlock(options, {verify: true}),
  };
}

function gatewayBlock(options: NatsServerConfiguration): ConfObject | undefined {
  const {settings, ports, host, limits} = options;
  // As the reference: gateways need both a port and remotes.
  if (ports.gateway === undefined || settings.gateways.length === 0) return undefined;
  const hasSecret = settings.peerPassword !== '';
  return {
    name: settings.clusterName,
    listen: hostPort(host, ports.gateway),
    reject_unknown_cluster: true,
    authorization: hasSecret
      ? {user: settings.peerUser, password: settings.peerPassword, timeout: limits.authTimeoutMs / 1000}
      : undefined,
    tls: tlsBlock(options, {verify: true}),
    gateways: settings.gateways.map((remote) => ({
      name: remote.name,
      urls: remote.urls.map((url) => remoteUrl(url, hasSecret ? settings : undefined)),
      tls: remoteTls(remote, options),
    })),
  };
}

function leafBlock(options: NatsServerConfiguration): ConfObject | undefined {
  const {settings, ports, host} = options;
  if (ports.leaf === undefined && settings.leafRemotes.length === 0) return undefined;
  return {
    ...(ports.leaf === undefined
      ? {}
      : {
          listen: hostPort(host, ports.leaf),
          no_advertise: true,
          authorization: {timeout: 10},
          tls: tlsBlock(options, {verify: options.areCertificatesRequired}),
        }),
    remotes: settings.leafRemotes.map((remote) => leafRemote(remote, options)),
  };
}

function leafRemote(remote: LeafRemote, options: NatsServerConfiguration): ConfValue {
  return {
    urls: remote.urls.map((url) => remoteUrl(url, undefined)),
    account: remote.account,
    credentials: remote.credentialsFile,
    first_info_timeout: '2s',
    tls: remoteTls(remote, options),
  };
}

function remoteUrl(written: string, secret: Pick<SupervisedSettings, 'peerUser' | 'peerPassword'> | undefined): string {
  const address = written.replace(/^[a-z-]+:\/\//i, '');
  if (secret === undefined || address.includes('@')) return written.includes('://') ? written : `nats://${written}`;
  return `nats://${encodeURIComponent(secret.peerUser)}:${encodeURIComponent(secret.peerPassword)}@${address}`;
}

function remoteTls({tls}: GatewayRemote, options: NatsServerConfiguration): ConfObject | undefined {
  if (tls === false) return undefined;
  const own = options.tls;
  const rules: RemoteTls = tls ?? {certificateFile: undefined, keyFile: undefined, caFile: undefined, verify: true};
  return {
    cert_file: rules.certificateFile ?? own?.certificate,
    key_file: rules.keyFile ?? own?.key,
    ca_file: rules.caFile ?? own?.authority,
    ...(rules.verify ? {} : {insecure: true}),
    timeout: options.limits.tlsTimeoutMs / 1000,
  };
}

function websocketBlock(options: NatsServerConfiguration): ConfObject | undefined {
  const {settings, ports, host, limits} = options;
  if (ports.websocket === undefined) return undefined;
  const tls = tlsBlock(options, {verify: options.areCertificatesRequired});
  // This block of nats-server's configuration knows no time-out of its own inside TLS.
  const {timeout: _unknownHere, ...known} = tls ?? {};
  return {
    listen: hostPort(host, ports.websocket),
    advertise: settings.websocketAdvertise === '' ? undefined : settings.websocketAdvertise,
    compression: true,
    handshake_timeout: '2s',
    same_origin: settings.websocketOrigins.isSameOriginRequired || undefined,
    allowed_origins: settings.websocketOrigins.allowedOrigins,
    ...(tls === undefined ? {no_tls: true} : {tls: known}),
    authorization: {timeout: limits.authTimeoutMs / 1000},
  };
}

const electionStream = '$JS.API.STREAM.INFO.KV_CHORIA_LEADER_ELECTION';
const electionKey = '$KV.CHORIA_LEADER_ELECTION.provisioner';

function accountsBlock(options: NatsServerConfiguration): ConfObject {
  const {settings, keys} = options;
  const own = (key: string): ConfValue => [{nkey: key}];
  const accounts = [provisioningAccountName];
  const mappings = Object.keys(settings.mappings).length === 0 ? undefined : settings.mappings;
  return {
    [calloutAccountName(options.identity)]: {users: own(keys.callout)},
    [fleetAccountName]: {
      users: own(keys.fleet),
      jetstream: settings.streams === undefined ? undefined : 'enabled',
      mappings,
      ...(options.hasProvisioning
        ? {
            exports: [
              {service: electionStream, accounts},
              {service: electionKey, accounts},
            ],
            imports: [{stream: {account: provisioningAccountName, subject: 'choria.lifecycle.>'}}],
          }
        : {}),
    },
    [systemAccountName]: {users: own(keys.system)},
    ...(options.hasProvisioning ? {[provisioningAccountName]: provisioningBlock} : {}),
  };
}

const provisioningBlock: ConfObject = {
  exports: [{stream: 'choria.lifecycle.>', accounts: [fleetAccountName]}],
  imports: [
    {
      service: {account: fleetAccountName, subject: electionStream},
      to: 'choria.streams.STREAM.INFO.KV_CHORIA_LEADER_ELECTION',
    },
    {service: {account: fleetAccountName, subject: electionKey}},
    {service: {account: fleetAccountName, subject: electionKey}, to: `choria.streams.${electionKey}`},
  ],
};

function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port === 0 ? -1 : port}`;
}

function seconds(milliseconds: number): string {
  return `${milliseconds}ms`;
}
