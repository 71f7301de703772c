/** One file per method behind this one interface. */
import type {Filter} from '../protocol/types.ts';

export interface DiscoveryRequest {
  readonly filter: Filter;
  readonly collective: string;
  readonly timeoutMs: number;
  /** End 300 ms after the last answer instead of after the whole timeout. */
  readonly slidingWindow: boolean;
  readonly federations: readonly string[];
  /** `--do k=v`. */
  readonly options: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface DiscoveryResult {
  /** In the order found, each once. */
  readonly identities: readonly string[];
  /** True when it is known that nobody else could have answered. */
  readonly complete: boolean;
}

export interface DiscoveryMethod {
  /** `mc`, `choria`, `flatfile`, `inventory`, `external`. */
  readonly name: string;
  discover(request: DiscoveryRequest): Promise<DiscoveryResult>;
}
