/**
 * Reads a file for everybody who asks at the same time: a process that holds thousands of servers would open the same policy thousands of times for one request.
 *
 * Nobody is given bytes that were read before he asked, so a change still counts for the next request: who comes while a read is under way waits for the next
 * one, which is again one for all who wait.
 */
export type SharedRead<T> = (path: string) => Promise<T>;

export function createSharedRead<T>(read: (path: string) => Promise<T>): SharedRead<T> {
  const running = new Map<string, Promise<unknown>>();
  const next = new Map<string, Promise<T>>();
  const start = (path: string): Promise<T> => {
    const work = read(path);
    const done = (): void => void running.delete(path);
    running.set(path, work.then(done, done));
    return work;
  };
  return (path) => {
    const current = running.get(path);
    if (current === undefined) return start(path);
    const waiting = next.get(path);
    if (waiting !== undefined) return waiting;
    const following = current.then(() => {
      next.delete(path);
      return start(path);
    });
    next.set(path, following);
    return following;
  };
}
