/** What a decision of a Rego policy needs and gives. */
import type {Filter} from '../../protocol/types.ts';

/** The filter of the request that is judged, for the `requires_` functions. */
export type RegoFilter = Pick<Filter, 'facts' | 'classes' | 'identities' | 'compounds'>;

export interface RegoEvaluation {
  /** Equal for equal policies. */
  readonly policyId: string;
  readonly wasm: Uint8Array;
  readonly entrypoint: string;
  /** JSON text of `input`. */
  readonly input: string;
  readonly nowMs: number;
  readonly filter?: RegoFilter;
}

/** Runs compiled policies within a bounded time and memory. */
export interface RegoRunner {
  /**
   * @returns the value of the document, or undefined when it has none
   * @throws {AuthzError} `ERR_REGO_FAILED` | `ERR_REGO_LIMIT`
   */
  evaluate(evaluation: RegoEvaluation): Promise<unknown>;
  close(): Promise<void>;
}

/** To the engine. The policy itself goes along the first time only. */
export interface RegoAsk {
  readonly id: number;
  readonly policyId: string;
  readonly wasm?: Uint8Array;
  readonly entrypoint: string;
  readonly input: string;
  readonly nowMs: number;
  readonly filter?: RegoFilter;
}

/** From the engine; the first one, with id 0, says that it is ready. */
export interface RegoAnswer {
  readonly id: number;
  /** JSON text of the value; absent when it is undefined. */
  readonly value?: string;
  readonly problem?: string;
  /** The engine has forgotten this policy and wants it again. */
  readonly wantsPolicy?: boolean;
}

/** What the engine is started with. */
export interface RegoWorkerData {
  readonly pagesMax: number;
  readonly policiesMax: number;
}
