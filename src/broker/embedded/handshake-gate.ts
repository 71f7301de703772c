/**
 * How many TLS handshakes are under way at once.
 *
 * When a fleet comes back all at once, shaking hands with everybody at the same time lets nobody through before the clients' patience ends, and all that work is
 * for nothing. So only some hands are shaken at a time; the newest of those who wait comes first, because it will stay longest, and who has waited too long is let go
 * before any work was done: it comes again.
 */
import type {Clock} from '../../lib/platform.ts';
import {engineLimits} from '../limits.ts';

interface Waiting {
  readonly sinceMs: number;
  readonly resolve: (mayGoOn: boolean) => void;
}

export class HandshakeGate {
  readonly #clock: Clock;
  /** The newest is the last. */
  #waiting: Waiting[] = [];
  #underWay = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when a handshake may begin; with false when that came too late, or too many wait. */
  enter(): Promise<boolean> {
    if (this.#underWay < engineLimits.handshakesMax) {
      this.#underWay += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      this.#waiting.push({sinceMs: this.#clock.monotonicMs(), resolve});
      if (this.#waiting.length > engineLimits.handshakesWaitingMax) this.#waiting.shift()?.resolve(false);
    });
  }

  /**
   * A handshake that began has ended, or has taken long enough to wait for its peer and not for us.
   *
   * @returns a function that frees the place once, however often it is called
   */
  place(): () => void {
    let isFree = false;
    const free = (): void => {
      if (isFree) return;
      isFree = true;
      timer.cancel();
      this.#underWay -= 1;
      this.#next();
    };
    // A peer that says nothing must not keep others out.
    const timer = this.#clock.setTimer(free, engineLimits.handshakePlaceMs, {background: true});
    return free;
  }

  #next(): void {
    const next = this.#waiting.pop();
    if (next === undefined) return;
    if (this.#clock.monotonicMs() - next.sinceMs > engineLimits.handshakeWaitMs) {
      // All others have waited longer still.
      next.resolve(false);
      for (const waiting of this.#waiting) waiting.resolve(false);
      this.#waiting = [];
      return;
    }
    this.#underWay += 1;
    next.resolve(true);
  }
}
