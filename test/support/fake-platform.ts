/**
 * A whole `Platform` in memory: a clock that stands still, a disk that forgets, names and programs by script.
 *
 *     const {platform, clock, files} = createFakePlatform({files: {'/etc/choria/server.conf': 'identity = n1\n'}, env: {HOME: '/home/bob'}});
 *
 * Everything is replaceable: give a part of your own under the same name. Randomness comes from a seed, so a run repeats.
 */
import type {HttpClient} from '../../src/lib/http.ts';
import type {
  HostInfo,
  Names,
  Network,
  Platform,
  ProcessRequest,
  ProcessResult,
  Processes,
  Random,
  SrvRecord,
} from '../../src/lib/platform.ts';
import {FakeClock} from './fake-clock.ts';
import {FakeFiles, systemError} from './fake-files.ts';

/** Answers of the resolver by name; what is not listed does not exist. */
export interface FakeNameTable {
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  readonly reverse?: Readonly<Record<string, readonly string[]>>;
}

/** Plays a program: what it prints and how it ends. */
export type FakeProgram = (request: Omit<ProcessRequest, 'timeoutMs'>) => Partial<ProcessResult> & {
  readonly stdoutText?: string;
  readonly stderrText?: string;
};

export interface FakePlatformOptions {
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly host?: Partial<HostInfo>;
  readonly names?: FakeNameTable;
  /** By command; a command that is not listed can't be started (`ENOENT`). */
  readonly programs?: Readonly<Record<string, FakeProgram>>;
  readonly network?: Network;
  readonly http?: HttpClient;
  readonly seed?: number;
}

export interface FakePlatform {
  readonly platform: Platform;
  readonly clock: FakeClock;
  readonly files: FakeFiles;
  /** Every program run so far. */
  readonly runs: readonly Omit<ProcessRequest, 'timeoutMs'>[];
}

export function createFakePlatform(options: FakePlatformOptions = {}): FakePlatform {
  const clock = new FakeClock();
  const files = new FakeFiles(options.files, {nowMs: () => clock.nowMs()});
  const runs: Omit<ProcessRequest, 'timeoutMs'>[] = [];
  const env = options.env ?? {};
  const platform: Platform = {
    clock,
    random: createSeededRandom(options.seed ?? 1),
    files,
    network: options.network ?? noNetwork,
    http: options.http ?? noHttp,
    httpServers: {listen: (where) => Promise.reject(systemError('EACCES', `${where.host}:${where.port}`))},
    names: createFakeNames(options.names ?? {}),
    processes: createFakeProcesses(options.programs ?? {}, runs),
    host: {
      hostname: 'node1.example.net',
      uid: 1000,
      pid: 4711,
      platform: 'linux',
      arch: 'x64',
      homeDirectory: env['HOME'] === '' ? undefined : env['HOME'],
      workingDirectory: '/work',
      tempDirectory: '/tmp',
      cpuCount: 2,
      self: {command: '/usr/bin/node', args: ['/opt/choria/bin/choria.js']},
      ...options.host,
    },
    env,
  };
  return {platform, clock, files, runs};
}

/** Repeats for the same seed. Not for secrets. */
export function createSeededRandom(seed: number): Random {
  let state = (seed >>> 0) + 0x9e3779b9;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    bytes: (count) => Buffer.from(Array.from({length: count}, () => next() & 0xff)),
    float: () => next() / 2 ** 32,
  };
}

const noNetwork: Network = {
  connect: (options) => Promise.reject(systemError('ECONNREFUSED', `${options.host}:${options.port}`)),
  listen: (options) => Promise.reject(systemError('EACCES', `${options.host}:${options.port}`)),
};

const noHttp: HttpClient = {
  request: ({url}) => Promise.reject(systemError('ECONNREFUSED', url)),
};

function createFakeNames(table: FakeNameTable): Names {
  const find = async <T>(entries: Readonly<Record<string, readonly T[]>> | undefined, name: string): Promise<T[]> => {
    const found = entries?.[name];
    if (!found) throw Object.assign(systemError('ENOTFOUND', name), {hostname: name});
    return [...found];
  };
  return {
    resolveSrv: (name) => find(table.srv, name),
    lookup: (hostname) => find(table.addresses, hostname),
    reverse: (address) => find(table.reverse, address),
  };
}

function createFakeProcesses(
  programs: Readonly<Record<string, FakeProgram>>,
  runs: Omit<ProcessRequest, 'timeoutMs'>[],
): Processes {
  const run = async (request: Omit<ProcessRequest, 'timeoutMs'>): Promise<ProcessResult> => {
    runs.push(request);
    const program = programs[request.command];
    if (!program) throw systemError('ENOENT', request.command);
    const {stdoutText = '', stderrText = '', ...result} = program(request);
    for (const [stream, text] of [
      ['stdout', stdoutText],
      ['stderr', stderrText],
    ] as const) {
      if (text !== '') for (const line of text.replace(/\n$/, '').split('\n')) request.onLine?.(stream, line);
    }
    return {
      exitCode: 0,
      signalName: null,
      timedOut: false,
      stdout: Buffer.from(stdoutText),
      stderr: Buffer.from(stderrText),
      droppedBytes: 0,
      ...result,
    };
  };
  return {
    run,
    async start(request) {
      const result = await run(request);
      return {pid: 4712, exited: Promise.resolve(result), signal() {}};
    },
  };
}
