/** What programs give the client and get from it. */
import type {Config} from '../config/types.ts';
import type {Connection} from '../connect/types.ts';
import type {SecurityProvider} from '../crypto/types.ts';
import type {AgentDdl, DdlResolver} from '../ddl/types.ts';
import type {MissingNode, Selection} from '../discovery/index.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import type {Filter} from '../protocol/types.ts';
import type {
  BatchProgress,
  NodeReply,
  ReplyStream,
  RequestHandlers,
  RequestKind,
  RequestStatistics,
} from '../rpc/index.ts';
import type {FilterText} from './filter.ts';

export interface ClientOptions {
  readonly config: Config;
  readonly platform: Platform;
  readonly logger?: Logger;
  /** Finds agent descriptions; absent: those built in and in the configured `libdir`. */
  readonly resolver?: DdlResolver;
  /** Replaces the configured federation collectives. */
  readonly federations?: readonly string[] | undefined;
  /** A connection of the caller's own; it is not closed with the client. */
  readonly connection?: Connection;
  readonly provider?: SecurityProvider;
  /** What the broker shows as the connection's name. Absent: the caller id. */
  readonly connectionName?: string;
  /** What a person should know and no result says: filters that were ignored, answers that were not counted. Absent: the log. */
  readonly onNote?: (text: string) => void;
}

export interface DiscoverOptions {
  readonly filter?: FilterText;
  /** Added to the filter: only nodes that have this agent. */
  readonly agent?: string;
  /** Absent: the main collective. */
  readonly collective?: string | undefined;
  /** `mc`, `choria`, `flatfile`, `inventory`, `external`; absent: as configured. */
  readonly method?: string | undefined;
  /** `--do k=v`; absent: as configured. */
  readonly methodOptions?: Readonly<Record<string, string>> | undefined;
  /** A file of nodes; beats method and filter. */
  readonly nodesFile?: string | undefined;
  /** What was piped in: the JSON results of an earlier request beat the configured method. */
  readonly stdin?: string | undefined;
  /** Absent: `discovery_timeout`. */
  readonly timeoutMs?: number | undefined;
  readonly slidingWindow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Once the method is chosen, before it runs. */
  readonly onSelected?: (selection: Selection) => void;
}

export interface Discovered {
  readonly identities: readonly string[];
  /** True when it is known that nobody else could have answered. */
  readonly complete: boolean;
  /** False when nobody could say who listens, so that the time that was waited decided. */
  readonly isKnown?: boolean;
  /** True when answers were still coming as the time ended, and nobody could say how many more there are. */
  readonly isCutOff?: boolean;
  /** Connected nodes that neither answered nor said that they do not match. */
  readonly missing?: readonly MissingNode[];
  /** How many more of them have no name here: more listen than the broker can name. Absent where there are none. */
  readonly unnamedMissing?: number;
  /** The method, as operators know it. */
  readonly method: string;
  readonly elapsedMs: number;
}

export interface PerformOptions {
  readonly agent: string;
  readonly action: string;
  /** Checked already, defaults included. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly kind?: RequestKind;
  readonly targets?: readonly string[];
  /** Absent: only the agent. */
  readonly filter?: Filter;
  readonly collective?: string | undefined;
  readonly timeoutMs: number;
  readonly batchSize?: number | undefined;
  readonly batchSleepMs?: number | undefined;
  readonly replyTo?: string | undefined;
  readonly discoverMs?: number | undefined;
  /** Asked before each batch but the first: false sends no more, and the rest was not asked. */
  readonly mayContinue?: ((progress: BatchProgress) => boolean) | undefined;
  /** Knock at nodes that gave no sign, so that their reason is more than that. */
  readonly explain?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RequestOptions extends Omit<DiscoverOptions, 'agent'> {
  /** Identities to ask; absent: whatever discovery finds. */
  readonly targets?: readonly string[];
  /** Such as `10` or `25%`. */
  readonly limit?: string | undefined;
  readonly limitMethod?: 'first' | 'random' | undefined;
  readonly limitSeed?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly batchSleepMs?: number | undefined;
  /** For each batch; absent: `discovery_timeout` and the agent's own timeout. */
  readonly requestTimeoutMs?: number | undefined;
  /** An expression such as `ok() && data("load") > 2`; other replies count but are not given. */
  readonly replyFilter?: string | undefined;
  /** The agent's description; absent: found by the client's resolver. */
  readonly ddl?: AgentDdl | undefined;
  /**
   * Absent: `direct`, to each target; `service` where the agent's description says that it is one. `broadcast`: one message to all, and whoever has the
   * agent and matches the filter answers; nobody is discovered before. `service`: one message, and one of those that offer the agent answers.
   */
  readonly kind?: RequestKind | undefined;
  /** A subject of the program's own, where the replies go: the stream ends without any, once the broker has the request. */
  readonly replyTo?: string | undefined;
  /** Knock at nodes that gave no sign, so that their reason is more than that. */
  readonly explain?: boolean | undefined;
  /** Called when the request is about to be sent, and after each answer. */
  readonly onProgress?: (progress: RequestProgress) => void;
  /** Called once the nodes are known; what it throws ends the request before it is sent. */
  readonly onDiscovered?: (found: Discovered, limited: readonly string[]) => void;
}

export interface RequestProgress {
  readonly answered: number;
  /** Of those, how many failed. */
  readonly failed: number;
  /** How many are asked; undefined where nobody knows. */
  readonly expected: number | undefined;
  /** Who has not answered so far; empty where nobody knows who will. */
  readonly waitingFor: () => readonly string[];
}

export interface PingOptions {
  readonly filter?: FilterText;
  readonly collective?: string | undefined;
  readonly timeoutMs?: number | undefined;
  /** End after this many answers. */
  readonly expect?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Each answer, with the ms since the ping was sent; a node that answers twice is called twice. */
  readonly onAnswer?: (identity: string, elapsedMs: number) => void;
}

export interface PingResult {
  /** In order of arrival; a node that answered twice is here twice. */
  readonly answers: readonly {readonly identity: string; readonly elapsedMs: number}[];
  /** True when it is known that nobody else could have answered. */
  readonly complete: boolean;
  /** Whether the broker said who listens. */
  readonly isKnown: boolean;
  /** True when answers were still coming as the time ended, and nobody could say how many more there are. */
  readonly isCutOff?: boolean;
  /** Connected nodes that neither answered nor said that they do not match. */
  readonly missing: readonly MissingNode[];
  /** How many more of them have no name here: more listen than the broker can name. Absent where there are none. */
  readonly unnamedMissing?: number;
  /** Monotonic ms at which the ping was sent. */
  readonly publishedAtMs: number;
}

/** @see createClient */
export interface Client {
  readonly config: Config;
  discover(options?: DiscoverOptions): Promise<Discovered>;
  ping(options?: PingOptions): Promise<PingResult>;
  /** The description of an agent, or an error that says where it was looked for. */
  describe(agent: string): Promise<AgentDdl>;
  /**
   * Discovers, checks the inputs by the agent's description, sends, and gives the replies as they come.
   *
   * @example
   * for await (const reply of client.request('rpcutil', 'ping', {}, {filter: {facts: ['country=mt']}})) console.log(reply.sender);
   */
  request(
    agent: string,
    action: string,
    data?: Readonly<Record<string, unknown>>,
    options?: RequestOptions,
  ): ReplyStream;
  /** One request as it is: no discovery, no check of inputs. */
  perform(options: PerformOptions, handlers?: RequestHandlers): Promise<RequestStatistics>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type {Filter, NodeReply};
