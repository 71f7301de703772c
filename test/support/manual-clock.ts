/** A clock that only moves when told to. */
import type {Clock} from '../../src/lib/platform.ts';

export interface ManualClock extends Clock {
  /** Runs every timer that falls due, in order, letting promises settle in between. */
  advance(ms: number): Promise<void>;
  readonly pendingTimers: number;
}

export function createManualClock(startMs = 1_795_232_270_000): ManualClock {
  let nowMs = 0;
  let sequence = 0;
  const timers = new Map<number, {readonly dueMs: number; readonly callback: () => void}>();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return {
    nowMs: () => startMs + nowMs,
    monotonicMs: () => nowMs,
    setTimer(callback, delayMs) {
      const id = sequence++;
      timers.set(id, {dueMs: nowMs + delayMs, callback});
      return {cancel: () => void timers.delete(id)};
    },
    get pendingTimers() {
      return timers.size;
    },
    async advance(ms) {
      const endMs = nowMs + ms;
      await settle();
      for (;;) {
        const next = [...timers].filter(([, timer]) => timer.dueMs <= endMs).sort((a, b) => a[1].dueMs - b[1].dueMs)[0];
        if (next === undefined) break;
        timers.delete(next[0]);
        nowMs = Math.max(nowMs, next[1].dueMs);
        next[1].callback();
        await settle();
      }
      nowMs = endMs;
    },
  };
}
