/**
 * Reads the spool of background jobs: one directory a job, `spec.json`, `pid`, `exit`, `stdout`, `stderr`.
 *
 * Ids come from the network and become file names, so only letters, digits, `_` and `-` are looked up.
 */
import type {Files} from '../lib/platform.ts';
import {parseJson} from '../lib/json.ts';
import {ExecutorError} from './errors.ts';
import {executorLimits} from './limits.ts';
import {processStart} from './process-start.ts';
import type {JobSpec} from './types.ts';

/** Files of one job's directory. */
export const jobFiles = {
  spec: 'spec.json',
  pid: 'pid',
  /** Ours alone: when the process began, by the kernel's clock. */
  processStart: 'pid.start',
  stdout: 'stdout',
  stderr: 'stderr',
  exit: 'exit',
} as const;

/** Ids come from the network and become names of directories. */
export const jobIdPattern: RegExp = /^[A-Za-z0-9_-]{1,64}$/;

export interface Job {
  readonly id: string;
  readonly action: string;
  readonly agent: string;
  readonly args: readonly string[];
  readonly caller: string;
  readonly command: string;
  readonly identity: string;
  readonly requestId: string;
  /** RFC 3339; the year 1 when it did not happen. */
  readonly createdTime: string;
  readonly startTime: string;
  readonly terminateTime: string;
  readonly pid: number | undefined;
  readonly exitCode: number | undefined;
  readonly exitReason: string;
  readonly isRunning: boolean;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

const never = '0001-01-01T00:00:00Z';

/** @throws {ExecutorError} `ERR_EXECUTOR_JOB` with the text that callers know */
export async function loadJob(files: Files, options: {readonly spool: string; readonly id: string}): Promise<Job> {
  const {spool, id} = options;
  if (!jobIdPattern.test(id)) throw notFound();
  const directory = `${spool}/${id}`;
  const spec = await readText(files, `${directory}/spec.json`);
  if (spec === undefined) throw notFound();
  const fields = asFields(parseJson(spec));
  const pid = parsePid(await readText(files, `${directory}/pid`));
  const exit = await readText(files, `${directory}/exit`);
  const ended = exit === undefined ? undefined : asFields(parseJson(exit));
  const isRunning = pid !== undefined && ended === undefined && (await isSameProcess(files, {pid, directory}));
  return {
    id,
    action: text(fields['action']),
    agent: text(fields['agent']),
    args: Array.isArray(fields['args']) ? fields['args'].map(text) : [],
    caller: text(fields['caller']),
    command: text(fields['command']),
    identity: text(fields['identity']),
    requestId: text(fields['requestid']),
    createdTime: text(fields['created']) || never,
    startTime: text(fields['start']) || never,
    terminateTime: text(fields['terminate']) || never,
    pid,
    exitCode: typeof ended?.['code'] === 'number' ? ended['code'] : undefined,
    exitReason: text(ended?.['error']),
    isRunning,
    stdoutBytes: await size(files, `${directory}/stdout`),
    stderrBytes: await size(files, `${directory}/stderr`),
  };
}

/**
 * What is to be run.
 *
 * @throws {ExecutorError} `ERR_EXECUTOR_JOB`
 */
export async function readJobSpec(
  files: Files,
  options: {readonly spool: string; readonly id: string},
): Promise<JobSpec> {
  const content = await readText(files, `${options.spool}/${options.id}/${jobFiles.spec}`);
  if (content === undefined) throw notFound();
  const fields = asFields(parseJson(content));
  const environment = asFields(fields['environment']);
  const timeOf = (name: string): number | undefined => {
    const ms = Date.parse(text(fields[name]));
    return ms > 0 ? ms : undefined;
  };
  const startedMs = timeOf('start');
  return {
    id: options.id,
    command: text(fields['command']),
    args: Array.isArray(fields['args']) ? fields['args'].map(text) : [],
    environment: Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, text(value)])),
    caller: text(fields['caller']),
    agent: text(fields['agent']),
    action: text(fields['action']),
    requestId: text(fields['requestid']),
    identity: text(fields['identity']),
    createdMs: timeOf('created') ?? 0,
    ...(startedMs === undefined ? {} : {startedMs}),
  };
}

/** Every job of a spool; what cannot be read is left out and told to `onProblem`. */
export async function listJobs(
  files: Files,
  options: {readonly spool: string; readonly onProblem: (id: string, error: unknown) => void},
): Promise<readonly Job[]> {
  const entries = await files.list(options.spool).catch((error: unknown) => {
    if ((error as {code?: unknown}).code === 'ENOENT') return [];
    throw error;
  });
  const jobs: Job[] = [];
  for (const entry of entries.filter((item) => item.kind === 'directory').slice(0, executorLimits.jobsMax)) {
    try {
      jobs.push(await loadJob(files, {spool: options.spool, id: entry.name}));
    } catch (error) {
      options.onProblem(entry.name, error);
    }
  }
  return jobs;
}

function notFound(): ExecutorError {
  return new ExecutorError('ERR_EXECUTOR_JOB', 'specification not found');
}

async function readText(files: Files, path: string): Promise<string | undefined> {
  try {
    return (await files.read(path, {limitBytes: executorLimits.jobFileBytesMax})).toString('utf8');
  } catch (error) {
    const code = (error as {code?: unknown}).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Numbers of processes come again, after a restart of the machine soon: a signal must not end a stranger. Jobs of the reference have no
 * note of when their process began; for those the number is all there is.
 */
async function isSameProcess(files: Files, job: {readonly pid: number; readonly directory: string}): Promise<boolean> {
  const now = await processStart(files, job.pid);
  if (now === undefined) return false;
  const noted = await readText(files, `${job.directory}/${jobFiles.processStart}`);
  return noted === undefined || noted.trim() === now;
}

async function size(files: Files, path: string): Promise<number> {
  try {
    return (await files.stat(path)).sizeBytes;
  } catch (error) {
    if ((error as {code?: unknown}).code === 'ENOENT') return 0;
    throw error;
  }
}

/** Process 1 and what is no number can't be a job. */
function parsePid(content: string | undefined): number | undefined {
  const trimmed = content?.trim() ?? '';
  if (!/^[0-9]{1,10}$/.test(trimmed)) return undefined;
  return Number(trimmed) > 1 ? Number(trimmed) : undefined;
}

function asFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
