/** What this area needs to know of a request and of the node; the program's own types fit. */
import type {PolicyWarning} from './policy-text.ts';
import type {RegoFilter} from './rego/types.ts';

export interface AuthzRequest {
  readonly agent: string;
  readonly action: string;
  /** As proven by the protocol layer. */
  readonly callerId: string;
  readonly requestId: string;
  readonly senderId?: string;
  readonly collective?: string;
  readonly ttlSeconds?: number;
  readonly sentAtMs?: number;
  /** The inputs, whatever their type. */
  readonly rawData?: unknown;
  /** Of the caller's token, where it proved who calls; undefined for callers with certificates. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly filter?: RegoFilter;
}

export interface AuthzNode {
  /** JSON object text. */
  factsJson(): Promise<Uint8Array>;
  classes(): Promise<readonly string[]>;
  agents?(): readonly {readonly name: string}[];
  readonly provisioning?: boolean;
}

export interface AuthzVerdict {
  readonly allowed: boolean;
  /** For the log and for people, such as `Denying based on default policy in puppet.policy`. */
  readonly reason: string;
}

/** One line of a policy and what became of it, for `policy explain`. */
export interface PolicyStep {
  readonly line: number;
  readonly text: string;
  readonly outcome:
    | 'matched'
    | 'other caller'
    | 'other action'
    | 'facts or classes do not match'
    | 'ignored'
    | 'default'
    | 'error';
  readonly detail?: string;
}

export interface PolicyExplanation extends AuthzVerdict {
  readonly file: string | undefined;
  /** The line that decided: a rule, or the default that is in force. */
  readonly line: number | undefined;
  readonly steps: readonly PolicyStep[];
  /** What the file says and does not do. */
  readonly warnings: readonly PolicyWarning[];
}
