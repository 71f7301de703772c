/**
 * Reads the spool of background jobs: one directory a job, `spec.json`, `pid`, `exit`, `stdout`, `stderr`.
 *
 * Ids come from the network and become file names, so only letters, digits, `_` and `-` are looked up.
 */
import type {Files} from '../lib/platform.ts';
import {parseJson} from '../lib/json.ts';
import {AgentsError} from './errors.ts';
import {jobFileBytesMax, jobsMax} from './limits.ts';

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

/** @throws {AgentsError} `ERR_AGENT_CALL` with the text that callers know */
export async function loadJob(files: Files, options: {readonly spool: string; readonly id: string}): Promise<Job> {
  const {spool, id} = options;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) throw notFound();
  const directory = `${spool}/${id}`;
  const spec = await readText(files, `${directory}/spec.json`);
  if (spec === undefined) throw notFound();
  const fields = asFields(parseJson(spec));
  const pid = parsePid(await readText(files, `${directory}/pid`));
  const exit = await readText(files, `${directory}/exit`);
  const ended = exit === undefined ? undefined : asFields(parseJson(exit));
  const isRunning = pid !== undefined && ended === undefined && (await exists(files, `/proc/${pid}`));
  return {
    id,
    action: text(fields['action']),
    agent: text(fields['agent']),
    args: Array.isArray(fields['args']) ? fields['args'].map(text) : [],
    caller: text(fields['caller']),
    command: text(fields['command']),
    identity: text(fields['identity']),
    requestId: text(fields['requestid']),
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
  for (const entry of entries.filter((item) => item.kind === 'directory').slice(0, jobsMax)) {
    try {
      jobs.push(await loadJob(files, {spool: options.spool, id: entry.name}));
    } catch (error) {
      options.onProblem(entry.name, error);
    }
  }
  return jobs;
}

function notFound(): AgentsError {
  return new AgentsError('ERR_AGENT_CALL', 'specification not found');
}

async function readText(files: Files, path: string): Promise<string | undefined> {
  try {
    return (await files.read(path, {limitBytes: jobFileBytesMax})).toString('utf8');
  } catch (error) {
    const code = (error as {code?: unknown}).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function exists(files: Files, path: string): Promise<boolean> {
  try {
    await files.stat(path);
    return true;
  } catch (error) {
    if ((error as {code?: unknown}).code === 'ENOENT') return false;
    throw error;
  }
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
