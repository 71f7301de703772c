/**
 * Hands decisions to the thread that runs policies, one after the other, and ends a thread that takes too long. Edge file.
 *
 * The thread starts with the first decision and never keeps the process alive.
 */
import {createRequire} from 'node:module';
import {pathToFileURL} from 'node:url';
import {Worker} from 'node:worker_threads';
import {errorMessage} from '../../lib/errors.ts';
import type {Clock, TimerHandle} from '../../lib/platform.ts';
import {AuthzError} from '../errors.ts';
import {authzLimits} from '../limits.ts';
import type {RegoAnswer, RegoAsk, RegoEvaluation, RegoRunner, RegoWorkerData} from './types.ts';

export interface RegoRunnerOptions {
  readonly clock: Clock;
  /** Milliseconds for one decision. */
  readonly evaluateMs?: number;
  readonly pagesMax?: number;
}

export function createRegoRunner(options: RegoRunnerOptions): RegoRunner {
  return new Runner(options);
}

interface Waiting {
  readonly evaluation: RegoEvaluation;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

class Runner implements RegoRunner {
  readonly #options: RegoRunnerOptions;
  #queue: Waiting[] = [];
  #current: {readonly asked: Waiting; readonly id: number; readonly timer: TimerHandle} | undefined;
  #worker: Worker | undefined;
  #isReady = false;
  #known = new Set<string>();
  #nextId = 1;
  #idle: TimerHandle | undefined;
  #closed = false;

  constructor(options: RegoRunnerOptions) {
    this.#options = options;
  }

  evaluate(evaluation: RegoEvaluation): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(new AuthzError('ERR_REGO_FAILED', 'Cannot judge the request: the engine is closed'));
      else if (this.#queue.length >= authzLimits.evaluationsWaitingMax) {
        reject(
          new AuthzError('ERR_REGO_LIMIT', `Cannot judge the request: ${this.#queue.length} decisions wait already`),
        );
      } else {
        this.#queue.push({evaluation, resolve, reject});
        this.#next();
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#idle?.cancel();
    const worker = this.#drop();
    const error = new AuthzError('ERR_REGO_FAILED', 'Cannot judge the request: the engine is closed');
    for (const asked of this.#queue.splice(0)) asked.reject(error);
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const asked = this.#queue.shift();
    this.#idle?.cancel();
    if (asked === undefined) {
      this.#idle = this.#options.clock.setTimer(() => this.#rest(), authzLimits.engineIdleMs, {background: true});
      return;
    }
    const worker = this.#worker ?? this.#start();
    const limitMs = this.#options.evaluateMs ?? authzLimits.evaluateMs;
    const id = this.#nextId++;
    const waitMs = this.#isReady ? limitMs : limitMs + authzLimits.engineStartMs;
    const timer = this.#options.clock.setTimer(() => this.#fail(tooLong(limitMs)), waitMs);
    this.#current = {asked, id, timer};
    this.#ask(worker, {asked, id, withPolicy: !this.#known.has(asked.evaluation.policyId)});
  }

  #ask(worker: Worker, {asked, id, withPolicy}: {asked: Waiting; id: number; withPolicy: boolean}): void {
    const {wasm, ...rest} = asked.evaluation;
    this.#known.add(rest.policyId);
    worker.postMessage({id, ...rest, ...(withPolicy ? {wasm} : {})} satisfies RegoAsk, []);
  }

  #start(): Worker {
    const worker = startWorker({
      pagesMax: this.#options.pagesMax ?? authzLimits.wasmPagesMax,
      policiesMax: authzLimits.loadedPoliciesMax,
    });
    this.#worker = worker;
    this.#known = new Set();
    worker.unref();
    worker.on('message', (answer: RegoAnswer) => {
      if (worker === this.#worker) this.#take(worker, answer);
    });
    const fail = (reason: string): void => {
      if (worker !== this.#worker) return;
      this.#fail(new AuthzError('ERR_REGO_FAILED', `Cannot judge the request: the Rego engine ended: ${reason}`));
    };
    worker.on('error', (error) => fail(errorMessage(error)));
    worker.on('exit', (code) => fail(`code ${code}`));
    return worker;
  }

  #take(worker: Worker, answer: RegoAnswer): void {
    if (answer.id === 0) {
      this.#isReady = true;
      this.#limitAgain();
      return;
    }
    const current = this.#current;
    if (current === undefined || current.id !== answer.id) return;
    if (answer.wantsPolicy === true) {
      this.#ask(worker, {asked: current.asked, id: current.id, withPolicy: true});
      return;
    }
    current.timer.cancel();
    this.#current = undefined;
    if (answer.problem === undefined) {
      current.asked.resolve(answer.value === undefined ? undefined : (JSON.parse(answer.value) as unknown));
    } else {
      this.#known.delete(current.asked.evaluation.policyId);
      current.asked.reject(new AuthzError('ERR_REGO_FAILED', `Cannot judge the request: ${answer.problem}`));
    }
    this.#next();
  }

  /** The engine has started: from now on only the decision itself is on the clock. */
  #limitAgain(): void {
    const current = this.#current;
    if (current === undefined) return;
    current.timer.cancel();
    const limitMs = this.#options.evaluateMs ?? authzLimits.evaluateMs;
    this.#current = {...current, timer: this.#options.clock.setTimer(() => this.#fail(tooLong(limitMs)), limitMs)};
  }

  /** Denies what runs now and goes on with a new thread. */
  #fail(error: AuthzError): void {
    const current = this.#current;
    const worker = this.#drop();
    worker?.terminate().catch(() => 0);
    current?.asked.reject(error);
    this.#next();
  }

  /** Gives the memory back when nobody has asked for long. */
  #rest(): void {
    if (this.#current !== undefined) return;
    this.#drop()
      ?.terminate()
      .catch(() => 0);
  }

  #drop(): Worker | undefined {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isReady = false;
    const current = this.#current;
    current?.timer.cancel();
    this.#current = undefined;
    if (this.#closed)
      current?.asked.reject(new AuthzError('ERR_REGO_FAILED', 'Cannot judge the request: the engine is closed'));
    return worker;
  }
}

function tooLong(limitMs: number): AuthzError {
  return new AuthzError(
    'ERR_REGO_LIMIT',
    `Cannot judge the request: the Rego policy did not come to an end in ${limitMs} ms`,
  );
}

function startWorker(workerData: RegoWorkerData): Worker {
  const options = {workerData, resourceLimits: {maxOldGenerationSizeMb: authzLimits.engineHeapMegabytes}};
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./node-worker.js', import.meta.url), options);
  // From the sources, as the tests run: the thread needs a loader of its own before it can read them.
  const loader = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/cjs$/, 'mjs'),
  ).href;
  const source = new URL('./node-worker.ts', import.meta.url).href;
  const start = `import(${JSON.stringify(loader)}).then(({register}) => (register(), import(${JSON.stringify(source)})))`;
  return new Worker(start, {...options, eval: true});
}
