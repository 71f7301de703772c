/**
 * A timer for waiting on others that does not mistake its own process's starvation for their silence.
 *
 * A process that gets no processor time runs its timers first when it wakes, before it reads what arrived in the meantime. A timer that
 * fires late therefore waits on for as long as it was late, in small parts, so that everything that is there already is read first.
 */
import type {Clock, TimerHandle} from './platform.ts';

/** Timers of a healthy process are seldom this late. */
const lateMs = 50;
/** The longest single wait, and all of them together. */
const extraMsMax = 1_000;
const extraMsTotal = 10_000;

export function setPatientTimer(clock: Clock, callback: () => void, delayMs: number): TimerHandle {
  let dueMs = clock.monotonicMs() + delayMs;
  let leftMs = extraMsTotal;
  const fire = (): void => {
    const behindMs = clock.monotonicMs() - dueMs;
    const extraMs = Math.min(behindMs, extraMsMax, leftMs);
    if (behindMs < lateMs || extraMs <= 0) {
      callback();
      return;
    }
    leftMs -= extraMs;
    dueMs = clock.monotonicMs() + extraMs;
    timer = clock.setTimer(fire, extraMs);
  };
  let timer = clock.setTimer(fire, delayMs);
  return {cancel: () => timer.cancel()};
}
