/**
 * What must hold whatever happens: told of everything that ran and of every request's end, it collects what was wrong.
 */
import type {Run} from './ledger.ts';

export interface Violation {
  readonly rule: string;
  readonly text: string;
}

/** What the caller of a request was told. */
export interface Outcome {
  readonly requestId: string;
  readonly task: string;
  readonly callerId: string;
  readonly asked: readonly string[];
  readonly answered: readonly {readonly node: string; readonly statusCode: number; readonly task: unknown}[];
  readonly silent: readonly string[];
}

const violationsKept = 50;

export class Checks {
  readonly violations: Violation[] = [];
  readonly #runs = new Map<string, number>();
  readonly #runsByNode = new Map<string, number>();
  readonly #allowed: (run: Run) => boolean;
  #total = 0;

  /** @param allowed  what the policy on every node allows, said here once more and independently of the policy code */
  constructor(allowed: (run: Run) => boolean) {
    this.#allowed = allowed;
  }

  get runs(): number {
    return this.#total;
  }

  runsOn(node: string): number {
    return this.#runsByNode.get(node) ?? 0;
  }

  ran(run: Run): void {
    this.#total += 1;
    this.#runsByNode.set(run.node, this.runsOn(run.node) + 1);
    const key = `${run.node}/${run.callerId}/${run.requestId}`;
    const times = (this.#runs.get(key) ?? 0) + 1;
    this.#runs.set(key, times);
    if (times > 1)
      this.#report('a request runs at most once on a node', `${run.requestId} ran ${times} times on ${run.node}`);
    if (!this.#allowed(run))
      this.#report('nothing runs that policy denies', `${run.callerId} ran ${run.action} on ${run.node}`);
    if (run.ageMs >= run.ttlSeconds * 1000) {
      this.#report(
        'nothing runs after its time',
        `${run.requestId} ran on ${run.node} ${run.ageMs} ms after it was made, it lives ${run.ttlSeconds} s`,
      );
    }
  }

  ended(outcome: Outcome): void {
    const {asked, answered, silent, requestId} = outcome;
    const names = answered.map((item) => item.node);
    if (new Set(names).size !== names.length)
      this.#report('one answer counts for each node', `${requestId} had two answers of a node`);
    const accounted = new Set([...names, ...silent]);
    const missing = asked.filter((node) => !accounted.has(node));
    if (missing.length > 0)
      this.#report('no silent short answer', `${requestId}: nothing is said of ${missing.join(', ')}`);
    const strangers = names.filter((node) => !asked.includes(node));
    if (strangers.length > 0)
      this.#report(
        'every answer goes to who asked',
        `${requestId} was answered by ${strangers.join(', ')}, who were not asked`,
      );
    for (const item of answered) {
      if (item.statusCode === 0 && item.task !== outcome.task) {
        this.#report(
          'every answer is to its own request',
          `${requestId} of task ${outcome.task} was answered with ${String(item.task)} by ${item.node}`,
        );
      }
      if (item.statusCode === 0 && !this.#runs.has(`${item.node}/${outcome.callerId}/${requestId}`)) {
        this.#report('an answer means that it ran', `${item.node} answered ${requestId} without having run it`);
      }
    }
  }

  hold(condition: boolean, violation: Violation): void {
    if (!condition) this.#report(violation.rule, violation.text);
  }

  #report(rule: string, text: string): void {
    if (this.violations.length < violationsKept) this.violations.push({rule, text});
  }
}
