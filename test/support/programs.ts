/** Our command line in processes of its own, from its sources. */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {type AddressInfo, createServer} from 'node:net';
import {fileURLToPath} from 'node:url';

const program = fileURLToPath(new URL('../fixtures/programs/choria.ts', import.meta.url));
/** The program and its first arguments. */
export const choriaCommand: readonly string[] = [process.execPath, '--import', import.meta.resolve('tsx'), program];

export interface RunningProgram {
  readonly pid: number;
  /** Everything printed so far. */
  log(): string;
  /** The exit code; undefined when a signal ended it. */
  readonly ended: Promise<number | undefined>;
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** How many files and connections it may have open. */
  readonly openFilesMax?: number;
}

/** Starts a command of ours and keeps what it prints. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): RunningProgram {
  const {env = {}, openFilesMax} = options;
  const limited = openFilesMax === undefined ? [] : ['/bin/sh', '-c', `ulimit -n ${openFilesMax} && exec "$0" "$@"`];
  const [command = '', ...first] = [...limited, ...choriaCommand];
  const child: ChildProcess = spawn(command, [...first, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {...process.env, ...env},
  });
  const ended = new Promise<number | undefined>((resolve) => child.once('exit', (code) => resolve(code ?? undefined)));
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  return {
    pid: child.pid ?? -1,
    log: () => log.join(''),
    ended,
    signal: (name) => void child.kill(name),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** For files that name a port before anybody listens there. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
