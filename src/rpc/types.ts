/**
 * The RPC layer: what an agent is given and gives back, on the node and at the client.
 */
import type {AgentDdl, AgentMetadata} from '../ddl/types.ts';
import type {Config} from '../config/types.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import type {Request} from '../protocol/types.ts';

/** 0 OK, 1 aborted, 2 unknown action, 3 missing data, 4 invalid data, 5 unknown error; 6-255 belong to agents. */
export type StatusCode = number;

export interface RpcReply {
  readonly statusCode: StatusCode;
  readonly statusMessage: string;
  readonly data: unknown;
  /** External agents may name another action in their reply. */
  readonly action?: string;
}

/** What an action is called with; identity fields come from the protocol layer, never from the body. */
export interface RpcRequest {
  readonly agent: string;
  readonly action: string;
  /** The inputs; `{}` when the body's data is no object. */
  readonly data: Readonly<Record<string, unknown>>;
  /** `data` as it stood in the body, whatever its type. */
  readonly rawData?: unknown;
  readonly requestId: string;
  readonly senderId: string;
  readonly callerId: string;
  readonly collective: string;
  readonly ttlSeconds: number;
  readonly sentAtMs: number;
  /** Claims of the token that proved the caller; undefined for callers with certificates. For policies. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** As it was signed. For policies. */
  readonly filter?: Request['filter'];
}

/** Counters of a server, as `rpcutil#daemon_stats` reports them. */
export interface ServerStatistics {
  readonly total: number;
  readonly validated: number;
  readonly unvalidated: number;
  readonly passed: number;
  readonly filtered: number;
  readonly ttlExpired: number;
  readonly replies: number;
  readonly events: number;
  /** Requests that had run before and were refused. */
  readonly replayed: number;
  /** Requests refused because too many wait, or because their id could not be remembered. */
  readonly refused?: number;
}

/** The node an agent runs on. Facts and classes are read at each call. */
export interface NodeContext {
  readonly identity: string;
  readonly collectives: readonly string[];
  readonly mainCollective: string;
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly startedAtMs: number;
  readonly provisioning: boolean;
  /** The program may be replaced by another release while it waits to be configured. */
  readonly upgradable?: boolean;
  /** `lang/json` text of the merged facts: a JSON object. */
  factsJson(): Promise<Buffer>;
  classes(): Promise<readonly string[]>;
  agents(): readonly AgentMetadata[];
  /** Names of data plugins, sorted. */
  dataPlugins(): readonly string[];
  data(plugin: string, query: string | undefined): Promise<unknown>;
  statistics(): ServerStatistics;
  connectedServer(): string | undefined;
  /** For `choria_util#info`; what is not known is left out. */
  connection?(): ConnectionFacts | undefined;
  machines(): readonly unknown[];
}

/** What a node can tell of its connection to the middleware. */
export interface ConnectionFacts {
  readonly clientName?: string;
  /** URLs of the brokers it may use. */
  readonly servers?: readonly string[];
  readonly encrypted?: boolean;
  readonly messagesIn?: number;
  readonly messagesOut?: number;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
  readonly reconnects?: number;
  readonly facterCommand?: string;
}

export interface AgentCall {
  readonly request: Request;
  /** Claims of the token that proved the caller. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly node: NodeContext;
  /** Aborted when the agent's time is over or the server stops. */
  readonly signal: AbortSignal;
  /** Asked before each action when `rpcauthorization` is on; without one everything is denied then. */
  readonly authorizer?: Authorizer;
  /** Told of each action when `rpcaudit` is on. */
  readonly auditor?: Auditor;
}

/**
 * Anything that answers requests. RPC agents are made by `defineAgent`, external and Ruby agents by their providers; `discovery`
 * answers the raw body.
 */
export interface Agent {
  readonly metadata: AgentMetadata;
  /** Absent for agents that are not RPC. */
  readonly ddl?: AgentDdl;
  /** Whether this node wants the agent; asked once at registration. */
  shouldActivate?(node: NodeContext): Promise<boolean>;
  /** The reply's body, or undefined to stay silent. An agent that has nothing to wait for answers at once. */
  handle(call: AgentCall): Promise<Buffer | undefined> | Buffer | undefined;
  stop?(): Promise<void>;
}

/** Decides whether a caller may run an action. Any throw means no. */
export interface Authorizer {
  readonly name: string;
  authorize(request: RpcRequest, node: NodeContext): Promise<{readonly allowed: boolean; readonly reason: string}>;
}

/** Writes the audit trail. A rejection means that nothing may run when audit was asked for. */
export interface Auditor {
  record(request: RpcRequest): Promise<void>;
}

/** A change in the set of agents, told to whoever subscribes subjects for them. */
export interface AgentRegistryListener {
  /** After the agent can be called. */
  added?(agent: Agent): void;
  /** Before the agent stops; calls already running go on. */
  removed?(agent: Agent): void;
}

/**
 * The agents of one node by name. Providers add and remove, the server looks up and subscribes.
 *
 * `added` listeners are called at once for agents that are already there, so a server may attach at any time.
 */
export interface AgentRegistry {
  /** Sorted by name. */
  names(): readonly string[];
  /** Metadata sorted by name, as `rpcutil#agent_inventory` shows it. */
  metadata(): readonly AgentMetadata[];
  get(name: string): Agent | undefined;
  /**
   * Asks `shouldActivate`, then registers.
   *
   * @returns false when the agent does not want to run on this node or is denied
   * @throws {RpcError} `ERR_AGENT_EXISTS` | `ERR_AGENT_METADATA` (no name, a bad one, or a timeout below one second)
   */
  add(agent: Agent, node: NodeContext): Promise<boolean>;
  /** Puts a newer agent in the place of one with the same name; the `service` property may not change. */
  replace(agent: Agent, node: NodeContext): Promise<boolean>;
  /** Stops and removes; false when it was not there. */
  remove(name: string): Promise<boolean>;
  listen(listener: AgentRegistryListener): () => void;
  /** Stops every agent and removes it. */
  stop(): Promise<void>;
}

/** A source of agents or of other parts of a node: built in, external programs, Ruby. */
export interface AgentProvider {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A data plugin: answers `rpcutil#get_data` and functions in compound filters. */
export interface DataPlugin {
  readonly name: string;
  /** Absent when it takes none. */
  readonly takesQuery: boolean;
  readonly timeoutSeconds: number;
  run(query: string | undefined, node: NodeContext): Promise<unknown>;
}
