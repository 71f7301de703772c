/** The documents about the server, its accounts and subscriptions. Shapes and names are nats-server's; what this engine does not have is empty. */
import {hasWildcard, isPublishSubject, matchesLiterally, type SublistCounters} from '../../natswire/index.ts';
import type {Account} from '../embedded/account.ts';
import type {Subscription} from '../embedded/subscription.ts';
import {nanosecondsPerMs, timeText, uptimeText} from './text.ts';
import {clientsOf, type EngineView, QuestionError, rowLimit} from './view.ts';

/** Switches of nats-server's streams, which this engine does not have. */
const featureFlags = {js_ack_fc_v2: false, js_raft_delete_range: false};

function subscriptionsOf(view: EngineView): number {
  let count = 0;
  for (const account of view.core.accounts.values()) count += account.subscriptions.size;
  return count;
}

export function varz(view: EngineView): object {
  const {core} = view;
  const {limits} = core;
  const nowMs = core.clock.nowMs();
  const usage = view.processUsage();
  const expires =
    view.certificateExpiresAtMs === undefined ? {} : {tls_cert_not_after: timeText(view.certificateExpiresAtMs)};
  return {
    server_id: view.serverId,
    server_name: view.serverName,
    version: view.version,
    proto: 1,
    git_commit: '',
    go: 'node',
    host: view.host,
    port: view.port,
    ...(view.isAuthAnnounced ? {auth_required: true} : {}),
    ...(view.isTls ? {tls_required: true} : {}),
    ...(view.isCertificateRequired ? {tls_verify: true} : {}),
    max_connections: limits.connectionsMax,
    ping_interval: limits.pingIntervalMs * nanosecondsPerMs,
    ping_max: limits.pingsOutMax,
    http_host: view.http?.host ?? '',
    http_port: view.http?.port ?? 0,
    http_base_path: '',
    https_port: 0,
    auth_timeout: limits.authTimeoutMs / 1000,
    max_control_line: limits.controlLineBytesMax,
    max_payload: limits.payloadBytesMax,
    max_pending: limits.pendingBytesMax,
    cluster: view.clusterName === undefined ? {} : {name: view.clusterName},
    gateway: {},
    leaf: {},
    mqtt: {},
    websocket:
      view.websocket === undefined
        ? {}
        : {
            host: view.websocket.host,
            port: view.websocket.port,
            handshake_timeout: limits.webSocketHandshakeMs * nanosecondsPerMs,
            auth_timeout: limits.authTimeoutMs / 1000,
            ...(view.websocket.isCompressed ? {compression: true} : {}),
            ...(view.websocket.isTls ? expires : {no_tls: true}),
          },
    jetstream: {},
    tls_timeout: limits.tlsTimeoutMs / 1000,
    write_deadline: limits.writeDeadlineMs * nanosecondsPerMs,
    start: timeText(view.startedAtMs),
    now: timeText(nowMs),
    uptime: uptimeText(nowMs - view.startedAtMs),
    mem: usage.rssBytes,
    cores: usage.cores,
    gomaxprocs: usage.cores,
    cpu: usage.cpuPercent,
    connections: view.clients.size,
    total_connections: view.totalConnections,
    routes: 0,
    remotes: 0,
    leafnodes: 0,
    in_msgs: core.inMessages,
    in_bytes: core.inBytes,
    in_client_msgs: core.inMessages,
    in_client_bytes: core.inBytes,
    out_msgs: core.outMessages,
    out_bytes: core.outBytes,
    out_client_msgs: core.outMessages,
    out_client_bytes: core.outBytes,
    slow_consumers: core.slowConsumers,
    stale_connections: core.staleConnections,
    stalled_clients: core.stalls,
    subscriptions: subscriptionsOf(view),
    http_req_stats: Object.fromEntries([...view.httpRequests].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    config_load_time: timeText(view.startedAtMs),
    config_digest: '',
    feature_flags: featureFlags,
    ...(core.systemAccount === undefined ? {} : {system_account: core.systemAccount.name}),
    slow_consumer_stats: {clients: core.slowConsumers, routes: 0, gateways: 0, leafs: 0},
    stale_connection_stats: {clients: core.staleConnections, routes: 0, gateways: 0, leafs: 0},
    ...expires,
  };
}

export interface SubszOptions {
  readonly isListed?: boolean;
  readonly offset?: number;
  readonly limit?: number;
  readonly account?: string;
  /** Only subscriptions that a message to this subject would reach. */
  readonly test?: string;
}

export function subsz(view: EngineView, options: SubszOptions): object {
  const accounts = [...view.core.accounts.values()].filter(
    (account) => options.account === undefined || options.account === '' || account.name === options.account,
  );
  const offset = Math.max(0, options.offset ?? 0);
  const limit = rowLimit(options.limit);
  const {test = ''} = options;
  if (test !== '' && (!isPublishSubject(test) || hasWildcard(test))) {
    throw new QuestionError(`invalid test subject, must be valid publish subject: ${test}`);
  }
  const rows: object[] = [];
  if (options.isListed === true) {
    for (const account of accounts) {
      for (const item of account.subscriptions.items()) {
        if (test !== '' && !matchesLiterally(test, item.subject)) continue;
        rows.push({
          account: account.name,
          account_tag: account.name,
          ...subscriptionDocument(item),
        });
      }
    }
  }
  const shown = rows.slice(offset, offset + limit);
  return {
    server_id: view.serverId,
    now: timeText(view.core.clock.nowMs()),
    ...sublistDocument(accounts.map((account) => account.subscriptions.counters())),
    total: rows.length,
    offset,
    limit,
    ...(shown.length === 0 ? {} : {subscriptions_list: shown}),
  };
}

export function subscriptionDocument(item: Subscription) {
  return {
    subject: item.subject,
    ...(item.queue === undefined ? {} : {qgroup: item.queue}),
    sid: item.sid,
    msgs: item.delivered,
    ...(item.max > 0 ? {max: item.max} : {}),
    cid: item.client.id,
  };
}

function sublistDocument(all: readonly SublistCounters[]) {
  const sum = (field: keyof SublistCounters): number => all.reduce((total, item) => total + item[field], 0);
  const matches = sum('matches');
  const cached = sum('cached');
  return {
    num_subscriptions: sum('subscriptions'),
    num_cache: cached,
    num_inserts: sum('inserts'),
    num_removes: sum('removes'),
    num_matches: matches,
    cache_hit_rate: matches === 0 ? 0 : sum('cacheHits') / matches,
    max_fanout: Math.max(0, ...all.map((item) => item.fanoutMax)),
    avg_fanout: cached === 0 ? 0 : sum('fanoutSum') / cached,
  };
}

export function accountz(view: EngineView, name: string | undefined): object {
  const {core} = view;
  const common = {
    server_id: view.serverId,
    now: timeText(core.clock.nowMs()),
    ...(core.systemAccount === undefined ? {} : {system_account: core.systemAccount.name}),
  };
  if (name === undefined || name === '') return {...common, accounts: [...core.accounts.keys()]};
  return {...common, account_detail: accountDocument(view, accountNamed(view, name))};
}

/** @throws {QuestionError} */
export function accountNamed(view: EngineView, name: string): Account {
  const account = view.core.accountOf(name);
  if (account === undefined) throw new QuestionError(`Account ${name} does not exist`);
  return account;
}

/** What the system account offers; the last two are for itself and by import. */
const systemExports = [
  {subject: '$SYS.REQ.ACCOUNT.*.CONNZ', type: 'service', response_type: 'Streamed'},
  {subject: '$SYS.REQ.ACCOUNT.*.STATZ', type: 'service', response_type: 'Streamed'},
  {subject: '$SYS.DEBUG.SUBSCRIBERS', type: 'service', response_type: 'Singleton'},
  {subject: '$SYS.REQ.USER.*.INFO', type: 'service', response_type: 'Singleton'},
];

export function accountDocument(view: EngineView, account: Account): object {
  const system = view.core.systemAccount;
  const imported = (subject: string, to: string, isShared = false) => ({
    subject,
    account: system?.name ?? '',
    to,
    local_subject: to,
    type: 'service',
    invalid: false,
    share: isShared,
    tracking: false,
  });
  const aboutUser = imported(`$SYS.REQ.USER.${account.name}.INFO`, '$SYS.REQ.USER.INFO', true);
  const aboutAccount = [
    imported(`$SYS.REQ.ACCOUNT.${account.name}.CONNZ`, '$SYS.REQ.ACCOUNT.PING.CONNZ'),
    imported(`$SYS.REQ.ACCOUNT.${account.name}.CONNZ`, '$SYS.REQ.SERVER.PING.CONNZ'),
    imported(`$SYS.REQ.ACCOUNT.${account.name}.STATZ`, '$SYS.REQ.ACCOUNT.PING.STATZ'),
  ];
  const isSystem = account === system;
  return {
    account_name: account.name,
    update_time: timeText(view.startedAtMs),
    ...(isSystem ? {is_system: true} : {}),
    expired: false,
    complete: true,
    jetstream_enabled: false,
    leafnode_connections: 0,
    client_connections: account.connectionCount,
    subscriptions: account.subscriptions.size,
    ...(isSystem ? {exports: systemExports} : {}),
    imports: isSystem ? [aboutUser] : [...aboutAccount, aboutUser],
    name_tag: account.name,
    sublist_stats: sublistDocument([account.subscriptions.counters()]),
  };
}

/** What one account sent and received since the start. */
export function accountStatistics(view: EngineView, account: Account): object {
  const sum = {...account.closedTotals};
  for (const client of clientsOf(view, account)) {
    sum.inMessages += client.inMessages;
    sum.inBytes += client.inBytes;
    sum.outMessages += client.outMessages;
    sum.outBytes += client.outBytes;
  }
  const elsewhere = {
    gateways: {msgs: 0, bytes: 0},
    routes: {msgs: 0, bytes: 0},
    leafs: {msgs: 0, bytes: 0},
  };
  return {
    acc: account.name,
    name: account.name,
    conns: account.connectionCount,
    leafnodes: 0,
    total_conns: account.connectionCount,
    num_subscriptions: account.subscriptions.size,
    sent: {msgs: sum.outMessages, bytes: sum.outBytes, ...elsewhere},
    received: {msgs: sum.inMessages, bytes: sum.inBytes, ...elsewhere},
    slow_consumers: account.slowConsumers,
  };
}

export function accountStatz(view: EngineView, accounts: readonly Account[]): object {
  return {
    server_id: view.serverId,
    now: timeText(view.core.clock.nowMs()),
    account_statz: accounts.map((account) => accountStatistics(view, account)),
  };
}

export function statsz(view: EngineView): object {
  const {core} = view;
  const usage = view.processUsage();
  const sent = {msgs: core.outMessages, bytes: core.outBytes};
  const received = {msgs: core.inMessages, bytes: core.inBytes};
  const active = [...core.accounts.values()].filter((account) => account.connectionCount > 0);
  return {
    start: timeText(view.startedAtMs),
    mem: usage.rssBytes,
    cores: usage.cores,
    cpu: usage.cpuPercent,
    connections: view.clients.size,
    total_connections: view.totalConnections,
    active_accounts: active.length,
    subscriptions: subscriptionsOf(view),
    sent,
    sent_to_clients: sent,
    received,
    received_from_clients: received,
    slow_consumers: core.slowConsumers,
    active_servers: 1,
    gomaxprocs: usage.cores,
  };
}

/** This engine is the whole cluster. */
export function routez(view: EngineView): object {
  return {
    server_id: view.serverId,
    server_name: view.serverName,
    now: timeText(view.core.clock.nowMs()),
    num_routes: 0,
    routes: [],
  };
}

export function gatewayz(view: EngineView): object {
  return {
    server_id: view.serverId,
    now: timeText(view.core.clock.nowMs()),
    outbound_gateways: {},
    inbound_gateways: {},
  };
}

export function leafz(view: EngineView): object {
  return {server_id: view.serverId, now: timeText(view.core.clock.nowMs()), leafnodes: 0, leafs: []};
}

/** As a nats-server answers whose streams are off. */
export function jsz(view: EngineView): object {
  return {
    memory: 0,
    storage: 0,
    reserved_memory: 0,
    reserved_storage: 0,
    accounts: 0,
    ha_assets: 0,
    api: {level: 0, total: 0, errors: 0},
    server_id: view.serverId,
    now: timeText(view.core.clock.nowMs()),
    disabled: true,
    config: {max_memory: 0, max_storage: 0},
    limits: {},
    streams: 0,
    consumers: 0,
    messages: 0,
    bytes: 0,
    total: 0,
  };
}

export function serverDocument(view: EngineView, sequence: number): object {
  return {
    name: view.serverName,
    host: view.host,
    id: view.serverId,
    ...(view.clusterName === undefined ? {} : {cluster: view.clusterName}),
    ver: view.version,
    feature_flags: featureFlags,
    jetstream: false,
    flags: 0,
    seq: sequence,
    time: timeText(view.core.clock.nowMs()),
  };
}

/** Whatever runs is healthy; only a question about a stream or a consumer that does not name it whole has another answer. */
export function healthDocument(option: (name: string) => string, areDetailsShown: boolean): object {
  const isStreamLost = option('account') === '' && option('stream') !== '';
  const isConsumerLost = option('stream') === '' && option('consumer') !== '';
  if (!isStreamLost && !isConsumerLost) return {status: 'ok'};
  const error = isStreamLost
    ? '"account" must not be empty when checking stream health'
    : '"stream" must not be empty when checking consumer health';
  return {status: 'error', ...(areDetailsShown ? {errors: [{type: 'BAD_REQUEST', error}]} : {error})};
}

export function isHealthy(document: object): boolean {
  return 'status' in document && document.status === 'ok';
}
