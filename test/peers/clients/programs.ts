/** Builds the exercise programs of the official clients, with the packages that their registries give, and runs them. */
import {type ChildProcess, execFileSync, spawn} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

export type ClientName = 'nats.go' | 'nats-py' | 'jnats' | 'async-nats';

const sources = fileURLToPath(new URL('.', import.meta.url));
/** Built once and kept: the Rust client alone takes a minute. */
const built = fileURLToPath(new URL('../../../node_modules/.cache/official-clients/', import.meta.url));

interface Recipe {
  /** Leaves the program ready below `built`. */
  build(): void;
  command(): readonly [string, ...string[]];
}

function run(program: string, args: readonly string[], options: {cwd: string; env?: Record<string, string>}): void {
  execFileSync(program, args, {
    cwd: options.cwd,
    env: {...process.env, ...options.env},
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
}

const jars = (): string[] => readdirSync(join(built, 'jars')).map((name) => join(built, 'jars', name));

export const programs: Readonly<Record<ClientName, Recipe>> = {
  'nats.go': {
    build: () => run('go', ['build', '-o', join(built, 'go-exercise'), '.'], {cwd: join(sources, 'go')}),
    command: () => [join(built, 'go-exercise')],
  },
  'nats-py': {
    build: () => {
      const python = join(built, 'venv', 'bin', 'python');
      if (!existsSync(python)) run('python3', ['-m', 'venv', join(built, 'venv')], {cwd: built});
      run(python, ['-m', 'pip', 'install', '--quiet', '-r', join(sources, 'python', 'requirements.txt')], {cwd: built});
    },
    command: () => [join(built, 'venv', 'bin', 'python'), join(sources, 'python', 'exercise.py')],
  },
  jnats: {
    build: () => {
      const cwd = join(sources, 'java');
      run('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${join(built, 'jars')}`], {cwd});
      const classes = join(built, 'classes');
      run('javac', ['-cp', jars().join(':'), '-d', classes, join('src', 'Exercise.java')], {cwd});
    },
    command: () => ['java', '-cp', [join(built, 'classes'), ...jars()].join(':'), 'Exercise'],
  },
  'async-nats': {
    build: () => {
      // Cargo writes its lock file, which names a host, beside the manifest: into a copy.
      const cwd = join(built, 'rust-sources');
      cpSync(join(sources, 'rust'), cwd, {recursive: true});
      run('cargo', ['build', '--quiet'], {cwd, env: {CARGO_TARGET_DIR: join(built, 'rust')}});
    },
    command: () => [join(built, 'rust', 'debug', 'exercise')],
  },
};

export function buildProgram(name: ClientName): void {
  mkdirSync(built, {recursive: true});
  programs[name].build();
}

export type Facts = Readonly<Record<string, unknown>>;

/**
 * Runs one scenario and resolves to its facts, the last line it prints.
 *
 * @param options.onReady  called when the program says that it is ready
 */
export async function runScenario(
  name: ClientName,
  scenario: string,
  options: {readonly env: Readonly<Record<string, string>>; readonly onReady?: () => Promise<void>},
): Promise<Facts> {
  const [program, ...args] = programs[name].command();
  const child = spawn(program, [...args, scenario], {
    env: {...process.env, ...options.env},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-4000);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let facts: Facts | undefined;
  for await (const line of createInterface({input: child.stdout})) {
    facts = JSON.parse(line) as Facts;
    if (facts['ready'] === true) await options.onReady?.();
  }
  const status = await ended;
  if (status !== 0 || facts === undefined) {
    throw new Error(`${name} ${scenario} ended with ${status}: ${complaints}`);
  }
  return facts;
}

export interface BrokerProcess extends AsyncDisposable {
  readonly port: number;
}

/** Our broker in its own process; disposing kills it with SIGKILL. */
export async function startBrokerProcess(description: object): Promise<BrokerProcess> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', join(sources, 'broker-process.ts'), JSON.stringify(description)],
    {stdio: ['ignore', 'pipe', 'inherit']},
  );
  const {stdout} = child;
  if (stdout === null) throw new Error('the broker process has no output');
  for await (const line of createInterface({input: stdout})) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    return {
      port: Number(line),
      async [Symbol.asyncDispose]() {
        if (child.exitCode === null && child.signalCode === null) {
          child.kill('SIGKILL');
          await ended;
        }
      },
    };
  }
  throw new Error('the broker process ended before it listened');
}
