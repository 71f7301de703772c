/** The document of connections: `/connz`, and the requests of the system account. */
import {createHash, X509Certificate} from 'node:crypto';
import type {PeerCertificate} from '../../lib/network.ts';
import {isWithin} from '../../natswire/index.ts';
import type {ClientConnection} from '../embedded/client.ts';
import type {ClosedConnection, ConnectionDocument} from './closed-connections.ts';
import {roundTripText, timeText, uptimeText} from './text.ts';
import {type EngineView, QuestionError, rowLimit} from './view.ts';

export interface ConnzOptions {
  readonly sort?: string;
  readonly isAuthShown?: boolean;
  readonly subscriptions?: 'none' | 'list' | 'detail';
  readonly offset?: number;
  readonly limit?: number;
  readonly cid?: number;
  readonly state?: 'open' | 'closed' | 'all';
  readonly user?: string;
  readonly account?: string;
  readonly filterSubject?: string;
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
  const rows = rowsOf(view, options);
  if (sort !== 'cid' || rows.length > 1) {
    const sign = ascending.has(sort) ? 1 : -1;
    rows.sort((a, b) => sign * compare(a.order[sort], b.order[sort]) || a.document.cid - b.document.cid);
  }
  const shown = rows.slice(offset, offset + limit);
  return {
    server_id: view.serverId,
    now: timeText(nowMs),
    num_connections: shown.length,
    total: rows.length,
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

function rowsOf(view: EngineView, options: ConnzOptions): Row[] {
  const rows: Row[] = [];
  const state = options.state ?? 'open';
  if (state !== 'closed') {
    for (const client of view.clients.values()) {
      if (isWanted(client, options)) rows.push(openRow(view, client, options));
    }
  }
  if (state !== 'open') {
    for (const closed of view.closed.all()) if (isClosedWanted(closed, options)) rows.push(closedRow(closed, options));
  }
  return rows;
}

function isWanted(client: ClientConnection, options: ConnzOptions): boolean {
  if (options.cid !== undefined && options.cid !== 0 && client.id !== options.cid) return false;
  if (options.account !== undefined && options.account !== '' && client.account.name !== options.account) return false;
  if (options.user !== undefined && options.user !== '' && client.user !== options.user) return false;
  const {filterSubject} = options;
  if (filterSubject === undefined || filterSubject === '') return true;
  return [...client.subscriptions.values()].some((item) => isWithin(item.subject, filterSubject));
}

function isClosedWanted(closed: ClosedConnection, options: ConnzOptions): boolean {
  if (options.cid !== undefined && options.cid !== 0 && closed.document.cid !== options.cid) return false;
  if (options.account !== undefined && options.account !== '' && closed.account !== options.account) return false;
  if (options.user !== undefined && options.user !== '' && closed.user !== options.user) return false;
  const {filterSubject} = options;
  if (filterSubject === undefined || filterSubject === '') return true;
  return closed.subjects.some((subject) => isWithin(subject, filterSubject));
}

function openRow(view: EngineView, client: ClientConnection, options: ConnzOptions): Row {
  const {clock} = view.core;
  const nowMs = clock.nowMs();
  const lived = clock.monotonicMs() - client.connectedAtMs;
  const idle = clock.monotonicMs() - client.lastInboundMs;
  const subscriptions = options.subscriptions ?? 'none';
  const subjects = [...client.subscriptions.values()];
  const document = {
    ...factsOf(client, {startMs: nowMs - lived, lastMs: nowMs - idle}),
    uptime: uptimeText(lived),
    idle: uptimeText(idle),
    pending_bytes: client.pendingBytes,
    ...countersOf(client),
    ...(options.isAuthShown === true ? authOf(client) : {}),
    ...(subscriptions === 'list' && subjects.length > 0
      ? {subscriptions_list: subjects.map((item) => item.subject)}
      : {}),
    ...(subscriptions === 'detail' && subjects.length > 0
      ? {
          subscriptions_list_detail: subjects.map((item) => ({
            subject: item.subject,
            ...(item.queue === undefined ? {} : {qgroup: item.queue}),
            sid: item.sid,
            msgs: item.delivered,
            ...(item.max > 0 ? {max: item.max} : {}),
            cid: client.id,
          })),
        }
      : {}),
    ...(options.isAuthShown === true ? {name_tag: client.account.name} : {}),
  };
  return {document, order: orderOf(client, {startMs: nowMs - lived, lived, idle, stopMs: 0, reason: ''})};
}

function closedRow(closed: ClosedConnection, options: ConnzOptions): Row {
  const {document} = closed;
  const {authorized_user: user, account, name_tag: tag, ...plain} = document;
  const numbers = document as Readonly<Record<string, number>>;
  const shown = options.isAuthShown === true ? {...plain, authorized_user: user, account, name_tag: tag} : plain;
  const list =
    options.subscriptions !== undefined && options.subscriptions !== 'none' && closed.subjects.length > 0
      ? {subscriptions_list: closed.subjects}
      : {};
  return {
    document: {...shown, ...list, cid: document.cid},
    order: {
      cid: document.cid,
      start: String(document['start']),
      subs: numbers['subscriptions'] ?? 0,
      pending: 0,
      msgs_to: numbers['out_msgs'] ?? 0,
      msgs_from: numbers['in_msgs'] ?? 0,
      bytes_to: numbers['out_bytes'] ?? 0,
      bytes_from: numbers['in_bytes'] ?? 0,
      last: String(document['last_activity']),
      idle: 0,
      uptime: closed.stoppedAtMs - Date.parse(String(document['start'])),
      stop: closed.stoppedAtMs,
      reason: String(document['reason']),
      rtt: 0,
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
      ...(client.user === '' ? {} : {authorized_user: client.user}),
      account: client.account.name,
      name_tag: client.account.name,
    },
    account: client.account.name,
    user: client.user,
    subjects: client.subjectsAtEnd,
    stoppedAtMs: nowMs,
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
    account: client.account.name,
  };
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
    last: -times.idle,
    idle: times.idle,
    uptime: times.lived,
    stop: times.stopMs,
    reason: times.reason,
    rtt: client.roundTripMs,
  };
}
