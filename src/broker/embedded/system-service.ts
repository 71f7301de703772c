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
  healthDocument,
  jsz,
  leafz,
  routez,
  serverDocument,
  statsz,
  subsz,
  varz,
} from '../monitoring/documents.ts';
import {timeText} from '../monitoring/text.ts';
import {type EngineView, QuestionError} from '../monitoring/view.ts';
import type {Account} from './account.ts';
import type {ClientConnection} from './client.ts';
import {encodeDocument, publishOwn} from './own-message.ts';
import {closeReasons} from './reasons.ts';
import {countListeners} from './count-listeners.ts';
import {
  connzOptions,
  type QuestionKind,
  type QuestionOptions,
  readConnectionId,
  readQuestion,
  subszOptions,
} from './question-options.ts';
import {type Answerer, listenInAccount, type Question} from './responder.ts';
import {userInfo} from './user-info.ts';

export interface SystemServiceOptions {
  readonly view: () => EngineView;
  kick(clientId: number): boolean;
  /** Reads the configuration again; absent where there is none to read. */
  readonly reload: (() => Promise<void>) | undefined;
}

type Fields = Readonly<Record<string, unknown>>;
type Answer = ReturnType<Answerer>;
type Page = readonly [kind: QuestionKind, document: (read: QuestionOptions) => object | undefined];
type AccountPage = readonly [
  kind: QuestionKind,
  document: (account: string, read: QuestionOptions) => object | undefined,
];

export class SystemService {
  readonly #options: SystemServiceOptions;
  #sequence = 0;
  #timer: TimerHandle | undefined = undefined;

  constructor(options: SystemServiceOptions) {
    this.#options = options;
    const {core} = options.view();
    for (const account of core.accounts.values()) {
      if (account === core.systemAccount) this.#listenForSystem(account);
      else this.#listenForOwn(account);
    }
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
    const {name} = account;
    const subjects: Readonly<Record<string, Answerer>> = {
      '$SYS.REQ.ACCOUNT.PING.CONNZ': ({body}) => this.#aboutAccount(name, 'CONNZ', body),
      '$SYS.REQ.SERVER.PING.CONNZ': ({body}) => this.#aboutAccount(name, 'CONNZ', body),
      '$SYS.REQ.ACCOUNT.PING.STATZ': ({body}) => this.#aboutAccount(name, 'STATZ', body),
      '$SYS.REQ.USER.INFO': (question) => this.#userInfo(question, account),
    };
    listenInAccount(account, Object.keys(subjects), (question) => subjects[question.subject]?.(question));
  }

  /** What is not listened to here has no responders: who asks need not wait. */
  #listenForSystem(system: Account): void {
    const {serverId} = this.#view;
    const places = ['PING', serverId];
    const asked = (names: readonly string[], answer: (what: string, question: Question) => Answer): void => {
      for (const name of names) {
        const subjects = places.map((place) => `$SYS.REQ.SERVER.${place}.${name}`);
        listenInAccount(system, subjects, (question) => answer(name, question));
      }
    };
    listenInAccount(system, ['$SYS.REQ.USER.INFO'], (question) => this.#userInfo(question, system));
    listenInAccount(system, ['$SYS.REQ.SERVER.PING'], ({body}) => this.#statistics(body));
    asked(['STATSZ'], (_what, {body}) => this.#statistics(body));
    asked(['IDZ'], () => this.#identity());
    asked(Object.keys(this.#documents), (what, {body}) => this.#answer(this.#documents[what], body));
    listenInAccount(
      system,
      Object.keys(this.#accountDocuments).map((what) => `$SYS.REQ.ACCOUNT.*.${what}`),
      ({subject, body}) => {
        const [, , , name = '', what = ''] = subject.split('.');
        return this.#aboutAccount(name, what, body);
      },
    );
    const orders: Readonly<Record<string, (body: Buffer) => Answer>> = {
      KICK: (body) => this.#orderFor(body, (cid) => this.#kick(cid)),
      LDM: (body) => this.#orderFor(body, (cid) => this.#sendAway(cid)),
      RELOAD: (body) => this.#reload(body),
    };
    for (const [name, order] of Object.entries(orders)) {
      listenInAccount(system, [`$SYS.REQ.SERVER.${serverId}.${name}`], ({body}) => order(body));
    }
    listenInAccount(system, ['$SYS.DEBUG.SUBSCRIBERS'], ({body}) => countListeners(system, body.toString('latin1')));
  }

  #identity(): Buffer {
    const {serverName, host, serverId} = this.#view;
    return encodeDocument({name: serverName, host, id: serverId});
  }

  #statistics(body: Buffer): Buffer | undefined {
    return this.#ask({kind: 'Statsz', body}, () => ({statsz: statsz(this.#view)}));
  }

  /** The kind of the options in the body, and the document; undefined where nobody answers. */
  readonly #documents: Readonly<Record<string, Page>> = {
    VARZ: ['Varz', () => varz(this.#view)],
    CONNZ: ['Connz', (read) => this.#connections(connzOptions(read))],
    SUBSZ: ['Subsz', (read) => subsz(this.#view, subszOptions(read))],
    ROUTEZ: ['Routez', () => routez(this.#view)],
    GATEWAYZ: ['Gatewayz', () => gatewayz(this.#view)],
    LEAFZ: ['Leafz', () => leafz(this.#view)],
    ACCOUNTZ: ['Accountz', (read) => accountz(this.#view, read.text('account'))],
    // Nobody leads.
    JSZ: ['JSz', (read) => (read.is('leader_only') ? undefined : jsz(this.#view))],
    // No queues between threads, no groups that elect leaders.
    IPQUEUESZ: ['Ipqueuesz', () => ({})],
    RAFTZ: ['Raftz', () => ({})],
    HEALTHZ: ['Healthz', (read) => healthOf(read)],
    // Profiles show memory of the process, secrets included.
    PROFILEZ: [
      'Profilez',
      (read) => ({
        profile: null,
        error: read.text('name') === '' ? 'Profile name not specified' : 'Profiles are not available',
      }),
    ],
  };

  readonly #accountDocuments: Readonly<Record<string, AccountPage>> = {
    CONNZ: ['Connz', (account, read) => this.#connections({...connzOptions(read), account})],
    SUBSZ: ['Subsz', (account, read) => subsz(this.#view, {...subszOptions(read), account, isListed: true})],
    INFO: ['AccInfo', (account) => accountDocument(this.#view, accountNamed(this.#view, account))],
    STATZ: ['AccountStatz', (account, read) => this.#accountStatistics(account, read)],
    JSZ: [
      'JSz',
      () => {
        throw new QuestionError('jetstream not enabled');
      },
    ],
    LEAFZ: ['Leafz', () => leafz(this.#view)],
    CONNS: ['AccInfo', () => undefined],
  };

  #aboutAccount(name: string, what: string, body: Buffer): Buffer | undefined {
    if (what === 'CONNS') return this.#connectionCount(name);
    const page = this.#accountDocuments[what];
    return page === undefined ? undefined : this.#answer([page[0], (read) => page[1](name, read)], body);
  }

  /** A count as it is also told when it changes; of an account that nobody uses there is none. */
  #connectionCount(name: string): Buffer | undefined {
    const account = this.#view.core.accountOf(name);
    if (account === undefined || account.connectionCount === 0) return undefined;
    return encodeDocument(this.#countDocument(account));
  }

  #connections(options: ConnzOptions): object {
    const {account = '', filterSubject = ''} = options;
    if (account === '' && filterSubject !== '' && filterSubject !== '>') {
      throw new QuestionError('filter by subject only valid with account filtering');
    }
    return connz(this.#view, options);
  }

  /** Without a name those of all that somebody uses; `PING` asks for that. */
  #accountStatistics(name: string, read: QuestionOptions): object | undefined {
    const view = this.#view;
    const isUnusedShown = read.is('include_unused');
    const wanted = name === 'PING' ? read.list('accounts') : [name];
    const shown = [...view.core.accounts.values()].filter(
      (account) =>
        (wanted.length === 0 || wanted.includes(account.name)) && (isUnusedShown || account.connectionCount > 0),
    );
    return shown.length === 0 && !isUnusedShown ? undefined : accountStatz(view, shown);
  }

  #orderFor(body: Buffer, order: (cid: number) => void): Buffer | undefined {
    const cid = readConnectionId(body);
    if (cid === undefined) return undefined;
    return this.#ask({kind: 'Statsz', body}, () => {
      order(cid);
      return {};
    });
  }

  #kick(cid: number): void {
    if (!this.#options.kick(cid)) throw new QuestionError('no such client or leafnode id');
  }

  /** Tells one connection to go to another broker, as all are told before the end. */
  #sendAway(cid: number): void {
    const client = this.#view.clients.get(cid);
    if (client === undefined) throw new QuestionError('no such client id');
    if (!client.hasConnected || client.options.protocol < 1) {
      throw new QuestionError('client does not support Lame Duck Mode or is not ready to receive the notification');
    }
    client.sendInfo({ldm: true});
  }

  async #reload(body: Buffer): Promise<Buffer | undefined> {
    const {reload} = this.#options;
    let failure: string | undefined;
    const isAsked = this.#ask({kind: 'Statsz', body}, () => ({})) !== undefined;
    if (!isAsked) return undefined;
    try {
      if (reload === undefined)
        failure = 'Cannot read the configuration again: this broker was not started from a file';
      else await reload();
    } catch (error) {
      failure = errorMessage(error);
    }
    return this.#ask({kind: 'Statsz', body}, () => {
      if (failure !== undefined) throw new QuestionError(failure);
      return {};
    });
  }

  #userInfo({from}: Question, account: Account): Buffer | undefined {
    const client = this.#view.clients.get(from.id);
    if (client === undefined) return undefined;
    return encodeDocument({server: this.server(), data: userInfo(client, account, this.#view.core.clock.nowMs())});
  }

  #answer(page: Page | undefined, body: Buffer): Buffer | undefined {
    if (page === undefined) return undefined;
    const [kind, document] = page;
    return this.#ask({kind, body, onError: {data: null}}, (read) => {
      const data = document(read);
      return data === undefined ? undefined : {data};
    });
  }

  /** An answer about what a body asks for; undefined when another server is meant, or there is nothing to tell. */
  #ask(
    question: {readonly kind: QuestionKind; readonly body: Buffer; readonly onError?: object},
    answer: (read: QuestionOptions) => object | undefined,
  ): Buffer | undefined {
    const failed = (error: unknown, code: number, more: object | undefined): Buffer => {
      if (!(error instanceof QuestionError)) throw error;
      return encodeDocument({server: this.server(), ...more, error: {code, description: errorMessage(error)}});
    };
    let read: QuestionOptions;
    try {
      read = readQuestion(question.kind, question.body);
    } catch (error) {
      return failed(error, 400, undefined);
    }
    if (!this.#isMeant(read)) return undefined;
    try {
      const told = answer(read);
      return told === undefined ? undefined : encodeDocument({server: this.server(), ...told});
    } catch (error) {
      return failed(error, 500, question.onError);
    }
  }

  /** A question may be meant for some servers: by parts of the name, the host or the cluster, or by the whole of them. */
  #isMeant(read: QuestionOptions): boolean {
    // No server of this kind has tags, or streams in a domain.
    if (read.list('tags').length > 0 || read.text('domain') !== '') return false;
    const {serverName, host, clusterName = ''} = this.#view;
    const own = {server_name: serverName, host, cluster: clusterName};
    return Object.entries(own).every(([name, value]) => {
      const wanted = read.text(name);
      if (wanted === '') return true;
      return read.is('exact_match') ? value === wanted : value.includes(wanted);
    });
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

  #countDocument(account: Account): object {
    return {...this.#advisory('account_connections'), ...accountStatistics(this.#view, account)};
  }

  #accountChanged(account: Account): void {
    const document = (): object => this.#countDocument(account);
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

function healthOf(read: QuestionOptions): object {
  const {status, ...more} = healthDocument((name) => read.text(name), read.is('details')) as Fields;
  return {status, status_code: status === 'ok' ? 200 : 400, ...more};
}
