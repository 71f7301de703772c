/**
 * A new job: its directory and what is to be run. Agents make jobs with `startJob`; the supervisor, a process of its own, runs them, so
 * that they outlive the server that was asked.
 */
import {join} from 'node:path';
import type {Config} from '../config/types.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Platform} from '../lib/platform.ts';
import {ExecutorError} from './errors.ts';
import {jobFiles, jobIdPattern} from './job-store.ts';
import {executorLimits} from './limits.ts';
import type {JobSpec, NewJob} from './types.ts';

/** The request for which a job runs; a {@link RpcRequest} fits. */
export interface JobRequest {
  readonly callerId: string;
  readonly requestId: string;
  readonly agent: string;
  readonly action: string;
}

/** Where a job runs; a {@link NodeContext} fits. */
export interface JobNode {
  readonly identity: string;
  readonly config: Config;
  readonly platform: Pick<Platform, 'files' | 'clock' | 'random' | 'processes' | 'host' | 'env'>;
}

const never = '0001-01-01T00:00:00Z';

/** Keys in the order of the reference; times are RFC 3339, the heartbeat nanoseconds. */
export function encodeJobSpec(spec: JobSpec, directory: string): string {
  const time = (ms: number | undefined): string => (ms === undefined ? never : new Date(ms).toISOString());
  const hasStarted = spec.startedMs !== undefined;
  const file = (name: string): string => (hasStarted ? join(directory, name) : '');
  return JSON.stringify({
    action: spec.action,
    agent: spec.agent,
    args: spec.args,
    caller: spec.caller,
    created: time(spec.createdMs),
    command: spec.command,
    environment: spec.environment,
    heartbeat: (spec.heartbeatMs ?? 0) * 1_000_000,
    id: spec.id,
    identity: spec.identity,
    pid: file(jobFiles.pid),
    requestid: spec.requestId,
    start: time(spec.startedMs),
    stderr: file(jobFiles.stderr),
    stdout: file(jobFiles.stdout),
    terminate: time(spec.terminatedMs),
  });
}

/**
 * Makes a job and starts its supervisor. The caller of the request may read and signal it with the agent `executor`.
 *
 * @returns its id
 * @throws {ExecutorError} `ERR_EXECUTOR_START`
 * @example
 * const id = await startJob({node, request, job: {command: '/usr/bin/apt-get', args: ['-y', 'upgrade']}});
 */
export async function startJob(options: {
  readonly node: JobNode;
  readonly request: JobRequest;
  readonly job: NewJob;
}): Promise<string> {
  const {node, job} = options;
  const {config, platform} = node;
  const {processes} = platform;
  if (config.path === undefined || processes.detach === undefined) {
    throw failed('this program was not started from a configuration file, which the supervisor needs');
  }
  if (!config.get('plugin.choria.executor.enabled')) throw failed('plugin.choria.executor.enabled is off');
  const id = await createJob(options);
  const heartbeatMs = job.heartbeatMs ?? executorLimits.heartbeatMs;
  const {command, args} = platform.host.self;
  try {
    await processes.detach({
      command,
      args: [
        ...args,
        'exec-supervisor',
        '--config',
        config.path,
        '--process',
        id,
        '--heartbeat',
        `${Math.max(1, Math.round(heartbeatMs / 1000))}s`,
        ...(job.trackOutput === true ? ['--track-output'] : []),
      ],
      env: {PATH: platform.env['PATH'] ?? ''},
      cwd: '/',
    });
  } catch (cause) {
    throw failed(`its supervisor does not start: ${errorMessage(cause)}`, cause);
  }
  return id;
}

/** The directory and the specification, not started. */
export async function createJob(options: {
  readonly node: Pick<JobNode, 'identity' | 'config'> & {
    readonly platform: Pick<Platform, 'files' | 'clock' | 'random'>;
  };
  readonly request: JobRequest;
  readonly job: NewJob;
  /** Chosen here when left out. */
  readonly id?: string;
}): Promise<string> {
  const {node, request, job} = options;
  const {files, clock, random} = node.platform;
  const spool = node.config.get('plugin.choria.executor.spool');
  if (spool === '') throw failed('plugin.choria.executor.spool is not set');
  const id = options.id ?? newJobId(random);
  if (!jobIdPattern.test(id)) throw failed(`${JSON.stringify(id)} is no id`);
  if (job.command === '') throw failed('there is no command');
  const directory = join(spool, id);
  const spec: JobSpec = {
    id,
    command: job.command,
    args: job.args ?? [],
    environment: job.environment ?? {},
    caller: request.callerId,
    agent: request.agent,
    action: request.action,
    requestId: request.requestId,
    identity: node.identity,
    createdMs: clock.nowMs(),
  };
  const text = encodeJobSpec(spec, directory);
  if (Buffer.byteLength(text) > executorLimits.jobFileBytesMax) {
    throw failed(`its specification is larger than ${executorLimits.jobFileBytesMax} bytes`);
  }
  try {
    await files.makeDirectory(spool, {mode: 0o700, recursive: true});
    if ((await files.list(spool)).length >= executorLimits.jobsMax) {
      throw failed(`the spool ${spool} holds ${executorLimits.jobsMax} jobs, remove old ones`);
    }
    // Not recursive: a directory that is there is another job's.
    await files.makeDirectory(directory, {mode: 0o700});
    await files.writeAtomic(join(directory, jobFiles.spec), text, {mode: 0o600});
  } catch (cause) {
    if (cause instanceof ExecutorError) throw cause;
    throw failed(errorMessage(cause), cause);
  }
  return id;
}

function failed(reason: string, cause?: unknown): ExecutorError {
  return new ExecutorError('ERR_EXECUTOR_START', `Cannot start a job: ${reason}`, cause === undefined ? {} : {cause});
}

const idLetters = '0123456789abcdefghijklmnopqrstuv';

function newJobId(random: Platform['random']): string {
  return [...random.bytes(executorLimits.idLength)].map((byte) => idLetters[byte & 31]).join('');
}
