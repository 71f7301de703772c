/**
 * Lets some connections of a process be made at a time, for processes that hold thousands: when all of them come back at once none gets through its handshake before
 * a broker's patience ends, and all come again, for ever. Machines of their own need no such thing.
 */
export interface ConnectTurns {
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createConnectTurns(atOnceMax: number): ConnectTurns {
  const waiting: (() => void)[] = [];
  let running = 0;
  const enter = async (): Promise<void> => {
    if (running < atOnceMax) running++;
    // Whoever leaves hands its place on, so the number stays as it is.
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };
  return {
    run: async (work) => {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
