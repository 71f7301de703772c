/**
 * A bounded queue that serves its owners in turn.
 *
 * Jobs of one owner keep their order; owners take turns, so a flood by one caller delays that caller and nobody else (fault 73).
 * What does not fit is refused at the door: never dropped later.
 */

/** A job that has nothing to wait for is over when it returns. */
export type Job = () => Promise<void> | void;

export interface FairQueueOptions {
  readonly concurrency: number;
  readonly waitingMax: number;
  readonly waitingPerOwnerMax?: number;
}

export interface FairQueue {
  readonly waiting: number;
  readonly running: number;
  /** False when there is no room: the caller of this says so to whoever asked. */
  offer(owner: string, job: Job): boolean;
  /** Refuses new jobs and forgets those that wait; gives how many those were. */
  close(): number;
  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void>;
}

/**
 * @param options.failed  told what a job threw; jobs are expected to handle their own failures
 */
export function createFairQueue(options: FairQueueOptions & {readonly failed: (error: unknown) => void}): FairQueue {
  const {concurrency, waitingMax, waitingPerOwnerMax = waitingMax} = options;
  // Insertion order is the order of turns: an owner that was served goes to the end.
  const owners = new Map<string, Job[]>();
  let waiting = 0;
  let running = 0;
  let closed = false;
  let idleWaiters: (() => void)[] = [];

  const settleIdle = (): void => {
    if (running > 0 || waiting > 0) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const resolve of waiters) resolve();
  };

  const takeNext = (): Job | undefined => {
    for (const [owner, jobs] of owners) {
      const job = jobs.shift();
      owners.delete(owner);
      if (jobs.length > 0) owners.set(owner, jobs);
      if (job === undefined) continue;
      waiting--;
      return job;
    }
    return undefined;
  };

  const run = (job: Job): void => {
    running++;
    let work: Promise<void> | void = undefined;
    try {
      work = job();
    } catch (error) {
      options.failed(error);
    }
    if (work === undefined) {
      running--;
      return;
    }
    void work.catch(options.failed).then(() => {
      running--;
      fill();
      settleIdle();
    });
  };

  const isFree = (): boolean => running < concurrency;

  const fill = (): void => {
    while (isFree()) {
      const job = takeNext();
      if (job === undefined) return;
      run(job);
    }
  };

  return {
    get waiting() {
      return waiting;
    },
    get running() {
      return running;
    },
    offer(owner, job) {
      if (closed) return false;
      if (isFree() && waiting === 0) {
        run(job);
        return true;
      }
      const jobs = owners.get(owner) ?? [];
      if (waiting >= waitingMax || jobs.length >= waitingPerOwnerMax) return false;
      jobs.push(job);
      owners.set(owner, jobs);
      waiting++;
      return true;
    },
    close() {
      closed = true;
      const forgotten = waiting;
      owners.clear();
      waiting = 0;
      settleIdle();
      return forgotten;
    },
    idle() {
      if (running === 0 && waiting === 0) return Promise.resolve();
      return new Promise((resolve) => idleWaiters.push(resolve));
    },
  };
}
