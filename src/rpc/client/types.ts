/** What a request is, what comes back, and what the engine needs of the world. */
import type {Connection} from '../../connect/types.ts';
import type {Clock} from '../../lib/platform.ts';
import type {InterestAnswer, InterestQuery} from '../../protocol/index.ts';
import type {FederationHeader, Filter, Reply} from '../../protocol/types.ts';
import type {Shaken} from './shaken.ts';
import type {Silence} from './silence.ts';

/** A request ready for signing. */
export interface OutgoingRequest {
  readonly id: string;
  readonly agent: string;
  readonly collective: string;
  readonly filter: Filter;
  readonly ttlSeconds: number;
  readonly body: Buffer;
}

/** One signed request; several transports can be put around it. */
export interface SealedRequest {
  transport(options: {readonly replyTo: string; readonly federation?: FederationHeader}): Buffer;
}

/** A reply and the sender that the unsigned outer layer names. */
export interface OpenedReply {
  readonly reply: Reply;
  readonly transportSender: string | undefined;
}

/** The protocol as the request side uses it: ids, subjects, signing, opening. One per caller and connection. */
export interface Messenger {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly callerId: string;
  readonly mainCollective: string;
  /** Names of federation collectives; empty when the fleet is reached directly. */
  readonly federations: readonly string[];
  newRequestId(): string;
  replySubject(options: {readonly collective: string; readonly requestId: string}): string;
  nodeSubject(options: {readonly collective: string; readonly identity: string}): string;
  agentSubject(options: {readonly collective: string; readonly agent: string}): string;
  serviceSubject(options: {readonly collective: string; readonly agent: string}): string;
  /** Where the federation broker of a cluster takes requests. */
  federationSubject(cluster: string): string;
  seal(request: OutgoingRequest): Promise<SealedRequest>;
  /** Throws when the payload is not a reply, or claims what it cannot prove. */
  openReply(payload: Buffer): OpenedReply;
  /**
   * Asks the broker who listens, in the order of what is published on this connection; undefined when it does not say. Absent where
   * the question makes no sense, such as across a federation.
   */
  interest?(query: InterestQuery, options: {readonly timeoutMs: number}): Promise<InterestAnswer | undefined>;
  /** Whether brokers came and went a moment ago; absent where the broker does not say. */
  readonly shaken?: Shaken;
  /** The sender that the outer layer names, without opening what is inside; undefined when it is no transport message. */
  peekSender(payload: Buffer): string | undefined;
}

export type RequestKind = 'direct' | 'broadcast' | 'service';

/** One node's answer. */
export interface NodeReply {
  readonly sender: string;
  /** The action the node says it ran; the one asked for when it says nothing. */
  readonly action: string;
  /** 0 OK, 1 aborted, 2 unknown action, 3 missing data, 4 invalid data, 5 unknown error; 6-255 belong to agents. */
  readonly statusCode: number;
  readonly statusMessage: string;
  /** Outputs. Treat as foreign: any JSON value, any size up to the limit. */
  readonly data: unknown;
  readonly sentAtMs: number;
  /** Monotonic ms from the first publish to the arrival. */
  readonly arrivedAfterMs: number;
  /** The protocol message it came in. */
  readonly message: Reply;
}

/** Answers that are not one counted answer of an asked node (faults 33 and 74). */
export interface StrayReplies {
  /** From nodes that were not asked: names, each once. */
  readonly unexpected: readonly string[];
  /** A further answer in the name of a node that had answered, with another content than the first. */
  readonly conflicts: readonly string[];
  /** The same answer again. */
  readonly duplicates: number;
  /** The inner and the outer layer name different senders. */
  readonly misattributed: number;
  /** To another request or of another agent. */
  readonly foreign: number;
  /** Too large, or no reply at all. */
  readonly invalid: number;
}

export interface RequestStatistics {
  readonly requestId: string;
  readonly agent: string;
  readonly action: string;
  /** Asked and silent, in the order they were asked. */
  readonly noResponses: readonly string[];
  readonly unexpectedResponses: readonly string[];
  /** Who was asked, after limiting; for broadcast and service requests, whose reach nobody knows, empty. */
  readonly targets: readonly string[];
  /** How many these are; for broadcast and service requests the nodes that answered. */
  readonly discovered: number;
  readonly ok: number;
  readonly failed: number;
  readonly responses: number;
  readonly publishMs: number;
  /** Publishing, receiving and the sleeps between batches. */
  readonly requestMs: number;
  readonly discoverMs: number;
  /** Wall clock, ms since 1970. */
  readonly startedAtMs: number;
  readonly strays: StrayReplies;
  /** Why each of `noResponses` is silent, in the same order. */
  readonly silences: readonly Silence[];
  /** Whether the broker said who is connected: without that few reasons can be known, and silence is only known by waiting. */
  readonly knowsConnected: boolean;
  /** True when the caller ended it before the answers or the timeout did. */
  readonly interrupted: boolean;
}

export interface RequestOptions {
  readonly agent: string;
  readonly action: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly kind: RequestKind;
  /** Identities, for direct requests. */
  readonly targets: readonly string[];
  /** Sent along: for broadcast it chooses, for direct requests nodes test it again. The agent is in it. */
  readonly filter: Filter;
  readonly collective: string;
  readonly ttlSeconds: number;
  /** For each batch, from its publishing. */
  readonly timeoutMs: number;
  /** 0: no batches. */
  readonly batchSize?: number;
  readonly batchSleepMs?: number;
  /** A subject of the caller's own: nothing is received here. */
  readonly replyTo?: string | undefined;
  readonly discoverMs?: number;
  /** `plugin.choria.require_client_filter`. */
  readonly requireFilter?: boolean;
  /** Asked before each batch but the first: false sends no more, and the rest was not asked. */
  readonly mayContinue?: ((progress: BatchProgress) => boolean) | undefined;
  /** Knock at nodes that gave no sign, to tell blocked ones from other programs: takes up to half a second more. */
  readonly explain?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What came of the batches so far; their nodes that are not `ok` failed or were silent. */
export interface BatchProgress {
  readonly asked: number;
  readonly ok: number;
}

export interface RequestHandlers {
  /** Once for each node that answered, in order of arrival. */
  reply?(reply: NodeReply): void;
  /** After each publish of a batch, with the number of batches. */
  batch?(index: number, total: number): void;
  /** Words about what came and was not counted, for a log. Text from nodes is in JSON quotes. */
  notice?(text: string): void;
}
