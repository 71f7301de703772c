/** The reply subjects that a connection may publish to because it received a message with them (`allow_responses`). */
import {engineLimits} from '../limits.ts';

export class AllowedResponses {
  readonly #subjects = new Map<string, {left: number; readonly untilMs: number}>();

  allow(subject: string, rule: {readonly max: number; readonly expiresMs: number; readonly nowMs: number}): void {
    const subjects = this.#subjects;
    if (subjects.size >= engineLimits.responsesMax) {
      for (const [old, item] of subjects) if (item.untilMs < rule.nowMs) subjects.delete(old);
      const oldest = subjects.keys().next();
      if (subjects.size >= engineLimits.responsesMax && !oldest.done) subjects.delete(oldest.value);
    }
    subjects.set(subject, {left: rule.max, untilMs: rule.nowMs + rule.expiresMs});
  }

  /** Uses one up; false when there is none. */
  take(subject: string, nowMs: number): boolean {
    const item = this.#subjects.get(subject);
    if (item === undefined) return false;
    item.left -= 1;
    if (item.left <= 0 || item.untilMs < nowMs) this.#subjects.delete(subject);
    return item.untilMs >= nowMs;
  }
}
