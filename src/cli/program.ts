/**
 * The edge of the command line: real streams, signals and platform. Nothing else of the program is loaded before it is needed, so
 * that `--version` costs little more than starting Node.
 */
import {fstatSync} from 'node:fs';
import {softShutdownMs} from './limits.ts';
import type {CliContext, TextSink} from './types.ts';
import {version} from './version.ts';

type WriteStream = NodeJS.WriteStream;

/** More than this is not held back until the turn ends. */
const joinedCharactersMax = 65_536;

/**
 * Standard output and standard error, in their order.
 *
 * Output is joined within a turn: thousands of answers to a ping come many in a turn, and a write for each of them wakes whoever reads a pipe for each.
 */
function textSinks(): {readonly stdout: TextSink; readonly stderr: TextSink} {
  let held = '';
  const flush = (): void => {
    const text = held;
    held = '';
    if (text !== '') process.stdout.write(text);
  };
  return {
    stdout: textSink(process.stdout, (text) => {
      if (held === '') queueMicrotask(flush);
      held += text;
      if (held.length > joinedCharactersMax) flush();
    }),
    stderr: textSink(process.stderr, (text) => {
      flush();
      process.stderr.write(text);
    }),
  };
}

function textSink(stream: WriteStream, write: (text: string) => void): TextSink {
  return {
    write,
    get isTerminal() {
      return Boolean(stream.isTTY);
    },
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
  };
}

/** A FIFO, a socket or a file; the null device and terminals are character devices. */
function stdinIsPiped(): boolean {
  try {
    return !fstatSync(0).isCharacterDevice();
  } catch (error) {
    // A closed standard input (EBADF) has nothing to read.
    return (error as NodeJS.ErrnoException).code === undefined;
  }
}

async function readStdin(limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    total += bytes.length;
    if (total > limitBytes) throw new Error(`Cannot read standard input: more than ${limitBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** What is typed for one answer; a secret shows as stars. Loaded when it is needed: most commands ask nothing. */
async function readLine(options: {readonly isSecret: boolean}): Promise<string | undefined> {
  const {readTypedLine} = await import('./node-terminal.ts');
  return readTypedLine(options);
}

async function runInTerminal(command: string, words = process.argv.slice(3)): Promise<number> {
  const {runWithOwnTerminal} = await import('./node-terminal.ts');
  return runWithOwnTerminal(command, words);
}

/** A reader that went away (`choria find | head -1`) is no error. */
function endQuietlyOnClosedPipe(stream: WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
}

/** The first signal asks the command to end, the second or a passed deadline ends the process. */
function watchSignals(controller: AbortController): {readonly limits: {softMs: number}; readonly unwatch: () => void} {
  const limits = {softMs: softShutdownMs};
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort(new Error('interrupted'));
    const {softMs} = limits;
    setTimeout(() => {
      process.stderr.write(`Ending by force: not done ${softMs / 1000} seconds after the first signal\n`);
      process.exit(1);
    }, softMs).unref();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGQUIT', onQuit);
  return {
    limits,
    unwatch: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
      process.off('SIGQUIT', onQuit);
    },
  };
}

/** SIGQUIT: tells what it is doing, and goes on. */
function onQuit(): void {
  void import('./node-dumps.ts')
    .then(({writeDumps}) => writeDumps())
    .then((paths) => process.stderr.write(`Wrote ${paths.join(' and ')}\n`))
    .catch((error: unknown) => process.stderr.write(`Could not write dumps: ${String(error)}\n`));
}

function onHangup(action: () => void): () => void {
  process.on('SIGHUP', action);
  return () => void process.off('SIGHUP', action);
}

function drain(stream: WriteStream): Promise<void> {
  if (stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}

/** Runs this process's command line and ends the process with its exit code. */
export async function runProgram(): Promise<void> {
  const argv = process.argv.slice(1);
  if (argv.length === 2 && argv[1] === '--version' && !argv[0]?.endsWith('mco')) {
    process.stderr.write(`${version}\n`);
    return;
  }
  const startedAtMs = Date.now() - Math.round(performance.now());
  const [{runCli}, {createNodePlatform}] = await Promise.all([import('./run.ts'), import('../lib/node-platform.ts')]);
  endQuietlyOnClosedPipe(process.stdout);
  endQuietlyOnClosedPipe(process.stderr);
  const controller = new AbortController();
  const {limits, unwatch} = watchSignals(controller);
  const context: CliContext = {
    platform: createNodePlatform(),
    onHangup,
    limitShutdown: (softMs) => {
      limits.softMs = softMs;
    },
    ...textSinks(),
    stdin: {
      isTerminal: Boolean(process.stdin.isTTY),
      isPiped: stdinIsPiped(),
      readAll: readStdin,
      ...(process.stdin.isTTY ? {readLine} : {}),
    },
    runInTerminal,
    startProfile: async (path) => (await import('./node-profile.ts')).startNodeProfile(path),
    releaseStartMemory: async () => {
      // A Node that was built without it does the same work with more memory.
      if (process.features.inspector) await (await import('./node-memory.ts')).releaseStartMemory();
    },
    signal: controller.signal,
    startedAtMs,
  };
  const exitCode = await runCli(argv, context);
  unwatch();
  await Promise.all([drain(process.stdout), drain(process.stderr)]);
  // Whatever a command left open (a reconnect timer, an agent's pipe) must not keep a finished command alive.
  process.exit(exitCode);
}
