/**
 * Runs a command line inside the test's own process: same code as the program, other streams.
 *
 * @example
 * const run = await runCliForTest({argv: ['choria', '--version']});
 * expect(run).toMatchObject({exit: 0, stderr: '0.1.0\n'});
 */
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {runCli} from '../../src/cli/index.ts';
import type {CliContext, TextSink} from '../../src/cli/types.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {type Mount, mountPlatform} from './mounts.ts';

export interface CliTestRun {
  /** The program's name first. */
  readonly argv: readonly string[];
  /** The whole environment; null removes. Default: HOME (an empty folder), USER, TZ, TERM, PATH. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** Piped to standard input. Absent: the null device. */
  readonly stdin?: string;
  /** Lines typed at the terminal of `tty`, one for each question. */
  readonly typed?: readonly string[];
  /** As the program sees it. Default: its home. */
  readonly cwd?: string;
  /** Absolute virtual path to text; written before the run, below one of the mounts or the home. */
  readonly files?: Readonly<Record<string, string>>;
  /** Both streams are one terminal of this size; the result is in `output`. */
  readonly tty?: {readonly cols: number; readonly rows: number};
  readonly mounts?: readonly Mount[];
  readonly ports?: Map<number, number>;
  /** Instead of the real one. */
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
  /** Stands in for programs that get the terminal. */
  readonly runInTerminal?: NonNullable<CliContext['runInTerminal']>;
  /** Told of what goes to standard output while the command runs. */
  readonly onOutput?: (text: string) => void;
}

export interface CliTestResult {
  readonly stdout: string;
  readonly stderr: string;
  /** With `tty`: everything, in the order written, with a terminal's line ends. */
  readonly output: string;
  readonly exit: number;
}

const homeDirectory = '/home/rip';

/** Paths of the machine that a configuration look-up would find; here they hold nothing. */
const emptyPlaces: readonly string[] = ['/etc/choria', '/usr/local/etc/choria', '/etc/puppetlabs', '/etc/mcollective'];

function testEnvironment(run: CliTestRun): Readonly<Record<string, string | undefined>> {
  const env: Record<string, string | undefined> = {
    HOME: homeDirectory,
    USER: 'rip',
    TZ: 'UTC',
    TERM: 'xterm',
    PATH: process.env['PATH'],
  };
  for (const [name, value] of Object.entries(run.env ?? {})) env[name] = value ?? undefined;
  return env;
}

function writeFiles(run: CliTestRun, mounts: readonly Mount[]): void {
  for (const [path, text] of Object.entries(run.files ?? {})) {
    const mount = mounts.find((item) => path === item.virtual || path.startsWith(`${item.virtual}/`));
    if (mount === undefined) throw new Error(`Cannot place "${path}": it lies below none of the mounts`);
    const real = join(mount.real, path.slice(mount.virtual.length));
    mkdirSync(dirname(real), {recursive: true});
    writeFileSync(real, text);
  }
}

function collectingSink(parts: string[], tty: CliTestRun['tty'], onOutput?: CliTestRun['onOutput']): TextSink {
  return {
    write(text) {
      parts.push(text);
      onOutput?.(text);
    },
    isTerminal: tty !== undefined,
    columns: tty?.cols,
  };
}

/** What is typed appears as on a terminal: letters, or stars for a secret. */
function typist(lines: readonly string[], stdout: TextSink): NonNullable<CliContext['stdin']['readLine']> {
  const left = [...lines];
  return ({isSecret}) => {
    const line = left.shift()?.replace(/[\r\n]+$/, '');
    stdout.write(`${isSecret ? '*'.repeat(line?.length ?? 0) : (line ?? '')}\n`);
    return Promise.resolve(line);
  };
}

export async function runCliForTest(run: CliTestRun): Promise<CliTestResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'choria-cli-test-'));
  try {
    const given = run.mounts ?? [];
    const has = (path: string): boolean => given.some((mount) => mount.virtual === path);
    const own = [homeDirectory, ...emptyPlaces].filter((path) => !has(path));
    const mounts = [
      ...given,
      ...own.map((virtual, index): Mount => {
        const real = join(scratch, String(index));
        mkdirSync(real);
        return {virtual, real};
      }),
    ];
    writeFiles(run, mounts);
    const platform = mountPlatform({
      platform: run.platform ?? createNodePlatform(),
      mounts,
      ...(run.ports === undefined ? {} : {ports: run.ports}),
      env: testEnvironment(run),
      workingDirectory: run.cwd ?? homeDirectory,
    });
    const [out, err] = [[] as string[], [] as string[]];
    const stdout = collectingSink(out, run.tty, run.onOutput);
    const context: CliContext = {
      platform,
      stdout,
      stderr: run.tty === undefined ? collectingSink(err, undefined) : stdout,
      stdin: {
        isTerminal: run.tty !== undefined,
        isPiped: run.stdin !== undefined,
        readAll: () => Promise.resolve(Buffer.from(run.stdin ?? '')),
        ...(run.typed === undefined ? {} : {readLine: typist(run.typed, stdout)}),
      },
      ...(run.runInTerminal === undefined ? {} : {runInTerminal: run.runInTerminal}),
      signal: run.signal ?? new AbortController().signal,
      startedAtMs: platform.clock.nowMs(),
    };
    const exit = await runCli(run.argv, context);
    const text = out.join('');
    return {
      stdout: run.tty === undefined ? text : '',
      stderr: err.join(''),
      output: run.tty === undefined ? '' : text.replaceAll('\n', '\r\n'),
      exit,
    };
  } finally {
    rmSync(scratch, {recursive: true, force: true});
  }
}
