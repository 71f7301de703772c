/**
 * What generated clients are made of (`choria plugin generate client`): filters and options in chains, discovery that is remembered,
 * actions with typed inputs, replies with typed outputs.
 */
import {agentDdlFromDocument, checkRequestData, withInputDefaults, withOutputDefaults} from '../ddl/index.ts';
import type {ActionDdl, AgentDdl, AgentMetadata} from '../ddl/types.ts';
import {goJson} from '../lib/json-text.ts';
import type {NodeReply, RequestStatistics} from '../rpc/index.ts';
import {findAction} from './client.ts';
import {ClientError} from './errors.ts';
import type {FilterText} from './filter.ts';
import type {Client, RequestOptions} from './types.ts';

/** What each reply of an action tells besides its outputs. */
export interface ReplyDetails {
  readonly sender: string;
  readonly ok: boolean;
  /** 0 OK, 1 aborted, 2 unknown action, 3 missing data, 4 invalid data, 5 unknown error. */
  readonly statusCode: number;
  readonly statusMessage: string;
}

type Outputs = Readonly<Record<string, unknown>>;

/** One reply; generated classes add a getter for each output. A value of another type than the description says is undefined. */
export class ActionOutput {
  readonly #reply: NodeReply;
  readonly #outputs: Outputs;

  constructor(reply: NodeReply, action: ActionDdl) {
    this.#reply = reply;
    const {data} = reply;
    const isRecord = typeof data === 'object' && data !== null && !Array.isArray(data);
    this.#outputs = isRecord ? withOutputDefaults(action, data as Outputs) : {};
  }

  resultDetails(): ReplyDetails {
    const {sender, statusCode, statusMessage} = this.#reply;
    return {sender, ok: statusCode === 0, statusCode, statusMessage};
  }

  /** The outputs as the node sent them, with the description's defaults. */
  hashMap(): Outputs {
    return this.#outputs;
  }

  json(): string {
    return goJson(this.#outputs);
  }

  /** Gives the outputs in the program's own type; `parse` throws when they do not fit. */
  parseOutput<T>(parse: (outputs: Outputs) => T): T {
    return parse(this.#outputs);
  }

  protected outputText(name: string): string | undefined {
    const value = this.#outputs[name];
    return typeof value === 'string' ? value : undefined;
  }

  protected outputNumber(name: string): number | undefined {
    const value = this.#outputs[name];
    return typeof value === 'number' ? value : undefined;
  }

  protected outputBoolean(name: string): boolean | undefined {
    const value = this.#outputs[name];
    return typeof value === 'boolean' ? value : undefined;
  }

  protected outputHash(name: string): Outputs | undefined {
    const value = this.#outputs[name];
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Outputs) : undefined;
  }

  protected outputArray(name: string): readonly unknown[] | undefined {
    const value = this.#outputs[name];
    return Array.isArray(value) ? (value as readonly unknown[]) : undefined;
  }

  protected outputAny(name: string): unknown {
    return this.#outputs[name];
  }
}

/** Everything that came of one request. */
export interface ActionResult<Output extends ActionOutput> {
  readonly stats: RequestStatistics;
  /** In order of arrival, failed ones too. */
  allOutputs(): readonly Output[];
  eachOutput(visit: (output: Output) => void): void;
}

type OutputClass<Output> = new (reply: NodeReply, action: ActionDdl) => Output;

export interface ActionStart<Output extends ActionOutput> {
  readonly client: AgentClient;
  readonly action: string;
  readonly inputs: Outputs;
  readonly output: OutputClass<Output>;
}

/** One request that is being put together; generated classes add a method for each optional input. */
export class ActionRequest<Output extends ActionOutput> {
  readonly #start: ActionStart<Output>;
  #inputs: Outputs;

  constructor(start: ActionStart<Output>) {
    this.#start = start;
    this.#inputs = start.inputs;
  }

  protected setInput(name: string, value: unknown): this {
    this.#inputs = {...this.#inputs, [name]: value};
    return this;
  }

  /**
   * Sends the request and collects every reply.
   *
   * @throws {ClientError} `ERR_CLIENT_INPUT` | `ERR_CLIENT_NO_NODES` and what discovery and connections throw
   */
  async do(options: {readonly signal?: AbortSignal} = {}): Promise<ActionResult<Output>> {
    const outputs: Output[] = [];
    const stats = await this.#run((output) => outputs.push(output), options.signal);
    return {stats, allOutputs: () => outputs, eachOutput: (visit) => outputs.forEach((output) => visit(output))};
  }

  /** Sends the request and hands over each reply as it comes. */
  each(visit: (output: Output) => void, options: {readonly signal?: AbortSignal} = {}): Promise<RequestStatistics> {
    return this.#run(visit, options.signal);
  }

  async #run(visit: (output: Output) => void, signal: AbortSignal | undefined): Promise<RequestStatistics> {
    const {client, action: name, output: Output} = this.#start;
    const action = findAction(client.ddl, name);
    const replies = await client.send(name, this.#inputs, signal);
    for await (const reply of replies) visit(new Output(reply, action));
    return replies.finished;
  }
}

/** Before discovery: nobody is asked for a call that cannot be made. */
function checkInputs(ddl: AgentDdl, call: {readonly action: string; readonly data: Outputs}): void {
  const {name} = ddl.metadata;
  const action = findAction(ddl, call.action);
  const {error} = checkRequestData(action, withInputDefaults(action, call.data));
  if (error === undefined) return;
  throw new ClientError('ERR_CLIENT_INPUT', `Cannot call ${name}#${call.action}: ${error}`, {
    details: {name, action: call.action},
  });
}

/** Settings of a generated client; absent ones are the configuration's. */
export interface AgentClientOptions {
  readonly discoveryMethod?: string;
  readonly discoveryTimeoutMs?: number;
  /** Finds the nodes in place of the built-in methods; its answer is remembered like theirs. */
  readonly discovery?: (options: {readonly signal: AbortSignal | undefined}) => Promise<readonly string[]>;
  /** Told how discovery went. */
  readonly onDiscovered?: (nodes: readonly string[]) => void;
}

/** Base of generated clients. Options stay until `optionReset`; those that filter forget which nodes were found. */
export class AgentClient {
  readonly ddl: AgentDdl;
  readonly #client: Client;
  readonly #settings: AgentClientOptions;
  #filter: FilterText = {};
  #request: RequestOptions = {};
  #found: Promise<readonly string[]> | undefined;

  constructor(client: Client, ddlDocument: unknown, options: AgentClientOptions = {}) {
    this.#client = client;
    this.ddl = agentDdlFromDocument(ddlDocument, 'the description in a generated client');
    this.#settings = options;
  }

  agentMetadata(): AgentMetadata {
    return this.ddl.metadata;
  }

  /** The nodes that the filters mean; asked once, then remembered. */
  discoverNodes(options: {readonly signal?: AbortSignal | undefined} = {}): Promise<readonly string[]> {
    const found = this.#found ?? this.#discover(options.signal);
    this.#found = found;
    // A failure is not remembered: the next call asks again.
    found.catch(() => {
      if (this.#found === found) this.#found = undefined;
    });
    return found;
  }

  async #discover(signal: AbortSignal | undefined): Promise<readonly string[]> {
    const {discoveryMethod, discoveryTimeoutMs, onDiscovered, discovery} = this.#settings;
    if (discovery !== undefined) {
      const nodes = await discovery({signal});
      onDiscovered?.(nodes);
      return nodes;
    }
    const {identities} = await this.#client.discover({
      filter: this.#filter,
      agent: this.ddl.metadata.name,
      collective: this.#request.collective,
      method: discoveryMethod,
      timeoutMs: this.#request.timeoutMs ?? discoveryTimeoutMs,
      signal,
    });
    onDiscovered?.(identities);
    return identities;
  }

  /** Forgets options, filters and nodes. */
  optionReset(): this {
    this.#request = {};
    return this.#filterBy({});
  }

  optionIdentityFilter(...identities: readonly string[]): this {
    return this.#filterBy({...this.#filter, identities: [...(this.#filter.identities ?? []), ...identities]});
  }

  optionClassFilter(...classes: readonly string[]): this {
    return this.#filterBy({...this.#filter, classes: [...(this.#filter.classes ?? []), ...classes]});
  }

  /** Such as `country=mt`. */
  optionFactFilter(...facts: readonly string[]): this {
    return this.#filterBy({...this.#filter, facts: [...(this.#filter.facts ?? []), ...facts]});
  }

  optionAgentFilter(...agents: readonly string[]): this {
    return this.#filterBy({...this.#filter, agents: [...(this.#filter.agents ?? []), ...agents]});
  }

  optionCombinedFilter(...combined: readonly string[]): this {
    return this.#filterBy({...this.#filter, combined: [...(this.#filter.combined ?? []), ...combined]});
  }

  optionCompoundFilter(compound: string): this {
    return this.#filterBy({...this.#filter, compound});
  }

  #filterBy(filter: FilterText): this {
    this.#filter = filter;
    this.#found = undefined;
    return this;
  }

  optionCollective(collective: string): this {
    this.#found = undefined;
    return this.#set({collective});
  }

  /** @param sleepMs between batches; one second when left out */
  optionInBatches(batchSize: number, sleepMs = 1_000): this {
    return this.#set({batchSize, batchSleepMs: sleepMs});
  }

  optionDiscoveryTimeout(timeoutMs: number): this {
    return this.#set({timeoutMs});
  }

  optionLimitMethod(limitMethod: 'first' | 'random'): this {
    return this.#set({limitMethod});
  }

  /** Such as `10` or `25%`. */
  optionLimitSize(limit: string): this {
    return this.#set({limit});
  }

  optionLimitSeed(limitSeed: number): this {
    return this.#set({limitSeed});
  }

  /** Asks these nodes, without discovery. */
  optionTargets(targets: readonly string[]): this {
    return this.#set({targets});
  }

  /** Replies go to this subject and not to this program. */
  optionReplyTo(replyTo: string): this {
    return this.#set({replyTo});
  }

  /**
   * For programs that were written for clients with several connections: here one connection does the work of all.
   *
   * @throws {ClientError} `ERR_CLIENT_WORKERS`
   */
  optionWorkers(workers: number): this {
    if (Number.isInteger(workers) && workers > 0) return this;
    throw new ClientError('ERR_CLIENT_WORKERS', `Cannot use ${workers} workers: expected at least 1`);
  }

  /** Only replies for which the expression is true are handed over. */
  optionExprFilter(replyFilter: string): this {
    return this.#set({replyFilter});
  }

  #set(options: RequestOptions): this {
    this.#request = {...this.#request, ...options};
    return this;
  }

  /** For generated classes: discovers where needed, checks the inputs, and sends. */
  async send(action: string, data: Outputs, signal: AbortSignal | undefined): Promise<ReturnType<Client['request']>> {
    const {ddl} = this;
    const {name, service} = ddl.metadata;
    checkInputs(ddl, {action, data});
    const targets = service ? [] : (this.#request.targets ?? (await this.discoverNodes({signal})));
    if (!service && targets.length === 0) {
      throw new ClientError('ERR_CLIENT_NO_NODES', `Cannot call ${name}#${action}: no nodes were discovered`);
    }
    return this.#client.request(name, action, data, {...this.#request, targets, ddl, signal});
  }
}
