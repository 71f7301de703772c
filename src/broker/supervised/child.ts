/**
 * The child process: a nats-server that can't outlive us.
 *
 * Between us and it stands a line of shell that holds a pipe from us. When we end, however we do (also by kill -9), the pipe ends, and the shell ends the
 * server and removes its directory, which holds keys. Signals of ours go to the whole group: the shell lets them pass.
 */
import type {Logger} from '../../lib/logger.ts';
import {type Platform, type ProcessResult, type RunningProcess, sleep} from '../../lib/platform.ts';
import {SupervisedError} from './errors.ts';
import {supervisedLimits} from './limits.ts';

export type ChildPlatform = Pick<Platform, 'processes' | 'files' | 'clock'>;

/** Addresses by kind (`nats`, `monitoring`, `cluster`, `websocket`, ...), as nats-server writes them into its ports file. */
export type PortsFile = ReadonlyMap<string, readonly string[]>;

const guard = `
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
(
  trap '' HUP INT TERM USR1 USR2
  read -r _ <&3
  rm -rf "$CHORIA_SUPERVISED_DIRECTORY"
  kill -TERM "$child"
  left=${supervisedLimits.orphanGraceSeconds}
  while [ "$left" -gt 0 ] && kill -0 "$child"; do sleep 1; left=$((left - 1)); done
  kill -KILL "$child"
) >/dev/null 2>&1 &
guard=$!
exec 3<&-
trap : HUP INT TERM USR1 USR2
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || break
done
kill -KILL "$guard" 2>/dev/null
exit "$code"
`;

export interface NatsServerChild {
  /** Of nats-server itself. */
  readonly pid: number;
  readonly ports: PortsFile;
  readonly exited: Promise<ProcessResult>;
  signal(name: NodeJS.Signals): void;
}

/** @throws {SupervisedError} `ERR_NATS_SERVER_CONFIG` with the program's own words */
export async function checkConfiguration(
  platform: ChildPlatform,
  options: {readonly program: string; readonly configPath: string},
): Promise<void> {
  const result = await platform.processes.run({
    command: options.program,
    args: ['-t', '-c', options.configPath],
    env: {},
    cwd: '/',
    timeoutMs: supervisedLimits.checkTimeoutMs,
    outputBytesMax: supervisedLimits.outputBytesMax,
  });
  if (result.exitCode === 0) return;
  const words = Buffer.concat([result.stdout, result.stderr]).toString('utf8').trim();
  throw new SupervisedError(
    'ERR_NATS_SERVER_CONFIG',
    `Cannot start the engine nats-server: it does not accept its configuration: ${words.split('\n').at(-1) ?? ''}`,
    {details: {words}},
  );
}

/**
 * Starts the program and waits until it listens.
 *
 * @param options.directory  private; removed when we are gone
 * @throws {SupervisedError} `ERR_NATS_SERVER_START` with the last words of its log
 */
export async function startChild(
  platform: ChildPlatform,
  options: {
    readonly program: string;
    readonly configPath: string;
    readonly directory: string;
    readonly logger: Logger;
  },
): Promise<NatsServerChild> {
  const {program, configPath, directory, logger} = options;
  await removePortsFiles(platform, directory);
  const complaints: string[] = [];
  const child = await platform.processes.start({
    command: '/bin/sh',
    args: ['-c', guard, 'nats-server', program, '-c', configPath, '--ports_file_dir', directory],
    env: {CHORIA_SUPERVISED_DIRECTORY: directory, PATH: '/usr/bin:/bin'},
    cwd: directory,
    holdsInput: true,
    outputBytesMax: 0,
    onLine: (_stream, line) => {
      const entry = logLine(line);
      if (entry.level === 'error' || entry.level === 'fatal') {
        complaints.push(entry.message);
        if (complaints.length > 5) complaints.shift();
      }
      writeLine(logger, entry);
    },
  });
  try {
    const {ports, pid} = await waitForPorts(platform, {child, directory, complaints});
    return {ports, pid, exited: child.exited, signal: (name) => child.signal(name)};
  } catch (error) {
    child.signal('SIGKILL');
    throw error;
  }
}

interface Listening {
  readonly ports: PortsFile;
  readonly pid: number;
}

async function waitForPorts(
  platform: ChildPlatform,
  options: {readonly child: RunningProcess; readonly directory: string; readonly complaints: readonly string[]},
): Promise<Listening> {
  const {clock} = platform;
  const ended: {result: ProcessResult | undefined} = {result: undefined};
  void options.child.exited.then((result) => (ended.result = result));
  const untilMs = clock.monotonicMs() + supervisedLimits.startTimeoutMs;
  for (;;) {
    const listening = await readPorts(platform, options.directory);
    if (listening !== undefined) return listening;
    const words = options.complaints.join('; ') || 'it said nothing';
    if (ended.result !== undefined) {
      const {exitCode} = ended.result;
      throw new SupervisedError(
        'ERR_NATS_SERVER_START',
        `Cannot start the engine nats-server: it ended with exit code ${exitCode ?? 'none'}: ${words}`,
        {details: {exitCode}},
      );
    }
    if (clock.monotonicMs() > untilMs) {
      throw new SupervisedError(
        'ERR_NATS_SERVER_START',
        `Cannot start the engine nats-server: it did not listen in ${supervisedLimits.startTimeoutMs} ms: ${words}`,
      );
    }
    await sleep(clock, supervisedLimits.pollMs);
  }
}

async function portsFiles(platform: ChildPlatform, directory: string): Promise<readonly string[]> {
  const entries = await platform.files.list(directory);
  return entries.filter((entry) => entry.name.endsWith('.ports')).map((entry) => `${directory}/${entry.name}`);
}

async function removePortsFiles(platform: ChildPlatform, directory: string): Promise<void> {
  for (const path of await portsFiles(platform, directory)) await platform.files.remove(path);
}

/** Undefined while the file is not there, or not whole. */
async function readPorts(platform: ChildPlatform, directory: string): Promise<Listening | undefined> {
  const [path] = await portsFiles(platform, directory);
  if (path === undefined) return undefined;
  const bytes = await platform.files.read(path, {limitBytes: supervisedLimits.portsFileBytesMax});
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    // Being written at the moment.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const isText = (item: unknown): item is string => typeof item === 'string';
  const ports = new Map(
    Object.entries(value).map(([kind, list]) => [kind, Array.isArray(list) ? list.filter(isText) : []] as const),
  );
  return {ports, pid: Number(/_(\d+)\.ports$/.exec(path)?.[1] ?? -1)};
}

export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly message: string;
}

const levels: Readonly<Record<string, LogEntry['level']>> = {
  TRC: 'debug',
  DBG: 'debug',
  INF: 'info',
  WRN: 'warn',
  ERR: 'error',
  FTL: 'fatal',
};

/** `[pid] date time [INF] text`; a line of another form is passed on whole. */
export function logLine(line: string): LogEntry {
  const match = /^\[\d+\] [\d/]+ [\d:.]+ \[([A-Z]{3})\] (.*)$/.exec(line);
  const level = match === null ? undefined : levels[match[1] ?? ''];
  return level === undefined ? {level: 'warn', message: line} : {level, message: match?.[2] ?? ''};
}

function writeLine(logger: Logger, {level, message}: LogEntry): void {
  // Its banner.
  if (level === 'info' && /^(\s|-+ ?JETSTREAM|-+$|$)/.test(message)) logger.debug(message.trim());
  else logger[level](message);
}

export function describeEnd(result: ProcessResult): string {
  return result.signalName === null ? `exit code ${result.exitCode ?? 'unknown'}` : `signal ${result.signalName}`;
}
