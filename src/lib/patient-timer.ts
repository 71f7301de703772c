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

/** A process that was late for so long does not wait any longer. */
const starvedMsTotal = 120_000;
const tickMs = 100;

/** For processes that hold thousands of servers: how late the whole process was so far, in ms. */
export interface Lateness {
  totalMs(): number;
  stop(): void;
}

/** Counts by how much a timer of a tenth of a second is late, over and over. */
export function watchLateness(clock: Clock): Lateness {
  let totalMs = 0;
  let dueMs = clock.monotonicMs() + tickMs;
  const behindMs = (): number => Math.max(0, clock.monotonicMs() - dueMs);
  const tick = (): void => {
    totalMs += behindMs();
    dueMs = clock.monotonicMs() + tickMs;
    timer = clock.setTimer(tick, tickMs, {background: true});
  };
  let timer = clock.setTimer(tick, tickMs, {background: true});
  return {totalMs: () => totalMs + behindMs(), stop: () => timer.cancel()};
}

/** As `setPatientTimer`, where somebody counts how late the process is: that time does not count. */
export function setStarvingTimer(
  clock: Clock,
  callback: () => void,
  {delayMs, lateness}: {readonly delayMs: number; readonly lateness: Lateness},
): TimerHandle {
  const startMs = clock.monotonicMs();
  const lateAtStartMs = lateness.totalMs();
  const fire = (): void => {
    const starvedMs = Math.min(lateness.totalMs() - lateAtStartMs, starvedMsTotal);
    const restMs = startMs + delayMs + starvedMs - clock.monotonicMs();
    if (restMs < 1) callback();
    else timer = clock.setTimer(fire, restMs);
  };
  let timer = clock.setTimer(fire, delayMs);
  return {cancel: () => timer.cancel()};
}

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
