/** What a server is made of and what it offers, for embedders and for the parts of this area. */
import type {ReplyBudget} from './sent-replies.ts';
import type {Config} from '../config/types.ts';
import type {Connection, ConnectTurns, Heartbeats, OpenConnectionOptions} from '../connect/index.ts';
import type {ProofCache, SecurityProvider} from '../crypto/index.ts';
import type {Logger} from '../lib/logger.ts';
import type {Lateness} from '../lib/patient-timer.ts';
import type {Platform} from '../lib/platform.ts';
import type {Filter, Request, RequestCache, TransportCache} from '../protocol/index.ts';
import type {Agent, AgentProvider, AgentRegistry, Auditor, Authorizer, NodeContext} from '../rpc/types.ts';
import type {ServerEvent} from './lifecycle.ts';
import type {ServerCounts} from './statistics.ts';
import type {AdmissionGuard} from './pipeline-types.ts';
import type {RegistrationSource} from './registration/start.ts';

/** Data plugins for filters and agents. */
export interface ServerDataPlugins {
  /** The same list until a plugin comes or goes. */
  names(): readonly string[];
  get(name: string): {readonly takesQuery: boolean} | undefined;
  run(name: string, query: string | undefined, node: NodeContext): Promise<unknown>;
}

/** Makes a source of agents for one server. */
export type AgentProviderMaker = (options: {
  readonly node: NodeContext;
  readonly registry: AgentRegistry;
}) => AgentProvider;

/** What the servers of one process share, so that identical bytes are opened and proven once for all of them. */
export interface SharedResources {
  readonly requests?: RequestCache;
  readonly transports?: TransportCache;
  readonly proofs?: ProofCache;
  readonly heartbeats?: Heartbeats;
  /** Bytes of answers that may be given once more. */
  readonly replies?: ReplyBudget;
  readonly lateness?: Lateness;
  readonly turns?: ConnectTurns;
  /** What all of them count together. */
  readonly counts?: ServerCounts;
}

/** The parts of a server, all made: `createServer` makes them from a configuration. */
export interface ServerParts {
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly identity: string;
  readonly collectives: readonly string[];
  readonly mainCollective: string;
  readonly version: string;
  /** Name in lifecycle events. */
  readonly component: string;
  readonly provider: SecurityProvider;
  readonly connect: (hooks: Pick<OpenConnectionOptions, 'events' | 'signal' | 'attemptFailed'>) => Promise<Connection>;
  /** JSON object text. */
  readonly facts: () => Promise<Buffer>;
  readonly classes: () => Promise<readonly string[]>;
  readonly matches: (
    filter: Filter,
    context: {readonly node: NodeContext; readonly request: Request},
  ) => Promise<boolean> | boolean;
  readonly agents: readonly Agent[];
  /** Sources of agents that come and go, such as external programs; started in this order after `agents`. */
  readonly agentProviders: readonly AgentProviderMaker[];
  readonly deniedAgents: readonly string[];
  /** Besides what the setting `registration` names. */
  readonly registration?: readonly RegistrationSource[];
  readonly serviceHost: boolean;
  /** Waits to be configured. */
  readonly provisioning?: boolean;
  /** The program may be replaced by another release while it waits. */
  readonly upgradable?: boolean;
  readonly data: ServerDataPlugins;
  readonly authorizer: Authorizer | undefined;
  readonly auditor: Auditor | undefined;
  /** Opened at start, closed at stop. */
  readonly openGuard: () => Promise<AdmissionGuard>;
  /** Refuses a second server of the same identity; undefined where that is wanted. */
  readonly acquireLock?: () => Promise<{release(): Promise<void>}>;
  readonly shared: SharedResources;
}

export type ServerState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped';

/**
 * One server: a node of the fleet. Many may live in one process; they share nothing that they were not given.
 */
export interface ChoriaServer extends AsyncDisposable {
  readonly identity: string;
  readonly state: ServerState;
  /** What agents see of this node: facts, classes, statistics. */
  readonly node: NodeContext;
  /** Add, replace and remove agents while the server runs; subscriptions follow. */
  readonly agents: AgentRegistry;
  /** Undefined before `start` and after `stop`. */
  readonly connection: Connection | undefined;
  /**
   * Connects and serves. Resolves when everything is subscribed; waits for a broker for as long as it takes, until the signal is
   * aborted.
   *
   * @throws {ServerError} `ERR_SERVER_ALREADY_RUNNING` | `ERR_SERVER_STATE_DIRECTORY` | `ERR_SERVER_STATE`
   */
  start(options?: {readonly signal?: AbortSignal}): Promise<void>;
  /** Publishes a lifecycle event of this server. */
  publishEvent(event: ServerEvent): void;
  /** Lets running actions end for `graceMs`, says goodbye, closes. Idempotent. */
  stop(options?: {readonly graceMs?: number}): Promise<void>;
}
