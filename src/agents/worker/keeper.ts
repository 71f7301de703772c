/**
 * Keeps one warm worker for an agent: starts it when it is needed, replaces it when it is old, stale or broken, and ends it when nobody
 * has called for a while, so that an idle node holds no processes.
 *
 * A worker that does not start is not tried again for a while; the caller does without it.
 */
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {Clock, TimerHandle} from '../../lib/platform.ts';
import {AgentsError} from '../errors.ts';
import {workerRestartDelayMaxMs, workerRestartDelayMs} from '../limits.ts';
import type {Frame} from './frames.ts';
import type {AgentWorker} from './process.ts';

export interface KeeperOptions {
  readonly agent: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly start: () => Promise<AgentWorker>;
  /** A worker that answered this many calls, or is this old, makes place for a new one. */
  readonly callsMax: number;
  readonly ageMsMax: number;
  /** 0 keeps it for ever. */
  readonly idleMs: number;
  /** While true the worker in use is not ended for its age or idleness: what it was started from is gone. */
  readonly isPinned?: () => boolean;
}

export type KeptAnswer =
  | {readonly kind: 'reply'; readonly frame: Frame}
  /** The action may have run; it must not be tried again. */
  | {readonly kind: 'failed'; readonly problem: string}
  /** Nothing has run. */
  | {readonly kind: 'unavailable'; readonly problem: string}
  | {readonly kind: 'over'};

export interface WorkerKeeper {
  call(fields: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<KeptAnswer>;
  /** The worker in use, if there is one. */
  readonly worker: AgentWorker | undefined;
  /** Puts a worker that is already started in use. */
  adopt(worker: AgentWorker): void;
  /** Lets the calls end, however long they take; a later call starts a worker again. */
  retire(): void;
  /** Ends everything now. */
  stop(): Promise<void>;
  /** Called once after `retire` or `stop`, when the last worker has ended. */
  onEnd(callback: () => void): void;
}

export function createWorkerKeeper(options: KeeperOptions): WorkerKeeper {
  return new Keeper(options);
}

/** The worker found files that changed since it was started; the one after it has read them. */
const staleAttemptsMax = 3;

class Keeper implements WorkerKeeper {
  readonly #options: KeeperOptions;
  /** Those in use and those that only end their calls. */
  readonly #all = new Set<AgentWorker>();
  #current: AgentWorker | undefined;
  #starting: Promise<AgentWorker> | undefined;
  #idle: TimerHandle | undefined;
  #failures = 0;
  #notBeforeMs = 0;
  #lastProblem = '';
  #stopped = false;
  #retired = false;
  #whenEnded: (() => void) | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  get worker(): AgentWorker | undefined {
    return this.#current;
  }

  adopt(worker: AgentWorker): void {
    this.#all.add(worker);
    this.#current = worker;
    void worker.ended.then(() => {
      this.#all.delete(worker);
      if (this.#current === worker) this.#current = undefined;
      if (this.#retired || this.#stopped) this.#tellEnd();
    });
    this.#watchIdle();
  }

  retire(): void {
    this.#retired = true;
    this.#idle?.cancel();
    if (this.#current !== undefined) this.#retire(this.#current);
    this.#tellEnd();
  }

  onEnd(callback: () => void): void {
    this.#whenEnded = callback;
  }

  #tellEnd(): void {
    if (this.#all.size === 0) this.#whenEnded?.();
  }

  async call(fields: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<KeptAnswer> {
    for (let attempt = 0; attempt < staleAttemptsMax; attempt++) {
      let worker: AgentWorker;
      try {
        worker = await this.#take(signal);
      } catch (error) {
        if (signal.aborted) return {kind: 'over'};
        return {kind: 'unavailable', problem: errorMessage(error)};
      }
      const answer = await this.#ask(worker, {fields, signal});
      if (answer !== 'again') return answer;
    }
    return {kind: 'unavailable', problem: 'its files change all the time'};
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#idle?.cancel();
    await Promise.all([...this.#all].map((worker) => worker.stop()));
    // One that is just starting ends as soon as it has.
    await this.#starting?.then((worker) => worker.stop()).catch(() => undefined);
  }

  async #ask(
    worker: AgentWorker,
    asked: {readonly fields: Readonly<Record<string, unknown>>; readonly signal: AbortSignal},
  ): Promise<KeptAnswer | 'again'> {
    this.#idle?.cancel();
    try {
      const frame = await worker.call(asked.fields, asked.signal);
      if (frame === 'over') return {kind: 'over'};
      if (frame.t === 'reply') return {kind: 'reply', frame};
      if (frame.t === 'stale') {
        this.#retire(worker);
        return 'again';
      }
      // Whatever made the call fail may be in the worker.
      this.#retire(worker);
      return {kind: 'failed', problem: typeof frame['problem'] === 'string' ? frame['problem'] : 'it failed'};
    } catch (error) {
      this.#retire(worker);
      return {kind: 'failed', problem: errorMessage(error)};
    } finally {
      this.#watchIdle();
    }
  }

  async #take(signal: AbortSignal): Promise<AgentWorker> {
    const {clock, callsMax, ageMsMax} = this.#options;
    const current = this.#current;
    if (current !== undefined) await untilAborted(current.responsive(), signal);
    if (current !== undefined && !current.hasEnded && current === this.#current) {
      const isSpent = current.callsStarted >= callsMax || clock.monotonicMs() - current.startedAtMs >= ageMsMax;
      if (!isSpent) return current;
      this.#retire(current);
    }
    const started = (this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    }));
    return untilAborted(started, signal);
  }

  async #start(): Promise<AgentWorker> {
    const {clock, start, agent, logger} = this.#options;
    if (this.#stopped) throw new AgentsError('ERR_AGENT_WORKER', 'the server stops');
    if (clock.monotonicMs() < this.#notBeforeMs) throw new AgentsError('ERR_AGENT_WORKER', this.#lastProblem);
    try {
      const worker = await start();
      this.#failures = 0;
      if (this.#stopped) {
        await worker.stop();
        throw new AgentsError('ERR_AGENT_WORKER', 'the server stops');
      }
      this.adopt(worker);
      logger.debug(`Started a worker of agent ${agent}: process ${worker.pid}`, {agent});
      return worker;
    } catch (error) {
      const delayMs = Math.min(workerRestartDelayMs * 2 ** this.#failures, workerRestartDelayMaxMs);
      this.#failures++;
      this.#notBeforeMs = clock.monotonicMs() + delayMs;
      this.#lastProblem = errorMessage(error);
      logger.warn(`${this.#lastProblem}; it is tried again in ${Math.round(delayMs / 1000)} s`, {agent});
      throw error;
    }
  }

  #retire(worker: AgentWorker): void {
    if (this.#current === worker) this.#current = undefined;
    worker.retire();
  }

  #watchIdle(): void {
    const {idleMs, clock} = this.#options;
    this.#idle?.cancel();
    const worker = this.#current;
    if (idleMs <= 0 || this.#stopped || worker === undefined || worker.callsRunning > 0) return;
    const end = (): void => {
      if (this.#options.isPinned?.() === true) this.#watchIdle();
      else this.#retire(worker);
    };
    this.#idle = clock.setTimer(end, idleMs, {background: true});
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, {once: true});
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
