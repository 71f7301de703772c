/**
 * Which of the nodes that a request waits for are gone for good: their connection ended after the request went to them, and they did not come back.
 *
 * Pure. A node that comes back within the grace may still give its answer, so being away counts only from look to look.
 */
import {clientLimits} from './limits.ts';

export class Vanished {
  /** Monotonic ms of the first of the looks in a row that did not find a node. */
  readonly #awaySinceMs = new Map<string, number>();

  /** Somebody is away, and only the next look can tell whether it stays so. */
  get isUndecided(): boolean {
    return this.#awaySinceMs.size > 0;
  }

  /** Nothing is known of the time until now: what was seen does not count any more. */
  forget(): void {
    this.#awaySinceMs.clear();
  }

  /**
   * One look at who is connected.
   *
   * @param away  those waited for that are not connected; whoever is not among them is back, or waited for no longer
   * @returns those that were away at an earlier look already, and for the whole grace since then
   */
  look(away: readonly string[], nowMs: number): readonly string[] {
    const before = new Map(this.#awaySinceMs);
    this.#awaySinceMs.clear();
    const gone: string[] = [];
    for (const identity of away) {
      const sinceMs = before.get(identity) ?? nowMs;
      if (nowMs - sinceMs >= clientLimits.lostGraceMs) gone.push(identity);
      else this.#awaySinceMs.set(identity, sinceMs);
    }
    return gone;
  }
}
