/** The client: discovery, requests and pings over one connection that is opened when it is first needed. */
import type {Config} from '../config/types.ts';
import type {Connection} from '../connect/types.ts';
import {checkRequestData, withInputDefaults} from '../ddl/index.ts';
import type {ActionDdl, AgentDdl, DdlResolver} from '../ddl/types.ts';
import {discoveryLimits, selectMethod} from '../discovery/index.ts';
import {type Logger, silentLogger} from '../lib/logger.ts';
import {setPatientTimer} from '../lib/patient-timer.ts';
import type {Platform} from '../lib/platform.ts';
import {emptyFilter, type Filter, isEmptyFilter} from '../protocol/index.ts';
import {
  limitTargets,
  type Messenger,
  type NodeReply,
  type ReplyStream,
  type RequestHandlers,
  type RequestKind,
  type RequestStatistics,
  runRequest,
  streamReplies,
} from '../rpc/index.ts';
import {Connector} from './connector.ts';
import {discoveryMethod, methodOptionsFor} from './discovery-methods.ts';
import {ClientError} from './errors.ts';
import {buildFilter, expressionDoubt, type FilterText, withAgent} from './filter.ts';
import {createProbe} from './probe.ts';
import {ceilingFor, hasCeiling} from './reach/ceiling.ts';
import {compileReplyFilter} from './reply-filter.ts';
import {clientConnectLimits} from './limits.ts';
import type {
  Client,
  ClientOptions,
  DiscoverOptions,
  Discovered,
  PerformOptions,
  PingOptions,
  PingResult,
  RequestOptions,
} from './types.ts';

/** Used where a description says 0. */
const agentTimeoutSeconds = 10;

export class FleetClient implements Client {
  readonly config: Config;
  readonly #platform: Platform;
  readonly #logger: Logger;
  readonly #resolver: DdlResolver;
  readonly #federations: readonly string[];
  readonly #connector: Connector;
  readonly #note: (text: string) => void;

  constructor(options: ClientOptions & {readonly resolver: DdlResolver; readonly federationNames: readonly string[]}) {
    this.config = options.config;
    this.#platform = options.platform;
    this.#logger = options.logger ?? silentLogger;
    this.#resolver = options.resolver;
    this.#note = options.onNote ?? ((text) => this.#logger.warn(text));
    this.#federations = options.federationNames;
    this.#connector = new Connector({...options, logger: this.#logger});
  }

  async discover(options: DiscoverOptions = {}): Promise<Discovered> {
    const {clock} = this.#platform;
    const given = buildFilter(options.filter ?? {});
    const {options: methodOptions, notes} = methodOptionsFor(options.methodOptions, this.config);
    const selection = selectMethod({
      nodesFile: options.nodesFile,
      hasCompound: given.compounds.length > 0,
      hasFilter: !isEmptyFilter(given),
      methodGiven: options.method,
      methodConfigured: this.config.get('default_discovery_method'),
      hasOptions: Object.keys(methodOptions).length > 0,
      stdin: options.stdin,
    });
    options.onSelected?.(selection);
    for (const note of [...selection.notes, ...notes]) this.#note(note);
    if (selection.method === 'mc') this.#tellDoubt(given);
    const collective = this.#collective(options.collective, {isChecked: selection.method === 'mc'});
    const startedAtMs = clock.monotonicMs();
    const method = await discoveryMethod(selection, {
      config: this.config,
      platform: this.#platform,
      logger: this.#logger,
      probe: this.#probe(),
      provider: () => this.#connector.provider(),
    });
    const result = await method.discover({
      filter: selection.ignoresFilter ? emptyFilter : withAgent(given, options.agent),
      collective,
      timeoutMs: this.#discoveryTimeoutMs(options.timeoutMs),
      slidingWindow: options.slidingWindow ?? this.config.get('plugin.choria.discovery.broadcast.windowed_timeout'),
      federations: this.#federations,
      options: methodOptions,
      signal: options.signal ?? new AbortController().signal,
    });
    return {...result, method: selection.shownName, elapsedMs: clock.monotonicMs() - startedAtMs};
  }

  async ping(options: PingOptions = {}): Promise<PingResult> {
    const {clock} = this.#platform;
    const collective = this.#collective(options.collective, {isChecked: true});
    const filter = buildFilter(options.filter ?? {});
    this.#tellDoubt(filter);
    const timeoutMs = this.#discoveryTimeoutMs(options.timeoutMs);
    const answers: {identity: string; elapsedMs: number}[] = [];
    let publishedAtMs = clock.monotonicMs();
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const probe = this.#probe(() => {
      publishedAtMs = clock.monotonicMs();
    });
    const signal = options.signal ?? new AbortController().signal;
    signal.addEventListener('abort', end, {once: true});
    const asksWhoListens = !options.expect;
    const handle = await probe.send({filter, collective, timeoutMs, signal, asksWhoListens}, (identity) => {
      if (answers.length >= (options.expect || clientConnectLimits.pingAnswersMax)) return;
      const elapsedMs = clock.monotonicMs() - publishedAtMs;
      answers.push({identity, elapsedMs});
      options.onAnswer?.(identity, elapsedMs);
      if (answers.length === options.expect) end();
    });
    let isCutOff = false;
    const timeIsUp = (): void => {
      const sinceLastMs = clock.monotonicMs() - publishedAtMs - (answers.at(-1)?.elapsedMs ?? 0);
      isCutOff = answers.length > 0 && sinceLastMs < discoveryLimits.windowMs && !handle.outcome().isKnown;
      end();
    };
    const timer = setPatientTimer(clock, timeIsUp, timeoutMs);
    void handle.over.then(end);
    if (!signal.aborted) await ended;
    timer.cancel();
    signal.removeEventListener('abort', end);
    handle.stop();
    return {answers, publishedAtMs, ...handle.outcome(), ...(isCutOff ? {isCutOff} : {})};
  }

  /** The one connection, for whoever listens to other subjects than replies. It is closed with the client. */
  async connection(options: {readonly timeoutMs: number; readonly signal?: AbortSignal}): Promise<Connection> {
    return (await this.#messenger(options)).connection;
  }

  /** A filter as it travels, with the agent in it. */
  filter(text: FilterText, agent?: string): Filter {
    return withAgent(buildFilter(text), agent);
  }

  async describe(agent: string): Promise<AgentDdl> {
    const ddl = await this.#resolver.agent(agent);
    if (ddl !== undefined) return ddl;
    throw new ClientError('ERR_CLIENT_AGENT', `could not resolve ${agent} DDL in any resolver`, {details: {agent}});
  }

  request(
    agent: string,
    action: string,
    data: Readonly<Record<string, unknown>> = {},
    options: RequestOptions = {},
  ): ReplyStream {
    return streamReplies(({signal, reply}) => this.#request({agent, action, data}, {...options, signal}, reply), {
      signal: options.signal,
    });
  }

  async #request(
    call: {readonly agent: string; readonly action: string; readonly data: Readonly<Record<string, unknown>>},
    options: RequestOptions & {readonly signal: AbortSignal},
    onReply: (reply: NodeReply) => void,
  ): Promise<RequestStatistics> {
    const ddl = options.ddl ?? (await this.describe(call.agent));
    if (ddl.metadata.name !== call.agent) {
      throw new ClientError(
        'ERR_CLIENT_AGENT',
        `Cannot call ${call.agent}#${call.action}: the DDL does not describe the ${call.agent} agent but ${ddl.metadata.name}`,
        {details: {agent: call.agent, described: ddl.metadata.name}},
      );
    }
    const action = findAction(ddl, call.action);
    const data = withInputDefaults(action, call.data);
    checkInputs(call, {action, data});
    const passes = compileReplyFilter(options.replyFilter, {logger: this.#logger});
    const kind = ddl.metadata.service ? 'service' : (options.kind ?? 'direct');
    const found = kind === 'direct' ? await this.#targetsFor(call.agent, options) : undefined;
    const targets = found === undefined ? [] : this.limit(found.identities, options);
    await this.#checkCeiling(call, {kind, count: targets.length});
    if (found !== undefined) options.onDiscovered?.(found, targets);
    const progress = new Progress({kind, targets, told: options.onProgress});
    return this.perform(
      {
        ...call,
        data,
        kind,
        targets,
        ...(kind === 'broadcast' ? {filter: this.filter(options.filter ?? {}, call.agent)} : {}),
        replyTo: options.replyTo,
        explain: options.explain,
        collective: options.collective,
        timeoutMs: options.requestTimeoutMs ?? this.requestTimeoutMs(ddl),
        batchSize: options.batchSize,
        batchSleepMs: options.batchSleepMs,
        discoverMs: found?.elapsedMs,
        signal: options.signal,
      },
      {
        reply: (reply) => {
          progress.answered(reply);
          if (passes(reply)) onReply(reply);
        },
      },
    );
  }

  /** A program is as prone to mistakes as a person: what limits the command line limits it too. */
  async #checkCeiling(
    {agent, action}: {readonly agent: string; readonly action: string},
    {kind, count}: {readonly kind: RequestKind; readonly count: number},
  ): Promise<void> {
    if (kind === 'service' || !hasCeiling(this.config)) return;
    const ceiling = ceilingFor(this.config, {callerId: await this.callerId(), maxNodes: undefined});
    if (ceiling === undefined || (kind === 'direct' && count <= ceiling.nodes)) return;
    const reach = kind === 'direct' ? `to ${count} nodes` : 'to everybody who listens';
    throw new ClientError(
      'ERR_CLIENT_REACH',
      `Cannot send ${agent}#${action} ${reach}: ${ceiling.source} allows ${ceiling.nodes}`,
      {details: {agent, action, count}},
    );
  }

  async #targetsFor(agent: string, options: RequestOptions): Promise<Discovered> {
    if (options.targets !== undefined) {
      return {identities: options.targets, complete: true, method: 'given', elapsedMs: 0};
    }
    const found = await this.discover({...options, agent});
    if (found.identities.length === 0) {
      throw new ClientError('ERR_CLIENT_NO_NODES', 'did not discover any nodes', {details: {method: found.method}});
    }
    return found;
  }

  /** The targets that the limit leaves. */
  limit(
    targets: readonly string[],
    options: Pick<RequestOptions, 'limit' | 'limitMethod' | 'limitSeed'>,
  ): readonly string[] {
    return limitTargets(targets, {
      size: options.limit,
      method: options.limitMethod ?? this.config.get('rpclimitmethod'),
      seed: options.limitSeed,
      random: () => this.#platform.random.float(),
    });
  }

  /** Who is calling, as nodes will see it; connects when there is no connection yet. */
  async callerId(): Promise<string> {
    const connectMs = this.config.get('plugin.choria.network.connect_timeout');
    return (await this.#messenger({timeoutMs: Math.max(this.#discoveryTimeoutMs(undefined), connectMs)})).callerId;
  }

  /** Time for each batch: discovery and the agent's own. */
  requestTimeoutMs(ddl: AgentDdl): number {
    const seconds = ddl.metadata.timeoutSeconds > 0 ? ddl.metadata.timeoutSeconds : agentTimeoutSeconds;
    return this.#discoveryTimeoutMs(undefined) + seconds * 1_000;
  }

  async perform(options: PerformOptions, handlers: RequestHandlers = {}): Promise<RequestStatistics> {
    const {signal, timeoutMs, discoverMs, batchSize, batchSleepMs, replyTo} = options;
    const collective = this.#collective(options.collective, {isChecked: true});
    const messenger = await this.#messenger({timeoutMs, signal});
    const filter = options.filter ?? withAgent(emptyFilter, options.agent);
    return runRequest(
      messenger,
      {
        agent: options.agent,
        action: options.action,
        data: options.data,
        kind: options.kind ?? 'direct',
        targets: options.targets ?? [],
        filter,
        collective,
        ttlSeconds: this.config.get('ttl'),
        timeoutMs,
        batchSize: batchSize ?? 0,
        batchSleepMs: batchSleepMs ?? 0,
        replyTo,
        discoverMs: discoverMs ?? 0,
        explain: options.explain ?? false,
        mayContinue: options.mayContinue,
        requireFilter: this.config.get('plugin.choria.require_client_filter'),
        signal,
      },
      {notice: this.#note, ...handlers},
    );
  }

  #tellDoubt(filter: Filter): void {
    const doubt = expressionDoubt(filter);
    if (doubt !== undefined) this.#note(doubt);
  }

  #messenger(options: {readonly timeoutMs: number; readonly signal?: AbortSignal | undefined}): Promise<Messenger> {
    return this.#connector.messenger(options);
  }

  #probe(publishing?: () => void): ReturnType<typeof createProbe> {
    return createProbe({
      messenger: (options) => this.#messenger(options),
      logger: this.#logger,
      notice: this.#note,
      ttlSeconds: this.config.get('ttl'),
      requireFilter: this.config.get('plugin.choria.require_client_filter'),
      ...(publishing === undefined ? {} : {publishing}),
    });
  }

  #collective(name: string | undefined, options: {readonly isChecked: boolean}): string {
    if (name === undefined || name === '') return this.config.get('main_collective');
    const known = this.config.get('collectives');
    if (!options.isChecked || known.includes(name)) return name;
    throw new ClientError(
      'ERR_CLIENT_COLLECTIVE',
      `cannot use the collective '${name}', it is not on the list of known collectives: ${known.join(', ')}`,
      {details: {collective: name, known}},
    );
  }

  #discoveryTimeoutMs(given: number | undefined): number {
    const ms = given ?? this.config.get('discovery_timeout') * 1_000;
    return Math.min(Math.max(ms, 0), clientConnectLimits.timeoutMsMax);
  }

  async close(): Promise<void> {
    await this.#connector.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Tells a caller how far its request is, from before the first answer on. */
class Progress {
  readonly #expected: number | undefined;
  readonly #told: RequestOptions['onProgress'];
  readonly #waitingFor: Set<string>;
  #answered = 0;
  #failed = 0;

  constructor(request: {
    readonly kind: RequestKind;
    readonly targets: readonly string[];
    readonly told: RequestOptions['onProgress'];
  }) {
    const {kind, targets, told} = request;
    this.#expected = kind === 'broadcast' ? undefined : Math.max(1, targets.length);
    this.#told = told;
    this.#waitingFor = new Set(told === undefined ? [] : targets);
    this.#tell();
  }

  answered({sender, statusCode}: NodeReply): void {
    this.#answered += 1;
    if (statusCode !== 0) this.#failed += 1;
    this.#waitingFor.delete(sender);
    this.#tell();
  }

  #tell(): void {
    this.#told?.({
      answered: this.#answered,
      failed: this.#failed,
      expected: this.#expected,
      waitingFor: () => [...this.#waitingFor],
    });
  }
}

function checkInputs(
  {agent, action: name}: {readonly agent: string; readonly action: string},
  {action, data}: {readonly action: ActionDdl; readonly data: Readonly<Record<string, unknown>>},
): void {
  const {error} = checkRequestData(action, data);
  if (error === undefined) return;
  throw new ClientError('ERR_CLIENT_INPUT', `Cannot call ${agent}#${name}: ${error}`, {
    details: {agent, action: name},
  });
}

/** @throws {ClientError} `ERR_CLIENT_ACTION` */
export function findAction(ddl: AgentDdl, name: string): ActionDdl {
  const action = ddl.actions.find((candidate) => candidate.name === name);
  if (action !== undefined) return action;
  const known = ddl.actions.map((candidate) => candidate.name);
  throw new ClientError('ERR_CLIENT_ACTION', `unknown action ${ddl.metadata.name}#${name}`, {
    details: {agent: ddl.metadata.name, action: name, known},
  });
}
