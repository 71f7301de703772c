/**
 * One long-lived process that holds a loaded agent and answers calls through frames.
 *
 * It has a process group of its own, its printed lines go to the log, and whatever it does wrong ends it and the calls in it, never
 * the server.
 */
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {Files, Platform, RunningProcess, TimerHandle} from '../../lib/platform.ts';
import {AgentsError} from '../errors.ts';
import {loggedLinesMax, workerMemoryLookMs, workerStopGraceMs} from '../limits.ts';
import {createFrameReader, encodeFrame, type Frame} from './frames.ts';

export interface WorkerOptions {
  readonly agent: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly platform: Pick<Platform, 'clock' | 'files' | 'processes'>;
  readonly logger: Logger;
  /** One frame of the worker. */
  readonly frameBytesMax: number;
  readonly startTimeoutMs: number;
  /** After a call was cancelled, how long it may take to end before the process is. */
  readonly cancelGraceMs: number;
  /** One thread runs all calls: while it does not react to a cancelled one it gets no further ones. */
  readonly isSingleThread?: boolean;
  /** Looked at while calls run; a process that uses more is ended. Left out, nobody looks. */
  readonly memoryBytesMax?: number;
  /** Sent before anything else. */
  readonly greeting?: Frame;
  /** Frames that are neither about the start nor about a call, such as questions. */
  readonly onFrame?: (frame: Frame, worker: {send(frame: Frame): void}) => void;
}

/** How a call ended: the worker's own frame, or that its time was over. */
export type WorkerAnswer = Frame | 'over';

export interface AgentWorker {
  readonly pid: number;
  /** What the worker said of itself when it was ready. */
  readonly ready: Frame;
  readonly startedAtMs: number;
  readonly callsRunning: number;
  readonly callsStarted: number;
  readonly hasEnded: boolean;
  /** Resolves when the process has ended, with the reason. */
  readonly ended: Promise<string>;
  /**
   * @param frame what is asked; gets its id here
   * @throws {AgentsError} `ERR_AGENT_WORKER` when the worker ends before it answers
   */
  call(frame: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<WorkerAnswer>;
  send(frame: Frame): void;
  /** Resolves when the worker can be given a call, or has ended. */
  responsive(): Promise<void>;
  /** Lets the running calls end, then stops. */
  retire(): void;
  /** Ends it now, politely for a moment. */
  stop(): Promise<void>;
}

/** @throws {AgentsError} `ERR_AGENT_WORKER` when it cannot be started or says that it cannot work */
export async function startWorker(options: WorkerOptions): Promise<AgentWorker> {
  const worker = new Worker(options);
  try {
    await worker.start();
    return worker;
  } catch (error) {
    worker.kill();
    throw error;
  }
}

/** 0 where it cannot be known: on other systems than Linux, or when the process is gone. */
async function residentBytes(files: Files, pid: number): Promise<number> {
  try {
    const text = (await files.read(`/proc/${pid}/statm`, {limitBytes: 4096})).toString('latin1');
    return Number(text.split(' ')[1] ?? 0) * 4096;
  } catch (error) {
    const code = (error as {code?: unknown}).code;
    if (typeof code === 'string') return 0;
    throw error;
  }
}

interface PendingCall {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (error: Error) => void;
}

function workerError(message: string, cause?: unknown): AgentsError {
  return new AgentsError('ERR_AGENT_WORKER', message, cause === undefined ? {} : {cause});
}

class Worker implements AgentWorker {
  readonly startedAtMs: number;
  ready: Frame = {t: 'ready'};
  callsStarted = 0;
  hasEnded = false;
  readonly ended: Promise<string>;
  readonly #options: WorkerOptions;
  readonly #calls = new Map<number, PendingCall>();
  readonly #lifetime = new AbortController();
  #process: RunningProcess | undefined;
  #settleEnd: (reason: string) => void = () => undefined;
  #settleStart: {readonly resolve: () => void; readonly reject: (error: Error) => void} | undefined;
  #problem: string | undefined;
  #lines = 0;
  readonly #cancelled = new Set<Promise<WorkerAnswer>>();
  #memoryTimer: TimerHandle | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.startedAtMs = options.platform.clock.monotonicMs();
    this.ended = new Promise((resolve) => {
      this.#settleEnd = resolve;
    });
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  get callsRunning(): number {
    return this.#calls.size;
  }

  async start(): Promise<void> {
    const {command, args, env, cwd, platform, frameBytesMax, startTimeoutMs, greeting} = this.#options;
    const frames = createFrameReader(frameBytesMax);
    const started = new Promise<void>((resolve, reject) => {
      this.#settleStart = {resolve, reject};
    });
    // Its failure is told below; until then nobody may be listening.
    started.catch(() => undefined);
    try {
      this.#process = await platform.processes.start({
        command,
        args,
        env,
        cwd,
        opensInput: true,
        outputBytesMax: 0,
        signal: this.#lifetime.signal,
        onOutput: (chunk) => this.#take(() => frames.push(chunk)),
        onLine: (_stream, line) => this.#log(line),
      });
    } catch (error) {
      this.#end(errorMessage(error));
      throw workerError(`Cannot start the worker of agent ${this.#options.agent}: ${errorMessage(error)}`, error);
    }
    void this.#process.exited.then(({exitCode, signalName}) =>
      this.#end(signalName === null ? `exit status ${exitCode ?? -1}` : `signal ${signalName}`),
    );
    if (greeting !== undefined) this.send(greeting);
    const timer = platform.clock.setTimer(
      () => this.#fail(`it was not ready after ${startTimeoutMs} ms`),
      startTimeoutMs,
    );
    try {
      await started;
    } finally {
      timer.cancel();
      this.#settleStart = undefined;
    }
  }

  async call(fields: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<WorkerAnswer> {
    signal.throwIfAborted();
    if (this.hasEnded) throw workerError(`the worker has ended: ${this.#problem ?? 'it was stopped'}`);
    const id = ++this.callsStarted;
    this.#lines = 0;
    const answered = new Promise<WorkerAnswer>((resolve, reject) => {
      this.#calls.set(id, {resolve, reject});
    });
    const {platform, cancelGraceMs, isSingleThread} = this.#options;
    let timer: TimerHandle | undefined;
    const onAbort = (): void => {
      this.send({t: 'cancel', id});
      if (isSingleThread === true) this.#cancelled.add(answered);
      timer = platform.clock.setTimer(
        () => this.#fail(`a call did not end ${cancelGraceMs} ms after its time was over`),
        cancelGraceMs,
      );
    };
    signal.addEventListener('abort', onAbort, {once: true});
    this.#watchMemory();
    try {
      this.send({...fields, t: 'call', id});
      const answer = await answered;
      return signal.aborted ? 'over' : answer;
    } catch (error) {
      if (signal.aborted) return 'over';
      throw error;
    } finally {
      timer?.cancel();
      signal.removeEventListener('abort', onAbort);
      this.#calls.delete(id);
      this.#cancelled.delete(answered);
    }
  }

  async responsive(): Promise<void> {
    await Promise.allSettled(this.#cancelled);
  }

  send(frame: Frame): void {
    if (!this.hasEnded) this.#process?.write?.(encodeFrame(frame));
  }

  retire(): void {
    this.send({t: 'stop'});
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return;
    this.retire();
    // What still runs is told by its own signal; the rest ends by itself within this time.
    const timer = this.#options.platform.clock.setTimer(() => this.kill(), workerStopGraceMs);
    await this.ended;
    timer.cancel();
  }

  kill(): void {
    this.#lifetime.abort(new Error('the worker is ended'));
  }

  #take(read: () => readonly Frame[]): void {
    if (this.hasEnded || this.#problem !== undefined) return;
    try {
      for (const frame of read()) this.#handle(frame);
    } catch (error) {
      this.#fail(errorMessage(error));
    }
  }

  #handle(frame: Frame): void {
    if (frame.t === 'ready' && this.#settleStart !== undefined) {
      this.ready = frame;
      this.#settleStart.resolve();
    } else if (frame.t === 'problem') {
      this.#fail(typeof frame['message'] === 'string' ? frame['message'] : 'it cannot work');
    } else if (frame.t === 'reply' || frame.t === 'failed' || frame.t === 'stale') {
      const id = frame['id'];
      // Answers to calls that nobody waits for any more are dropped.
      if (typeof id === 'number') this.#calls.get(id)?.resolve(frame);
    } else {
      this.#options.onFrame?.(frame, this);
    }
  }

  /** A look every few seconds, only while calls run: an idle worker wakes nobody. */
  #watchMemory(): void {
    const {memoryBytesMax, platform} = this.#options;
    if (memoryBytesMax === undefined || this.#memoryTimer !== undefined) return;
    const look = async (): Promise<void> => {
      this.#memoryTimer = undefined;
      if (this.hasEnded) return;
      const usedBytes = await residentBytes(platform.files, this.pid);
      if (usedBytes > memoryBytesMax) {
        this.#fail(`it used more than ${Math.floor(memoryBytesMax / 1024 / 1024)} MiB of memory`);
      } else if (this.#calls.size > 0) this.#watchMemory();
    };
    this.#memoryTimer = platform.clock.setTimer(() => void look(), workerMemoryLookMs, {background: true});
  }

  /** Ends a worker that cannot be used any longer. */
  #fail(problem: string): void {
    this.#problem ??= problem;
    this.#settleStart?.reject(workerError(`Cannot start the worker of agent ${this.#options.agent}: ${this.#problem}`));
    this.kill();
    this.#process?.signal('SIGKILL');
  }

  #end(how: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const problem = this.#problem ?? how;
    this.#settleStart?.reject(
      workerError(`Cannot start the worker of agent ${this.#options.agent}: it ended with ${problem}`),
    );
    for (const call of this.#calls.values()) call.reject(workerError(`the process of the agent ended: ${problem}`));
    this.#settleEnd(problem);
  }

  #log(line: string): void {
    const {agent, logger} = this.#options;
    this.#lines++;
    if (this.#lines > loggedLinesMax) return;
    logger.error(line, {agent});
    if (this.#lines === loggedLinesMax)
      logger.warn(`Agent ${agent} wrote ${this.#lines} lines: further ones are left out`, {agent});
  }
}
