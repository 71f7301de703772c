/**
 * Starts the demo's programs as an operator would start them, one process each, and knows when each is ready by what it logs.
 */
import {DemoError} from './errors.ts';
import {readyTimeoutMs, stopTimeoutMs} from './limits.ts';
import type {Platform, RunningProcess} from '../../lib/platform.ts';
import {sleep} from '../../lib/platform.ts';

const outputBytesMax = 1024 * 1024;
const keptLines = 40;

export interface FleetProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves with the first log line, past or to come, that the pattern matches. */
  waitForLine(pattern: RegExp, options?: {readonly timeoutMs?: number}): Promise<RegExpExecArray>;
  /** Whether any line so far matches. */
  hasLogged(pattern: RegExp): boolean;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly name: string;
  /** Path of the program that this process itself runs, `bin/choria.js`. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

export async function startFleetProcess(platform: Platform, options: StartOptions): Promise<FleetProcess> {
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  const running = await platform.processes.start({
    command: options.program,
    args: options.args,
    env: options.env,
    cwd: options.cwd,
    outputBytesMax,
    signal: options.signal,
    onLine: (_stream, line) => {
      lines.push(line);
      for (const listener of listeners) listener(line);
    },
  });
  return {
    name: options.name,
    pid: running.pid,
    hasLogged: (pattern) => lines.some((line) => pattern.test(line)),
    waitForLine: (pattern, {timeoutMs = readyTimeoutMs} = {}) =>
      waitForLine(platform, {name: options.name, running, lines, listeners, pattern, timeoutMs}),
    stop: () => stopProcess(platform, running),
  };
}

interface Waiting {
  readonly name: string;
  readonly running: RunningProcess;
  readonly lines: readonly string[];
  readonly listeners: Set<(line: string) => void>;
  readonly pattern: RegExp;
  readonly timeoutMs: number;
}

function waitForLine(platform: Platform, waiting: Waiting): Promise<RegExpExecArray> {
  const {name, running, lines, listeners, pattern, timeoutMs} = waiting;
  return new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      listeners.delete(look);
      timer.cancel();
      act();
    };
    const look = (line: string): void => {
      const match = pattern.exec(line);
      if (match) finish(() => resolve(match));
    };
    const fail = (what: string): void =>
      finish(() =>
        reject(
          new DemoError(
            'ERR_DEMO_NOT_READY',
            `Cannot go on: ${name} ${what}; its last lines were:\n${lines.slice(-keptLines).join('\n')}`,
          ),
        ),
      );
    const timer = platform.clock.setTimer(() => fail(`was not ready after ${timeoutMs / 1000} s`), timeoutMs);
    listeners.add(look);
    void running.exited.then((result) => fail(`ended with exit code ${result.exitCode}`));
    for (const line of lines) look(line);
  });
}

async function stopProcess(platform: Platform, running: RunningProcess): Promise<void> {
  running.signal('SIGTERM');
  const ended = running.exited.then(() => true);
  const waited = sleep(platform.clock, stopTimeoutMs).then(() => false);
  if (!(await Promise.race([ended, waited]))) {
    running.signal('SIGKILL');
    await running.exited;
  }
}
