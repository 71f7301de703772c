/**
 * A clock that moves only when a test says so.
 *
 *     const clock = new FakeClock();
 *     clock.setTimer(() => fired.push('a'), 1000);
 *     await clock.advance(1000);
 *
 * Timers fire in the order of their due times; between two of them pending promises run, so that code which waits, works and waits again
 * sees the times it would see in life.
 */
import type {Clock, TimerHandle} from '../../src/lib/platform.ts';

interface Timer {
  readonly dueMs: number;
  readonly sequence: number;
  readonly callback: () => void;
}

/** A test that fires more timers than this in one step has a loop. */
const firedTimersMax = 100_000;

export class FakeClock implements Clock {
  #elapsedMs = 0;
  #wallMs: number;
  #sequence = 0;
  readonly #timers = new Set<Timer>();

  /** @param startMs wall clock at the start, in ms since 1970; default 2026-11-21T12:00:00Z */
  constructor(startMs = Date.UTC(2026, 10, 21, 12)) {
    this.#wallMs = startMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    const timer: Timer = {dueMs: this.#elapsedMs + Math.max(0, delayMs), sequence: this.#sequence++, callback};
    this.#timers.add(timer);
    return {cancel: () => void this.#timers.delete(timer)};
  }

  /** How many timers wait. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer; undefined when none waits. */
  get nextTimerInMs(): number | undefined {
    const next = this.#next();
    return next && next.dueMs - this.#elapsedMs;
  }

  /** Moves both clocks on and fires what falls due, promises running in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    for (let fired = 0; ; fired++) {
      await settle();
      const next = this.#next();
      if (!next || next.dueMs > endMs) break;
      if (fired >= firedTimersMax) throw new Error(`More than ${firedTimersMax} timers fired while advancing ${ms} ms`);
      this.#moveTo(next.dueMs);
      this.#timers.delete(next);
      next.callback();
    }
    this.#moveTo(endMs);
    await settle();
  }

  /** Changes the wall clock alone, as an administrator or NTP does. */
  setWallClock(nowMs: number): void {
    this.#wallMs = nowMs;
  }

  #moveTo(elapsedMs: number): void {
    this.#wallMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (!first || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.sequence < first.sequence)) {
        first = timer;
      }
    }
    return first;
  }
}

/** Lets pending promise chains run; a turn of the event loop includes everything that chains without a timer. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });
}
