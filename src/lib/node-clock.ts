/** The real clock. Edge file. */
import {timerDelayMsMax} from './limits.ts';
import type {Clock, TimerHandle} from './platform.ts';

export function createNodeClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    setTimer,
  };
}

function setTimer(callback: () => void, delayMs: number, options: {readonly background?: boolean} = {}): TimerHandle {
  const dueMs = performance.now() + delayMs;
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const restMs = Math.max(0, dueMs - performance.now());
    // The system's timers hold 24 days at most; longer waits are taken in stages.
    timer = restMs > timerDelayMsMax ? setTimeout(arm, timerDelayMsMax) : setTimeout(callback, restMs);
    if (options.background === true) timer.unref();
  };
  arm();
  return {cancel: () => clearTimeout(timer)};
}
