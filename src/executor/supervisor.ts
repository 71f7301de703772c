/**
 * Runs one job to its end, in a process of its own: keeps its output and how it ended in the job's directory, and tells the stream of
 * the executor through the submission spool (streams.md 6).
 *
 * Unlike the reference a command that cannot be started leaves an `exit`, output is bounded, and the directory is complete before
 * anything is published.
 */
import {join} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import type {AppendHandle, Platform, ProcessResult, RunningProcess, TimerHandle} from '../lib/platform.ts';
import {ExecutorError} from './errors.ts';
import {encodeJobSpec} from './job.ts';
import {jobFiles, jobIdPattern, readJobSpec} from './job-store.ts';
import {executorLimits} from './limits.ts';
import {createOutputPublisher, type OutputPublisher} from './output.ts';
import {processStart} from './process-start.ts';
import type {JobSpec} from './types.ts';

/** Hands a message to the submission spool, reliably. */
export type SubmitEvent = (message: {readonly subject: string; readonly payload: Buffer}) => Promise<unknown>;

export interface SupervisorOptions {
  readonly platform: Pick<Platform, 'files' | 'clock' | 'processes' | 'env'>;
  readonly logger: Logger;
  readonly spool: string;
  readonly id: string;
  /** 0: none. */
  readonly heartbeatMs: number;
  readonly trackOutput: boolean;
  readonly submit: SubmitEvent;
  /** Ends the command, politely first. */
  readonly signal?: AbortSignal;
}

export interface JobExit {
  readonly code: number;
  readonly error: string;
}

/** @throws {ExecutorError} `ERR_EXECUTOR_JOB` when there is no such job or it ran already */
export async function superviseJob(options: SupervisorOptions): Promise<JobExit> {
  const {spool, id, platform} = options;
  if (!jobIdPattern.test(id)) throw new ExecutorError('ERR_EXECUTOR_JOB', 'specification not found');
  const spec = await readJobSpec(platform.files, {spool, id});
  if (spec.startedMs !== undefined) throw new ExecutorError('ERR_EXECUTOR_JOB', 'already started');
  return new Supervisor(options, spec).run();
}

class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #directory: string;
  #spec: JobSpec;

  constructor(options: SupervisorOptions, spec: JobSpec) {
    this.#options = options;
    this.#directory = join(options.spool, options.id);
    this.#spec = spec;
  }

  async run(): Promise<JobExit> {
    const {platform, logger, heartbeatMs, id} = this.#options;
    this.#spec = {...this.#spec, startedMs: platform.clock.nowMs(), heartbeatMs};
    await this.#publish('spec', Buffer.from(await this.#saveSpec(), 'utf8'));
    logger.info(`Starting ${this.#spec.command} for ${this.#spec.caller} as job ${id}`);
    const outputs = await this.#openOutputs();
    let exit: JobExit;
    try {
      const running = await this.#start(outputs);
      exit = exitOf(await this.#watch(running));
    } catch (error) {
      exit = {code: -1, error: errorMessage(error)};
    }
    await Promise.all(outputs.map((output) => output.finish()));
    this.#spec = {...this.#spec, terminatedMs: platform.clock.nowMs()};
    await this.#saveSpec();
    const text = JSON.stringify(exit);
    await platform.files.writeAtomic(join(this.#directory, jobFiles.exit), text, {mode: 0o600});
    await this.#publish('exit', Buffer.from(text, 'utf8'));
    logger.info(`Job ${id} ended with ${exit.code}${exit.error === '' ? '' : `: ${exit.error}`}`);
    return exit;
  }

  async #saveSpec(): Promise<string> {
    const text = encodeJobSpec(this.#spec, this.#directory);
    await this.#options.platform.files.writeAtomic(join(this.#directory, jobFiles.spec), text, {mode: 0o600});
    return text;
  }

  async #openOutputs(): Promise<readonly [Output, Output]> {
    const {platform, trackOutput, logger} = this.#options;
    const publisher = trackOutput
      ? createOutputPublisher({
          clock: platform.clock,
          publish: (stream, payload) => this.#publish(`out.${stream}`, payload),
        })
      : undefined;
    const open = async (stream: 'stdout' | 'stderr'): Promise<Output> =>
      new Output(await platform.files.openAppend(join(this.#directory, jobFiles[stream]), {mode: 0o600}), {
        stream,
        publisher,
        logger,
      });
    return [await open('stdout'), await open('stderr')];
  }

  async #start([stdout, stderr]: readonly [Output, Output]): Promise<RunningProcess> {
    const {platform, signal} = this.#options;
    const {command, args, environment} = this.#spec;
    const running = await platform.processes.start({
      command,
      args,
      env: {PATH: platform.env['PATH'] ?? '', ...environment},
      cwd: '/',
      outputBytesMax: 0,
      onOutput: (chunk) => stdout.take(chunk),
      onErrorOutput: (chunk) => stderr.take(chunk),
      ...(signal === undefined ? {} : {signal}),
    });
    const started = await processStart(platform.files, running.pid);
    const write = (name: string, text: string): Promise<void> =>
      platform.files.writeAtomic(join(this.#directory, name), text, {mode: 0o600});
    if (started !== undefined) await write(jobFiles.processStart, started);
    await write(jobFiles.pid, String(running.pid));
    await this.#publish('pid', Buffer.from(String(running.pid), 'utf8'));
    return running;
  }

  async #watch(running: RunningProcess): Promise<ProcessResult> {
    const {platform, heartbeatMs} = this.#options;
    let timer: TimerHandle | undefined;
    const beat = (): void => {
      timer = platform.clock.setTimer(() => {
        void this.#publish('hb', Buffer.from('true', 'utf8'));
        beat();
      }, heartbeatMs);
    };
    if (heartbeatMs > 0) beat();
    try {
      return await running.exited;
    } finally {
      timer?.cancel();
    }
  }

  /** A spool that is full must not end a job; what is on disk is the truth. */
  async #publish(kind: string, payload: Buffer): Promise<void> {
    const {submit, logger, id} = this.#options;
    try {
      await submit({subject: `choria.executor.${this.#spec.requestId}.${id}.${kind}`, payload});
    } catch (error) {
      logger.error(`Could not tell of job ${id} (${kind}): ${errorMessage(error)}`);
    }
  }
}

/** One output on disk: whole up to its bound, then no more, and it says so. */
class Output {
  readonly #file: AppendHandle;
  readonly #options: {
    readonly stream: 'stdout' | 'stderr';
    readonly publisher: OutputPublisher | undefined;
    readonly logger: Logger;
  };
  #restBytes: number = executorLimits.outputBytesMax;
  #droppedBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    file: AppendHandle,
    options: {
      readonly stream: 'stdout' | 'stderr';
      readonly publisher: OutputPublisher | undefined;
      readonly logger: Logger;
    },
  ) {
    this.#file = file;
    this.#options = options;
  }

  take(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#restBytes);
    this.#restBytes -= kept.length;
    this.#droppedBytes += chunk.length - kept.length;
    if (kept.length === 0) return;
    this.#options.publisher?.take(this.#options.stream, kept);
    this.#append(Buffer.from(kept));
  }

  async finish(): Promise<void> {
    if (this.#droppedBytes > 0) {
      this.#append(Buffer.from(`\n[${this.#droppedBytes} bytes more are not kept]\n`, 'utf8'));
    }
    await this.#options.publisher?.finish();
    await this.#writing;
    await this.#file.close();
  }

  #append(data: Buffer): void {
    this.#writing = this.#writing
      .then(() => this.#file.append(data))
      .catch((error: unknown) => {
        if (this.#restBytes > 0)
          this.#options.logger.error(`Could not keep ${this.#options.stream}: ${errorMessage(error)}`);
        this.#restBytes = 0;
      });
  }
}

function exitOf(result: ProcessResult): JobExit {
  if (result.exitCode !== null) return {code: result.exitCode, error: ''};
  return {code: -1, error: 'process killed'};
}
