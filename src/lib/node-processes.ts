/**
 * Real child processes, each in a process group of its own. Edge file.
 *
 * A run ends when the child ends, not when its pipes do: a daemon that it leaves behind may hold them for years.
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {StringDecoder} from 'node:string_decoder';
import {processKillGraceMs, processLineBytesMax, processPipeGraceMs} from './limits.ts';
import type {ProcessRequest, ProcessResult, Processes, RunningProcess} from './platform.ts';

export function createNodeProcesses(): Processes {
  return {
    run: async (request) => (await start(request)).exited,
    start,
    detach,
    ...(replaceProcess === undefined ? {} : {replace: replaceProcess}),
  };
}

/** Newer Node only. The number of the process stays, so whoever watches it sees nothing. */
const {execve} = process as {execve?: (file: string, args: readonly string[]) => void};
const replaceProcess =
  execve && ((): void => execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)]));

type StartRequest = Omit<ProcessRequest, 'timeoutMs'> & {readonly timeoutMs?: number};

async function start(request: StartRequest): Promise<RunningProcess> {
  request.signal?.throwIfAborted();
  const child = spawn(request.command, [...request.args], {
    cwd: request.cwd,
    env: {...request.env},
    stdio: [hasInput(request) ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    // A group of its own: a timeout ends what the child started, too.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const exited = watch(child, request);
  await started(child);
  giveInput(child, request.input);
  return {
    pid: child.pid ?? -1,
    exited,
    signal: (name) => signalGroup(child, name),
    write: (data) => {
      if (child.stdin?.writable === true) child.stdin.write(data);
    },
  };
}

function hasInput(request: StartRequest): boolean {
  return request.input !== undefined || request.holdsInput === true || request.opensInput === true;
}

async function detach(request: Pick<ProcessRequest, 'command' | 'args' | 'env' | 'cwd'>): Promise<number> {
  const {command, args, env, cwd} = request;
  const child = spawn(command, [...args], {cwd, env: {...env}, stdio: 'ignore', detached: true, windowsHide: true});
  await started(child);
  child.unref();
  return child.pid ?? -1;
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

function giveInput(child: ChildProcess, input: Uint8Array | undefined): void {
  if (!child.stdin) return;
  // A child that ends without reading its input breaks the pipe; how it ended is told by its exit.
  child.stdin.on('error', () => child.stdin?.destroy());
  if (input !== undefined) child.stdin.end(input);
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(name);
    else process.kill(-child.pid, name);
  } catch (error) {
    // The whole group has ended: that is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Collects output and waits for the end; never rejects. */
function watch(child: ChildProcess, request: StartRequest): Promise<ProcessResult> {
  const budget = {restBytes: request.outputBytesMax, droppedBytes: 0};
  const {onOutput, onErrorOutput} = request;
  const stdout =
    onOutput === undefined
      ? collect(child.stdout, {budget, onLine: lineHandler(request, 'stdout')})
      : pass(child.stdout, onOutput);
  const stderr =
    onErrorOutput === undefined
      ? collect(child.stderr, {budget, onLine: lineHandler(request, 'stderr')})
      : pass(child.stderr, onErrorOutput);
  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup(child, 'SIGTERM');
    killTimer ??= setTimeout(() => signalGroup(child, 'SIGKILL'), processKillGraceMs);
  };
  const timer =
    request.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          end();
        }, request.timeoutMs);
  request.signal?.addEventListener('abort', end, {once: true});

  return new Promise((resolve) => {
    const settle = (exitCode: number | null, signalName: string | null): void => {
      clearTimeout(timer);
      clearTimeout(killTimer);
      request.signal?.removeEventListener('abort', end);
      // The child may have died of the polite signal while something that it started ignores it.
      if (killTimer !== undefined) signalGroup(child, 'SIGKILL');
      resolve({
        exitCode,
        signalName,
        timedOut,
        stdout: stdout.finish(),
        stderr: stderr.finish(),
        droppedBytes: budget.droppedBytes,
      });
    };
    child.once('error', () => settle(null, null));
    child.once('exit', (exitCode, signalName) => {
      const pipeTimer = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, processPipeGraceMs);
      child.once('close', () => {
        clearTimeout(pipeTimer);
        settle(exitCode, signalName);
      });
    });
  });
}

function lineHandler(request: StartRequest, stream: 'stdout' | 'stderr'): ((line: string) => void) | undefined {
  const {onLine} = request;
  return onLine && ((line) => onLine(stream, line));
}

interface Collector {
  finish(): Buffer;
}

function pass(stream: NodeJS.ReadableStream | null, onOutput: (chunk: Buffer) => void): Collector {
  stream?.on('data', onOutput);
  return {finish: () => Buffer.alloc(0)};
}

function collect(
  stream: NodeJS.ReadableStream | null,
  options: {
    readonly budget: {restBytes: number; droppedBytes: number};
    readonly onLine: ((line: string) => void) | undefined;
  },
): Collector {
  const {budget, onLine} = options;
  const chunks: Buffer[] = [];
  const lines = onLine && splitLines(onLine);
  stream?.on('data', (chunk: Buffer) => {
    const kept = chunk.subarray(0, budget.restBytes);
    budget.restBytes -= kept.length;
    budget.droppedBytes += chunk.length - kept.length;
    if (kept.length > 0) chunks.push(kept);
    lines?.push(chunk);
  });
  return {
    finish() {
      lines?.finish();
      return Buffer.concat(chunks);
    },
  };
}

function splitLines(onLine: (line: string) => void): {push(chunk: Buffer): void; finish(): void} {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const emit = (line: string): void => onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  const take = (text: string): void => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) emit(part);
    while (rest.length > processLineBytesMax) {
      emit(rest.slice(0, processLineBytesMax));
      rest = rest.slice(processLineBytesMax);
    }
  };
  return {
    push: (chunk) => take(decoder.write(chunk)),
    finish() {
      take(decoder.end());
      if (rest !== '') emit(rest);
      rest = '';
    },
  };
}
