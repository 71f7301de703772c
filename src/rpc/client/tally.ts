/**
 * Decides what each arriving reply counts as. One answer for each asked node; everything else is told apart, bounded and reported:
 * nobody can make a node look answered twice, or a stranger look asked (faults 33 and 74).
 *
 * Pure: bytes in, verdict out.
 */
import {createHash} from 'node:crypto';
import {clientLimits} from './limits.ts';
import type {OpenedReply, StrayReplies} from './types.ts';

export type Verdict = 'counted' | 'unexpected' | 'conflict' | 'duplicate' | 'misattributed' | 'foreign';

export interface TallyOptions {
  readonly requestId: string;
  readonly agent: string;
  /** Undefined: everybody may answer once (broadcast and service requests). */
  readonly targets: readonly string[] | undefined;
  /** The most answers that count when there are no targets. */
  readonly answersMax?: number;
}

export class ReplyTally {
  readonly #options: TallyOptions;
  readonly #outstanding: Set<string> | undefined;
  /** Fingerprint of the first answer by sender. */
  readonly #answered = new Map<string, string>();
  readonly #unexpected = new Set<string>();
  readonly #conflicts = new Set<string>();
  #duplicates = 0;
  #misattributed = 0;
  #foreign = 0;
  #invalid = 0;

  constructor(options: TallyOptions) {
    this.#options = options;
    this.#outstanding = options.targets === undefined ? undefined : new Set(options.targets);
  }

  get answeredCount(): number {
    return this.#answered.size;
  }

  isOutstanding(name: string): boolean {
    return this.#outstanding?.has(name) ?? false;
  }

  get outstandingCount(): number {
    return this.#outstanding?.size ?? 0;
  }

  /** @param isResent  its sender says that it sent this before */
  judge(opened: OpenedReply, isResent = false): Verdict {
    const {reply, transportSender} = opened;
    if (reply.requestId !== this.#options.requestId || reply.agent !== this.#options.agent) {
      this.#foreign++;
      return 'foreign';
    }
    if (transportSender !== undefined && transportSender !== reply.senderId) {
      this.#misattributed++;
      return 'misattributed';
    }
    const earlier = this.#answered.get(reply.senderId);
    if (earlier !== undefined) {
      const verdict = this.#judgeAgain(reply.senderId, earlier, reply.body);
      if (verdict === 'duplicate' && isResent) this.#duplicates--;
      return verdict;
    }
    if (this.#outstanding !== undefined && !this.#outstanding.delete(reply.senderId)) {
      addBounded(this.#unexpected, reply.senderId);
      return 'unexpected';
    }
    if (this.#answered.size >= (this.#options.answersMax ?? clientLimits.targetsMax)) {
      addBounded(this.#unexpected, reply.senderId);
      return 'unexpected';
    }
    this.#answered.set(reply.senderId, fingerprint(reply.body));
    return 'counted';
  }

  #judgeAgain(sender: string, earlier: string, body: Buffer): Verdict {
    if (earlier === fingerprint(body)) {
      this.#duplicates++;
      return 'duplicate';
    }
    addBounded(this.#conflicts, sender);
    return 'conflict';
  }

  invalid(): void {
    this.#invalid++;
  }

  noResponses(): readonly string[] {
    return this.#outstanding === undefined ? [] : [...this.#outstanding];
  }

  strays(): StrayReplies {
    return {
      unexpected: [...this.#unexpected],
      conflicts: [...this.#conflicts],
      duplicates: this.#duplicates,
      misattributed: this.#misattributed,
      foreign: this.#foreign,
      invalid: this.#invalid,
    };
  }
}

function addBounded(names: Set<string>, name: string): void {
  if (names.size < clientLimits.strayNamesMax) names.add(name);
}

/** Small bodies are their own fingerprint: hashing them would cost more than keeping them. */
function fingerprint(body: Buffer): string {
  return body.length <= 64 ? body.toString('latin1') : createHash('sha256').update(body).digest('base64');
}
