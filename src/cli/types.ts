/**
 * The command line as data: help, completion, introspection and the reference page come from the same declarations as the parser.
 */
import type {ConfigKey, ConfigValue} from '../config/index.ts';
import type {Platform} from '../lib/platform.ts';

/** One output stream of a run. */
export interface TextSink {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly columns: number | undefined;
}

/** Everything a command may touch; a test gives its own. */
export interface CliContext {
  readonly platform: Platform;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly stdin: {
    readonly isTerminal: boolean;
    /** A pipe or a file, not a terminal and not the null device. */
    readonly isPiped: boolean;
    /** Everything, at most `limitBytes`. */
    readAll(limitBytes: number): Promise<Buffer>;
    /** The next line that is typed, undefined at the end; a secret one is not shown. Absent where nobody can type. */
    readLine?(options: {readonly isSecret: boolean}): Promise<string | undefined>;
  };
  /** Runs another program with our own terminal, and returns its exit code; without `words` it gets those behind our command's name. Absent where there is none. */
  runInTerminal?(command: string, words?: readonly string[]): Promise<number>;
  /** Records where time goes until the function it returns is called, which writes the file. Absent where there is no profiler. */
  startProfile?(path: string): Promise<() => Promise<void>>;
  /** For a program that runs for long, when it is up: gives back memory that only its start needed. Absent where there is no such thing. */
  releaseStartMemory?(): Promise<void>;
  /** Aborted by SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Calls `action` at each SIGHUP until the function returned is called; without it SIGHUP ends the process. Absent where there are no signals. */
  onHangup?(action: () => void): () => void;
  /** How long this process may take to end after the first SIGINT or SIGTERM, before it is ended; default two seconds. */
  limitShutdown?(softShutdownMs: number): void;
  readonly startedAtMs: number;
}

export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  /** Older long names of the same flag. */
  readonly aliases?: readonly string[];
  readonly help: string;
  readonly kind: 'boolean' | 'string' | 'integer' | 'unsigned' | 'duration' | 'enum' | 'map' | 'file';
  /** Accepts `--no-name`. */
  readonly negatable?: boolean;
  readonly repeatable?: boolean;
  readonly required?: boolean;
  readonly hidden?: boolean;
  readonly default?: string;
  readonly values?: readonly string[];
  /** Shown in help instead of the upper-case name. */
  readonly valueName?: string;
  readonly env?: string;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly help: string;
  readonly required?: boolean;
  readonly repeatable?: boolean;
  readonly kind?: FlagSpec['kind'];
  readonly values?: readonly string[];
  readonly default?: string;
}

/** Values after parsing and conversion: durations in ms, integers as numbers, repeatable flags as arrays. */
export interface ParsedArguments {
  readonly command: readonly string[];
  readonly flags: Readonly<Record<string, unknown>>;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Settings that flags put in place of the configured ones. */
  readonly settings?: {readonly [K in ConfigKey]?: ConfigValue<K>};
  /** Names of the flags that were on the command line. */
  readonly given: ReadonlySet<string>;
}

export interface CommandSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly help: string;
  readonly hidden?: boolean;
  /** The sub command that runs when none is named. */
  readonly isDefault?: boolean;
  readonly flags?: readonly FlagSpec[];
  readonly arguments?: readonly ArgumentSpec[];
  readonly commands?: readonly CommandSpec[];
  readonly cheat?: {readonly label: string; readonly text: string};
  /** Loads the implementation only when it is asked for; returns the exit code. */
  readonly run?: () => Promise<(context: CliContext, parsed: ParsedArguments) => Promise<number>>;
}
