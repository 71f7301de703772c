/** What the parts of the pipeline share. */
import type {PublishOptions} from '../connect/index.ts';
import type {Revocations, SecurityProvider} from '../crypto/index.ts';
import type {Lateness} from '../lib/patient-timer.ts';
import type {Filter, ReplayGuard, Request, RequestCache, Transport, TransportCache} from '../protocol/index.ts';
import type {AgentRegistry, Auditor, Authorizer, NodeContext} from '../rpc/types.ts';
import type {SentReplies} from './sent-replies.ts';
import type {ServerCounters} from './statistics.ts';

/** Remembers what ran; `admitNow` resolves once that is on disk, and throws for what ran before. */
export type AdmissionGuard = Pick<ReplayGuard, 'admitNow' | 'close'>;

export interface PipelineOptions {
  readonly node: NodeContext;
  readonly provider: SecurityProvider;
  readonly registry: AgentRegistry;
  readonly counters: ServerCounters;
  readonly guard: AdmissionGuard;
  readonly matches: (filter: Filter, request: Request) => Promise<boolean> | boolean;
  readonly publish: (subject: string, payload: Buffer, options?: PublishOptions) => void;
  readonly requestCache?: RequestCache;
  /** Shared by the servers of a process: identical bytes are taken apart once. */
  readonly transportCache?: TransportCache;
  /** Given to agents with each call; what they mean together with the settings is the agent's to decide. */
  readonly authorizer?: Authorizer;
  readonly auditor?: Auditor;
  /** Where answers are remembered; shared with whoever sends them again. */
  readonly replies: SentReplies;
  readonly ttlCeilingSeconds: number;
  readonly agentConcurrency: number;
  /** How late the process is, where it holds many servers: agents are not blamed for it. */
  readonly lateness?: Lateness;
  /** Version 2 only. */
  readonly signReplies?: boolean;
  /** What was taken back: its requests are refused. */
  readonly revocations?: Revocations;
  /** Exact subjects outside of inboxes that requests may name for their replies. */
  readonly extraReplySubjects?: readonly string[];
}

export interface Opened {
  readonly transport: Transport;
  readonly request: Request;
  /** Whether the caller wants to know why there is no answer. */
  readonly wantsNotes: boolean;
  /** It was sent before: who ran it gives the answer once more. */
  readonly isAgain: boolean;
  /** Claims of the token that proved the caller. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** The text users search their logs for. */
export function expiredText(request: Request): string {
  const sentAt = new Date(request.sentAtMs);
  const shown = Number.isNaN(sentAt.getTime()) ? String(request.sentAtMs) : sentAt.toISOString();
  return `Message ${request.id} from ${request.callerId}@${request.senderId} for agent ${request.agent} created at ${shown} is too old, TTL is ${request.ttlSeconds}`;
}
