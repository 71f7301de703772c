/**
 * What the server answers about itself, and what it tells of its connections: the subjects that begin with `$SYS.`.
 *
 * Requests about the whole server are for the system account; each account may ask for its own part. Events are made only when somebody
 * listens.
 */
import type {TimerHandle} from '../../lib/platform.ts';
import {errorMessage} from '../../lib/errors.ts';
import {isPublishSubject} from '../../natswire/index.ts';
import {engineLimits} from '../limits.ts';
import {connz, type ConnzOptions} from '../monitoring/connz.ts';
import {
  accountDocument,
  accountNamed,
  accountStatistics,
  accountStatz,
  accountz,
  gatewayz,
  jsz,
  leafz,
  routez,
  serverDocument,
  statsz,
  subsz,
  type SubszOptions,
  varz,
} from '../monitoring/documents.ts';
import {timeText} from '../monitoring/text.ts';
import {type EngineView, QuestionError} from '../monitoring/view.ts';
import type {Account} from './account.ts';
import type {ClientConnection} from './client.ts';
import {encodeDocument, publishOwn} from './own-message.ts';
import {closeReasons} from './reasons.ts';
import {listenInAccount, type Question} from './responder.ts';
import {userInfo} from './user-info.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface SystemServiceOptions {
  readonly view: () => EngineView;
  kick(clientId: number): boolean;
}

export class SystemService {
  readonly #options: SystemServiceOptions;
  #sequence = 0;
  #timer: TimerHandle | undefined = undefined;

  constructor(options: SystemServiceOptions) {
    this.#options = options;
    const {core, serverId} = options.view();
    for (const account of core.accounts.values()) {
      listenInAccount(account, ['$SYS.REQ.USER.INFO'], (question) => this.#userInfo(question, account));
      if (account !== core.systemAccount) this.#listenForOwn(account);
    }
    const system = core.systemAccount;
    if (system === undefined) return;
    const subjects = [
      '$SYS.REQ.SERVER.PING',
      '$SYS.REQ.SERVER.PING.*',
      `$SYS.REQ.SERVER.${serverId}.*`,
      '$SYS.REQ.ACCOUNT.*.*',
    ];
    listenInAccount(system, subjects, (question) => this.#answer(question));
  }

  get #view(): EngineView {
    return this.#options.view();
  }

  start(): void {
    const {clock} = this.#view.core;
    const round = (): void => {
      this.#tell(`$SYS.SERVER.${this.#view.serverId}.STATSZ`, () => ({
        server: this.server(),
        statsz: statsz(this.#view),
      }));
      this.#timer = clock.setTimer(round, engineLimits.statisticsIntervalMs, {background: true});
    };
    this.#timer = clock.setTimer(round, engineLimits.statisticsIntervalMs, {background: true});
  }

  stop(): void {
    this.#timer?.cancel();
    this.#tell(`$SYS.SERVER.${this.#view.serverId}.SHUTDOWN`, () => ({server: this.server()}));
  }

  lameDuck(): void {
    this.#tell(`$SYS.SERVER.${this.#view.serverId}.LAMEDUCK`, () => ({server: this.server()}));
  }

  connected(client: ClientConnection): void {
    const {name} = client.account;
    this.#accountChanged(client.account);
    this.#tell(`$SYS.ACCOUNT.${name}.CONNECT`, () => ({
      ...this.#advisory('client_connect'),
      client: this.#clientDocument(client),
    }));
  }

  disconnected(client: ClientConnection): void {
    if (!client.hasConnected) return;
    const {name} = client.account;
    this.#accountChanged(client.account);
    this.#tell(`$SYS.ACCOUNT.${name}.DISCONNECT`, () => this.#farewell(client, client.closeReason ?? 'Client Closed'));
  }

  refused(client: ClientConnection): void {
    this.#tell(`$SYS.SERVER.${this.#view.serverId}.CLIENT.AUTH.ERR`, () =>
      this.#farewell(client, closeReasons.authenticationFailure),
    );
  }

  /** An account may ask about itself under names that do not say whose they are. */
  #listenForOwn(account: Account): void {
    const own: Readonly<Record<string, (body: Buffer) => object>> = {
      '$SYS.REQ.ACCOUNT.PING.CONNZ': (body) =>
        connz(this.#view, {...connzOptions(fieldsOf(body)), account: account.name}),
      '$SYS.REQ.SERVER.PING.CONNZ': (body) =>
        connz(this.#view, {...connzOptions(fieldsOf(body)), account: account.name}),
      '$SYS.REQ.ACCOUNT.PING.STATZ': () => accountStatz(this.#view, [account]),
    };
    listenInAccount(account, Object.keys(own), ({subject, body}) => {
      const document = own[subject];
      return document === undefined ? undefined : this.#reply(() => document(body));
    });
  }

  #answer({subject, body}: Question): Buffer | undefined {
    const [, , kind = '', whom = '', what = 'STATSZ'] = subject.split('.');
    if (kind === 'ACCOUNT') return this.#aboutAccount(whom, what, body);
    if (whom === 'PING' && !this.#isMeant(body)) return undefined;
    if (what === 'IDZ') {
      const {serverName, host, serverId} = this.#view;
      return encodeDocument({name: serverName, host, id: serverId});
    }
    if (what === 'STATSZ') return encodeDocument({server: this.server(), statsz: statsz(this.#view)});
    if (what === 'KICK' && whom !== 'PING') return this.#reply(() => this.#kick(fieldsOf(body)));
    if (what === 'LDM' && whom !== 'PING') return this.#reply(() => this.#sendAway(fieldsOf(body)));
    const document = this.#documents[what];
    return document === undefined ? undefined : this.#reply(() => document(fieldsOf(body)));
  }

  /** A question to all may be meant for some: by parts of the name, the host or the cluster, or by the whole of them. */
  #isMeant(body: Buffer): boolean {
    const fields = filterOf(body);
    const {serverName, host, clusterName = ''} = this.#view;
    const own = {server_name: serverName, host, cluster: clusterName};
    return Object.entries(own).every(([name, value]) => {
      const wanted = textOf(fields, name) ?? '';
      if (wanted === '') return true;
      return fields['exact_match'] === true ? value === wanted : value.includes(wanted);
    });
  }

  readonly #documents: Readonly<Record<string, (fields: Fields) => object>> = {
    VARZ: () => varz(this.#view),
    CONNZ: (fields) => connz(this.#view, connzOptions(fields)),
    SUBSZ: (fields) => subsz(this.#view, subszOptions(fields)),
    ROUTEZ: () => routez(this.#view),
    GATEWAYZ: () => gatewayz(this.#view),
    LEAFZ: () => leafz(this.#view),
    ACCOUNTZ: (fields) => accountz(this.#view, textOf(fields, 'account')),
    JSZ: () => jsz(this.#view),
    // No queues between threads, no groups that elect leaders.
    IPQUEUESZ: () => ({}),
    RAFTZ: () => ({}),
    HEALTHZ: () => ({status: 'ok', status_code: 200}),
    // Profiles show memory of the process, secrets included.
    PROFILEZ: (fields) => ({
      profile: null,
      error: (textOf(fields, 'name') ?? '') === '' ? 'Profile name not specified' : 'Profiles are not available',
    }),
  };

  #aboutAccount(name: string, what: string, body: Buffer): Buffer | undefined {
    const view = this.#view;
    const documents: Readonly<Record<string, () => object>> = {
      CONNZ: () => connz(view, {...connzOptions(fieldsOf(body)), account: name}),
      SUBSZ: () => subsz(view, {...subszOptions(fieldsOf(body)), account: name}),
      INFO: () => accountDocument(view, accountNamed(view, name)),
      STATZ: () => this.#statistics(name, fieldsOf(body)),
      JSZ: () => jsz(view),
      LEAFZ: () => leafz(view),
    };
    const document = documents[what];
    if (document === undefined) return undefined;
    // A single account that is not known is somebody else's business; `PING` asks for all.
    if (name !== 'PING' && view.core.accountOf(name) === undefined) return undefined;
    return this.#reply(document);
  }

  #statistics(name: string, fields: Fields): object {
    const view = this.#view;
    if (name !== 'PING') return accountStatz(view, [accountNamed(view, name)]);
    const wanted = fields['accounts'];
    const all = [...view.core.accounts.values()];
    if (!Array.isArray(wanted) || wanted.length === 0) return accountStatz(view, all);
    return accountStatz(
      view,
      all.filter((account) => wanted.includes(account.name)),
    );
  }

  #kick(fields: Fields): object {
    const cid = fields['cid'];
    if (typeof cid !== 'number') throw new QuestionError('no connection is named, expected {"cid": NUMBER}');
    if (!this.#options.kick(cid)) throw new QuestionError(`no client found with id: ${cid}`);
    return {};
  }

  /** Tells one connection to go to another broker, as all are told before the end. */
  #sendAway(fields: Fields): object {
    const cid = fields['cid'];
    const client = typeof cid === 'number' ? this.#view.clients.get(cid) : undefined;
    if (client === undefined) throw new QuestionError('no such client id');
    if (!client.hasConnected || client.options.protocol < 1) {
      throw new QuestionError('client does not support Lame Duck Mode or is not ready to receive the notification');
    }
    client.sendInfo({ldm: true});
    return {};
  }

  #userInfo({from}: Question, account: Account): Buffer | undefined {
    const client = this.#view.clients.get(from.id);
    if (client === undefined) return undefined;
    return this.#reply(() => userInfo(client, account, this.#view.core.clock.nowMs()));
  }

  #reply(document: () => object): Buffer {
    try {
      return encodeDocument({server: this.server(), data: document()});
    } catch (error) {
      if (!(error instanceof QuestionError)) throw error;
      return encodeDocument({server: this.server(), error: {code: error.status, description: errorMessage(error)}});
    }
  }

  /** What answers and events say of this server. */
  server(): object {
    this.#sequence += 1;
    return serverDocument(this.#view, this.#sequence);
  }

  #advisory(type: string): object {
    const {core} = this.#view;
    return {
      type: `io.nats.server.advisory.v1.${type}`,
      id: core.random.bytes(16).toString('base64url'),
      timestamp: timeText(core.clock.nowMs()),
      server: this.server(),
    };
  }

  #clientDocument(client: ClientConnection): object {
    const {clock} = this.#view.core;
    const {name, language, version} = client.options;
    return {
      start: timeText(clock.nowMs() - (clock.monotonicMs() - client.connectedAtMs)),
      host: client.stream.remoteAddress,
      id: client.id,
      acc: client.account.name,
      ...(client.user === '' ? {} : {user: client.user}),
      ...(name === undefined || name === '' ? {} : {name}),
      ...(language === undefined ? {} : {lang: language}),
      ...(version === undefined ? {} : {ver: version}),
      ...(client.roundTripMs > 0 ? {rtt: Math.round(client.roundTripMs * 1e6)} : {}),
      name_tag: client.account.name,
      kind: 'Client',
      client_type: client.kind === 'websocket' ? 'websocket' : 'nats',
    };
  }

  #farewell(client: ClientConnection, reason: string): object {
    return {
      ...this.#advisory('client_disconnect'),
      client: {...this.#clientDocument(client), stop: timeText(this.#view.core.clock.nowMs())},
      sent: {msgs: client.outMessages, bytes: client.outBytes},
      received: {msgs: client.inMessages, bytes: client.inBytes},
      reason,
    };
  }

  #accountChanged(account: Account): void {
    const document = (): object => ({
      ...this.#advisory('account_connections'),
      ...accountStatistics(this.#view, account),
    });
    this.#tell(`$SYS.SERVER.ACCOUNT.${account.name}.CONNS`, document);
    this.#tell(`$SYS.ACCOUNT.${account.name}.SERVER.CONNS`, document);
  }

  /** Publishes in the system account, if anybody would get it. */
  #tell(subject: string, document: () => object): void {
    const {core} = this.#view;
    const account = core.systemAccount;
    if (account === undefined || !isPublishSubject(subject)) return;
    publishOwn(core, {account, subject, document});
  }
}

/** What cannot be read is everybody's to complain about. */
function filterOf(body: Buffer): Fields {
  try {
    return fieldsOf(body);
  } catch (error) {
    if (error instanceof QuestionError) return {};
    throw error;
  }
}

/** @throws {QuestionError} */
function fieldsOf(body: Buffer): Fields {
  const text = body.toString('utf8').trim();
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new QuestionError('the body is no JSON object');
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function numberOf(fields: Fields, name: string): number | undefined {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

const states = ['open', 'closed', 'all'] as const;

function connzOptions(fields: Fields): ConnzOptions {
  const state = states[numberOf(fields, 'state') ?? 0];
  return {
    ...optional('sort', textOf(fields, 'sort')),
    isAuthShown: fields['auth'] === true,
    subscriptions:
      fields['subscriptions_detail'] === true ? 'detail' : fields['subscriptions'] === true ? 'list' : 'none',
    ...optional('offset', numberOf(fields, 'offset')),
    ...optional('limit', numberOf(fields, 'limit')),
    ...optional('cid', numberOf(fields, 'cid')),
    ...optional('state', state),
    ...optional('user', textOf(fields, 'user')),
    ...optional('account', textOf(fields, 'acc')),
    ...optional('filterSubject', textOf(fields, 'filter_subject')),
  };
}

function subszOptions(fields: Fields): SubszOptions {
  return {
    isListed: fields['subscriptions'] === true,
    ...optional('offset', numberOf(fields, 'offset')),
    ...optional('limit', numberOf(fields, 'limit')),
    ...optional('account', textOf(fields, 'account')),
    ...optional('test', textOf(fields, 'test')),
  };
}

function optional<Key extends string, Value>(key: Key, value: Value | undefined): {readonly [Name in Key]?: Value} {
  return (value === undefined ? {} : {[key]: value}) as {readonly [Name in Key]?: Value};
}
