/**
 * One command, many processes: a process opens at most some ten thousand connections and uses one core, so large fleets are spread over several of the same
 * program, each with its share of the servers.
 */
import {join, resolve} from 'node:path';
import {type Platform, type RunningProcess, sleep} from '../../lib/platform.ts';
import {CliError} from '../errors.ts';
import {childMetricsIntervalMs, childOutputBytesMax, childStopMs, hugePagesTunables, youngMegabytes} from './limits.ts';
import {type EmulatorSample, parseSample} from './metrics.ts';
import type {EmulateSettings} from './settings.ts';

export interface EmulatorProcesses {
  /** Resolves when all servers of all processes run. */
  readonly started: Promise<void>;
  samples(): readonly EmulatorSample[];
  /** Rejects when a process ends that nobody stopped. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
}

/** How many servers each process has, and the number of its first. */
export function shares(
  settings: Pick<EmulateSettings, 'count' | 'first' | 'processes'>,
): readonly {readonly first: number; readonly count: number}[] {
  const {count, first} = settings;
  const processes = Math.min(settings.processes, count);
  return Array.from({length: processes}, (_, index) => {
    const from = Math.floor((index * count) / processes);
    const to = Math.floor(((index + 1) * count) / processes);
    return {first: first + from, count: to - from};
  });
}

/** The settings of one process, as a file that `--file` reads. */
export function childSettings(
  settings: EmulateSettings,
  {
    share,
    workingDirectory,
  }: {readonly share: {readonly first: number; readonly count: number}; readonly workingDirectory: string},
): Readonly<Record<string, unknown>> {
  const {ca, caKey} = settings;
  return {
    name: settings.name,
    count: share.count,
    first: share.first,
    processes: 1,
    identity: settings.identity,
    facts: settings.facts,
    classes: settings.classes,
    collectives: settings.collectives,
    agents: settings.agents.map(({name, delayMs, failureRate, replyBytes}) => ({
      name,
      ...(delayMs === undefined ? {} : {delay: `${delayMs.min}-${delayMs.max}`}),
      ...(failureRate === undefined ? {} : {fail: failureRate * 100}),
      ...(replyBytes === undefined ? {} : {reply: replyBytes}),
    })),
    rate: settings.rate === 0 ? 0 : Math.max(1, Math.round((settings.rate * share.count) / settings.count)),
    starts_at_once: Math.max(1, Math.round((settings.startsAtOnce * share.count) / settings.count)),
    local_addresses: settings.localAddresses,
    servers: settings.servers,
    tls: settings.isTls,
    // The file with these lies in another directory, and paths are relative to the file that names them.
    ...(ca === undefined ? {} : {ca: resolve(workingDirectory, ca)}),
    ...(caKey === undefined ? {} : {ca_key: resolve(workingDirectory, caKey)}),
  };
}

export async function startProcesses(
  platform: Platform,
  options: {readonly settings: EmulateSettings; readonly configPath: string; readonly metricsMs: number},
): Promise<EmulatorProcesses> {
  const {settings, configPath} = options;
  const {host, env, files, processes} = platform;
  const directory = await files.makeTempDirectory('choria-emulate-');
  const samples = new Map<number, EmulatorSample>();
  const running: RunningProcess[] = [];
  const starts: Promise<void>[] = [];
  let isStopping = false;
  let fail: (error: Error) => void = () => undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  // Nobody may be listening when a process ends while it is being stopped.
  ended.catch(() => undefined);
  for (const [index, share] of shares(settings).entries()) {
    const path = join(directory, `process-${index}.json`);
    await files.writeAtomic(
      path,
      JSON.stringify(childSettings(settings, {share, workingDirectory: host.workingDirectory})),
      {mode: 0o600},
    );
    const lastLines: string[] = [];
    let ready: () => void = () => undefined;
    starts.push(
      new Promise((done) => {
        ready = done;
      }),
    );
    const child = await processes.start({
      command: host.self.command,
      args: [
        `--max-semi-space-size=${youngMegabytes}`,
        ...host.self.args,
        'emulate',
        '--config',
        configPath,
        '--file',
        path,
        '--attached',
        '--json',
        '--metrics',
        `${options.metricsMs}ms`,
      ],
      env: {...(settings.isHugePages ? {GLIBC_TUNABLES: hugePagesTunables} : {}), ...definedOnly(env)},
      cwd: host.workingDirectory,
      holdsInput: true,
      outputBytesMax: childOutputBytesMax,
      onLine: (_stream, line) => {
        const sample = parseSample(line);
        if (sample === undefined) {
          lastLines.push(line);
          if (lastLines.length > 5) lastLines.shift();
        } else {
          samples.set(index, sample);
          if (sample.connected === share.count) ready();
        }
      },
    });
    running.push(child);
    void child.exited.then((result) => {
      if (isStopping) return;
      const how = result.signalName ?? `exit code ${result.exitCode}`;
      const words = lastLines.length === 0 ? '' : `; its last words were: ${lastLines.join(' | ')}`;
      fail(new CliError('ERR_CLI_FAILED', `A process of the emulator ended with ${how}${words}`));
    });
  }
  return {
    started: Promise.all(starts).then(() => undefined),
    samples: () => [...samples.values()],
    ended,
    stop: async () => {
      isStopping = true;
      for (const child of running) child.signal('SIGTERM');
      const all = Promise.all(running.map((child) => child.exited));
      await Promise.race([all, sleep(platform.clock, childStopMs)]);
      for (const child of running) child.signal('SIGKILL');
      await all;
      await files.remove(directory, {recursive: true});
    },
  };
}

export const defaultChildMetricsMs = childMetricsIntervalMs;

function definedOnly(env: Platform['env']): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
