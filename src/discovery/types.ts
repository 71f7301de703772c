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
  /** False when nobody could say who listens, so that the time that was waited decided; methods that ask no nodes leave it out. */
  readonly isKnown?: boolean;
  /** True when answers were still coming as the time ended, and nobody could say how many more there are. */
  readonly isCutOff?: boolean;
  /** Connected nodes that neither answered nor said that they do not match. */
  readonly missing?: readonly MissingNode[];
  /** How many more of them have no name here: more listen than the broker can name. Absent where there are none. */
  readonly unnamedMissing?: number;
}

export interface MissingNode {
  readonly identity: string;
  /** One word, for programs. */
  readonly reason: string;
  /** For people, behind the name. */
  readonly words: string;
}

export interface DiscoveryMethod {
  /** `mc`, `choria`, `flatfile`, `inventory`, `external`. */
  readonly name: string;
  discover(request: DiscoveryRequest): Promise<DiscoveryResult>;
}
