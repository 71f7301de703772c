/**
 * Lets a few calls of an agent run at a time and the rest wait in order: a thousand callers must not start a thousand programs.
 */
import {AgentsError} from './errors.ts';

export interface Turns {
  /**
   * @throws {AgentsError} `ERR_AGENT_BUSY` when too many wait
   * @throws the signal's reason when it is aborted while waiting
   */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createTurns(options: {
  readonly name: string;
  readonly runningMax: number;
  readonly waitingMax: number;
}): Turns {
  const {name, runningMax, waitingMax} = options;
  const waiting: (() => void)[] = [];
  let running = 0;

  const enter = async (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (running < runningMax) {
      running++;
      return;
    }
    if (waiting.length >= waitingMax) {
      throw new AgentsError(
        'ERR_AGENT_BUSY',
        `Cannot call agent "${name}" now: ${running} calls run and ${waiting.length} wait, try again later`,
      );
    }
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        waiting.splice(waiting.indexOf(turn), 1);
        reject(signal.reason as Error);
      };
      waiting.push(turn);
      signal.addEventListener('abort', onAbort, {once: true});
    });
  };

  const leave = (): void => {
    // The place goes straight to the next one, so that nobody who comes later is served first.
    const next = waiting.shift();
    if (next) next();
    else running--;
  };

  return {
    run: async (work, signal) => {
      await enter(signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
