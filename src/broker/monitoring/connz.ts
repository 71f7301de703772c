/** The document of connections: `/connz`, and the requests of the system account. */
import {createHash, X509Certificate} from 'node:crypto';
import type {PeerCertificate} from '../../lib/network.ts';
import {overlaps} from '../../natswire/index.ts';
import type {ClientConnection} from '../embedded/client.ts';
import {globalAccountName} from '../embedded/core.ts';
import type {ClosedConnection, ConnectionDocument, SubscriptionDocument} from './closed-connections.ts';
import {subscriptionDocument} from './documents.ts';
import {roundTripText, timeText, uptimeText} from './text.ts';
import {type EngineView, QuestionError, rowLimit} from './view.ts';

export interface ConnzOptions {
  readonly sort?: string;
  readonly isAuthShown?: boolean;
  readonly subscriptions?: 'none' | 'list' | 'detail';
  readonly offset?: number;
  readonly limit?: number;
  readonly cid?: number;
  readonly state?: 'open' | 'closed' | 'all' | 'none';
  readonly user?: string;
  readonly account?: string;
  readonly filterSubject?: string;
  /** Only clients of MQTT, of which there are none. */
  readonly isMqttWanted?: boolean;
}

interface Row {
  readonly document: ConnectionDocument;
  readonly order: Readonly<Record<SortKey, number | string>>;
}

const sortKeys = [
  'cid',
  'start',
  'subs',
  'pending',
  'msgs_to',
  'msgs_from',
  'bytes_to',
  'bytes_from',
  'last',
  'idle',
  'uptime',
  'stop',
  'reason',
  'rtt',
] as const;
type SortKey = (typeof sortKeys)[number];

/** These begin with the smallest; the others with the largest or the latest, which is what one looks for. */
const ascending: ReadonlySet<SortKey> = new Set(['cid', 'start', 'uptime', 'reason']);

/** @throws {QuestionError} */
export function connz(view: EngineView, options: ConnzOptions): object {
  const sort = sortKeyOf(options);
  const {clock} = view.core;
  const nowMs = clock.nowMs();
  const offset = Math.max(0, options.offset ?? 0);
  const limit = (options.cid ?? 0) > 0 ? 1 : rowLimit(options.limit);
  const {total, rows} = rowsOf(view, options);
  if (sort !== 'cid' || rows.length > 1) {
    const sign = ascending.has(sort) ? 1 : -1;
    rows.sort((a, b) => sign * compare(a.order[sort], b.order[sort]) || a.document.cid - b.document.cid);
  }
  const shown = rows.slice(offset, offset + limit);
  return {
    server_id: view.serverId,
    now: timeText(nowMs),
    num_connections: shown.length,
    total,
    offset,
    limit,
    connections: shown.map((row) => row.document),
  };
}

function sortKeyOf(options: ConnzOptions): SortKey {
  const wanted = options.sort ?? '';
  if (wanted === '') return 'cid';
  const sort = sortKeys.find((key) => key === wanted);
  if (sort === undefined) throw new QuestionError(`invalid sorting option: ${wanted}`);
  const state = options.state ?? 'open';
  if ((sort === 'stop' || sort === 'reason') && state !== 'closed') {
    throw new QuestionError(`sort by ${sort} only valid on closed connections`);
  }
  return sort;
}

function compare(a: number | string, b: number | string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The connections of the wanted state and account, which are counted, and of those the ones that are wanted. */
function rowsOf(view: EngineView, options: ConnzOptions): {readonly total: number; readonly rows: Row[]} {
  const {account = '', state = 'open'} = options;
  const isOpenWanted = state === 'open' || state === 'all';
  const isClosedWanted = state === 'closed' || state === 'all';
  const open = isOpenWanted
    ? [...view.clients.values()].filter((client) => account === '' || client.account.name === account)
    : [];
  const closed = isClosedWanted ? view.closed.all().filter((item) => account === '' || item.account === account) : [];
  const nowMs = view.core.clock.nowMs();
  const rows = [
    ...open.filter((client) => isWanted(openFacts(client), options)).map((client) => openRow(view, client, options)),
    ...closed.filter((item) => isWanted(closedFacts(item), options)).map((item) => closedRow(item, {nowMs, options})),
  ];
  return {total: open.length + closed.length, rows};
}

/** What is asked about a connection, open or not. */
interface Facts {
  readonly cid: number;
  readonly user: string;
  subjects(): readonly string[];
}

function openFacts(client: ClientConnection): Facts {
  const subjects = (): string[] => [...client.subscriptions.values()].map((item) => item.subject);
  return {cid: client.id, user: client.user, subjects};
}

function closedFacts(closed: ClosedConnection): Facts {
  return {
    cid: closed.document.cid,
    user: closed.user,
    subjects: () => closed.subscriptions.map((item) => item.subject),
  };
}

function isWanted(facts: Facts, {cid = 0, user = '', filterSubject = '', isMqttWanted = false}: ConnzOptions): boolean {
  if (isMqttWanted || (cid !== 0 && facts.cid !== cid) || (user !== '' && facts.user !== user)) return false;
  return filterSubject === '' || facts.subjects().some((subject) => overlaps(subject, filterSubject));
}

function openRow(view: EngineView, client: ClientConnection, options: ConnzOptions): Row {
  const {clock} = view.core;
  const nowMs = clock.nowMs();
  const lived = clock.monotonicMs() - client.connectedAtMs;
  const idle = clock.monotonicMs() - client.lastInboundMs;
  const subscriptions = options.subscriptions ?? 'none';
  const subjects = [...client.subscriptions.values()].map((item) => subscriptionDocument(item));
  const document = {
    ...factsOf(client, {startMs: nowMs - lived, lastMs: nowMs - idle}),
    uptime: uptimeText(lived),
    idle: uptimeText(idle),
    pending_bytes: client.pendingBytes,
    ...countersOf(client),
    ...(options.isAuthShown === true ? authOf(client) : {}),
    ...listOf(subjects, subscriptions),
    ...(options.isAuthShown === true ? {name_tag: client.account.name} : {}),
  };
  return {
    document,
    order: orderOf(client, {startMs: nowMs - lived, lastMs: nowMs - idle, lived, idle, stopMs: 0, reason: ''}),
  };
}

/** The subjects, or all that is known of each. */
function listOf(subscriptions: readonly SubscriptionDocument[], how: NonNullable<ConnzOptions['subscriptions']>) {
  if (how === 'none' || subscriptions.length === 0) return {};
  if (how === 'detail') return {subscriptions_list_detail: subscriptions};
  return {subscriptions_list: subscriptions.map(({subject}) => subject)};
}

function closedRow(
  closed: ClosedConnection,
  {nowMs, options}: {readonly nowMs: number; readonly options: ConnzOptions},
): Row {
  const {document} = closed;
  const {authorized_user: user, account, name_tag: tag, ...plain} = document;
  const numbers = document as Readonly<Record<string, number>>;
  const shown = options.isAuthShown === true ? {...plain, authorized_user: user, account, name_tag: tag} : plain;
  const list = listOf(closed.subscriptions, options.subscriptions ?? 'none');
  return {
    document: {...shown, ...list, cid: document.cid},
    order: {
      cid: document.cid,
      start: closed.startedAtMs,
      subs: numbers['subscriptions'] ?? 0,
      pending: 0,
      msgs_to: numbers['out_msgs'] ?? 0,
      msgs_from: numbers['in_msgs'] ?? 0,
      bytes_to: numbers['out_bytes'] ?? 0,
      bytes_from: numbers['in_bytes'] ?? 0,
      last: closed.lastActivityMs,
      idle: nowMs - closed.lastActivityMs,
      uptime: closed.stoppedAtMs - closed.startedAtMs,
      stop: closed.stoppedAtMs,
      reason: String(document['reason']),
      rtt: closed.roundTripMs,
    },
  };
}

/** What is kept of a connection that ended. */
export function closedConnection(view: EngineView, client: ClientConnection): ClosedConnection {
  const {clock} = view.core;
  const nowMs = clock.nowMs();
  const lived = clock.monotonicMs() - client.connectedAtMs;
  const idle = clock.monotonicMs() - client.lastInboundMs;
  const facts = factsOf(client, {startMs: nowMs - lived, lastMs: nowMs - idle});
  return {
    document: {
      ...facts,
      stop: timeText(nowMs),
      reason: client.closeReason ?? 'Client Closed',
      uptime: uptimeText(lived),
      idle: uptimeText(idle),
      pending_bytes: 0,
      ...countersOf(client),
      subscriptions: client.subscriptionsAtEnd.count,
      ...(client.user === '' ? {} : {authorized_user: client.user}),
      ...accountOf(client),
      name_tag: client.account.name,
    },
    account: client.account.name,
    user: client.user,
    subscriptions: client.subscriptionsAtEnd.first.map((item) => ({
      account: client.account.name,
      account_tag: client.account.name,
      ...subscriptionDocument(item),
    })),
    startedAtMs: nowMs - lived,
    lastActivityMs: nowMs - idle,
    stoppedAtMs: nowMs,
    roundTripMs: client.roundTripMs,
  };
}

function factsOf(client: ClientConnection, times: {readonly startMs: number; readonly lastMs: number}) {
  return {
    cid: client.id,
    kind: 'Client',
    type: client.kind === 'websocket' ? 'websocket' : 'nats',
    ip: client.stream.remoteAddress,
    port: client.stream.remotePort,
    start: timeText(times.startMs),
    last_activity: timeText(times.lastMs),
    ...(client.roundTripMs > 0 ? {rtt: roundTripText(client.roundTripMs)} : {}),
  };
}

function countersOf(client: ClientConnection) {
  const {name, language, version} = client.options;
  const {tls} = client.stream;
  return {
    in_msgs: client.inMessages,
    out_msgs: client.outMessages,
    in_bytes: client.inBytes,
    out_bytes: client.outBytes,
    subscriptions: client.subscriptions.size,
    ...(name === undefined || name === '' ? {} : {name}),
    ...(language === undefined || language === '' ? {} : {lang: language}),
    ...(version === undefined || version === '' ? {} : {version}),
    ...(tls === undefined ? {} : {tls_version: tls.version, tls_cipher_suite: tls.cipher}),
  };
}

function authOf(client: ClientConnection) {
  const certificate = client.stream.tls?.peerCertificate;
  return {
    ...(certificate === undefined ? {} : {tls_peer_certs: [certificateDocument(certificate)]}),
    ...(client.user === '' ? {} : {authorized_user: client.user}),
    ...accountOf(client),
  };
}

/** The account of those whom nobody asks who they are is not named. */
function accountOf({account}: ClientConnection) {
  return account.name === globalAccountName ? {} : {account: account.name};
}

function certificateDocument(certificate: PeerCertificate) {
  const parsed = new X509Certificate(certificate.pem);
  const key = parsed.publicKey.export({type: 'spki', format: 'der'});
  return {
    subject: parsed.subject.split('\n').toReversed().join(','),
    spki_sha256: createHash('sha256').update(key).digest('hex'),
    cert_sha256: createHash('sha256').update(parsed.raw).digest('hex'),
  };
}

function orderOf(
  client: ClientConnection,
  times: {
    readonly startMs: number;
    readonly lastMs: number;
    readonly lived: number;
    readonly idle: number;
    readonly stopMs: number;
    readonly reason: string;
  },
): Row['order'] {
  return {
    cid: client.id,
    start: times.startMs,
    subs: client.subscriptions.size,
    pending: client.pendingBytes,
    msgs_to: client.outMessages,
    msgs_from: client.inMessages,
    bytes_to: client.outBytes,
    bytes_from: client.inBytes,
    last: times.lastMs,
    idle: times.idle,
    uptime: times.lived,
    stop: times.stopMs,
    reason: times.reason,
    rtt: client.roundTripMs,
  };
}
