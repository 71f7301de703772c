/** Lets a few pieces of work run at a time, a bounded number wait, and refuses the rest. */
import {AaaError} from './errors.ts';

export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

export function createGate(runningMax: number, waitingMax: number): Gate {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) {
        throw new AaaError('ERR_AAA_RATE', `Cannot log in: ${waiting.length} logins wait already`);
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      // Whoever waits takes over this place.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
