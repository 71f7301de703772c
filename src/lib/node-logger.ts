/**
 * The program's logger: levels, children and serialisation by pino, line shapes by `log-format.ts`. Edge file.
 *
 * Pino is loaded with the first line that is written: most starts of the command line write none. A log that can't be written
 * never stops the program; lines lost are counted and told once writing works again.
 */
import {closeSync, constants, fstatSync, openSync, writeSync} from 'node:fs';
import {createRequire} from 'node:module';
import type {Logger as PinoLogger} from 'pino';
import {ChoriaError, errorMessage} from './errors.ts';
import {formatLogLine, type LogForm} from './log-format.ts';
import type {LogDestination, LogFields, Logger, LogLevel} from './logger.ts';
import type {Clock} from './platform.ts';

const require = createRequire(import.meta.url);

export type LogErrorCode = 'ERR_LOG_FILE_UNUSABLE';

export const LogErrorCodes: Readonly<Record<LogErrorCode, string>> = {
  ERR_LOG_FILE_UNUSABLE: 'The log file cannot be opened for appending',
};

export class LogError extends ChoriaError<LogErrorCode> {}

export interface LoggerOptions {
  readonly destination: LogDestination;
  readonly level: LogLevel;
  /** One JSON object a line. Default: for files yes, else no. */
  readonly json?: boolean;
  /** The form for terminals: coloured level, seconds since the start. */
  readonly color?: boolean;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Wall clock of the program's start, in ms since 1970. */
  readonly startedAtMs: number;
  /** Takes the lines instead of standard output or error: for tests and for programs that embed us. */
  readonly sink?: {write(text: string): void};
}

/**
 * The level a `loglevel` setting means: unknown words log from `warn` on, as in the reference.
 */
export function logLevelOf(setting: string): LogLevel {
  switch (setting) {
    case 'debug':
    case 'info':
    case 'warn':
    case 'error':
    case 'fatal':
      return setting;
    default:
      return 'warn';
  }
}

/** Closing flushes nothing (lines are written as they come); it gives the file back. */
export interface ClosableLogger extends Logger {
  /** Opens the file by its name again, so that a rotated one can go. A new file that cannot be opened leaves the old one in use. */
  reopen(): void;
  close(): void;
}

/**
 * @throws {LogError} `ERR_LOG_FILE_UNUSABLE`
 * @example
 * const log = createLogger({destination: 'stdout', level: 'info', clock, startedAtMs: clock.nowMs()});
 * log.child({component: 'network'}).info('Connected', {server: 'nats://broker:4222'});
 */
export function createLogger(options: LoggerOptions): ClosableLogger {
  const form = formOf(options);
  const format = (line: Line): string => {
    const atMs = options.clock.nowMs();
    return formatLogLine({...line, atMs, elapsedMs: atMs - options.startedAtMs}, form);
  };
  const output = openOutput(options, (count) =>
    format({level: 'warn', message: 'Log lines were lost because they could not be written', fields: {count}}),
  );
  const write = (line: string): void => {
    const {level, msg, fields} = JSON.parse(line) as WrittenLine;
    output.write(format({level, message: msg ?? '', fields: fields ?? {}}));
  };
  let engine: PinoLogger | undefined;
  const log = ({level, message, fields}: Line): void => {
    engine ??= createEngine(options.level, write);
    engine[level]({fields: plainFields(fields)}, message);
  };
  return {
    ...createFacade(options.level, {log, fields: {}}),
    reopen: () => output.reopen?.(),
    close: () => output.close(),
  };
}

function formOf(options: LoggerOptions): LogForm {
  if (options.json ?? typeof options.destination === 'object') return 'json';
  return options.color === true ? 'terminal' : 'text';
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'fatal'];

interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

interface Target {
  readonly log: (line: Line) => void;
  readonly fields: LogFields;
}

/** Levels that are off cost one comparison and never load the engine. */
function createFacade(level: LogLevel, target: Target): Logger {
  const isEnabled = (wanted: LogLevel): boolean => levels.indexOf(wanted) >= levels.indexOf(level);
  const at =
    (wanted: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (isEnabled(wanted)) target.log({level: wanted, message, fields: {...target.fields, ...fields}});
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => createFacade(level, {...target, fields: {...target.fields, ...fields}}),
    isEnabled,
  };
}

interface WrittenLine {
  readonly level: LogLevel;
  readonly msg?: string;
  readonly fields?: LogFields;
}

/** A net below the rule that secrets are never logged: fields of these names are masked wherever they turn up. */
const secretFields: readonly string[] = [
  'password',
  'pass',
  'token',
  'jwt',
  'secret',
  'seed',
  'private_key',
  'authorization',
];

/** Paths of tokens and seeds are no secrets and are what an operator looks for in a log. */
function maskSecret(value: unknown): unknown {
  return typeof value === 'string' && /^$|^[/~]|^[A-Za-z]:\\/.test(value) ? value : '[masked]';
}

function createEngine(level: LogLevel, write: (line: string) => void): PinoLogger {
  const {pino} = require('pino') as typeof import('pino');
  return pino(
    {
      level,
      base: null,
      timestamp: false,
      formatters: {level: (label) => ({level: label})},
      redact: {paths: secretFields.map((name) => `fields.${name}`), censor: maskSecret},
    },
    {write},
  );
}

/** What JSON has no form for, in the words a person would use. */
function plainFields(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]): [string, unknown] => {
      if (value instanceof Error) return [key, value.message];
      return [key, typeof value === 'bigint' || typeof value === 'symbol' ? String(value) : value];
    }),
  );
}

interface Output {
  write(text: string): void;
  reopen?(): void;
  close(): void;
}

/** @param lostNotice the line that tells of so many lost ones */
function openOutput(options: LoggerOptions, lostNotice: (count: number) => string): Output {
  const {destination, sink} = options;
  if (destination === 'discard') return {write() {}, close() {}};
  if (typeof destination === 'object') {
    return fileOutput(destination.path, lostNotice);
  }
  if (sink) return {write: (text) => sink.write(text), close() {}};
  return descriptorOutput(destination === 'stdout' ? 1 : 2, {lostNotice, close() {}});
}

function fileOutput(path: string, lostNotice: (count: number) => string): Output {
  const open = (): Output => {
    const descriptor = openLogFile(path);
    return descriptorOutput(descriptor, {lostNotice, close: () => closeSync(descriptor)});
  };
  let current = open();
  return {
    write: (text) => current.write(text),
    reopen() {
      const before = current;
      current = open();
      before.close();
    },
    close: () => current.close(),
  };
}

/** Mode 0666 less umask, as the packages' logrotate rules expect. A FIFO without a reader is refused instead of waited for. */
function openLogFile(path: string): number {
  const problem = (why: string, cause?: unknown): LogError =>
    new LogError('ERR_LOG_FILE_UNUSABLE', `Cannot log to "${path}": ${why}`, {
      details: {path},
      ...(cause === undefined ? {} : {cause}),
    });
  let descriptor: number;
  try {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);
    descriptor = openSync(path, flags, 0o666);
  } catch (error) {
    throw problem(`${errorMessage(error)}; expected a file that this user may append to`, error);
  }
  const stats = fstatSync(descriptor);
  if (stats.isFile() || stats.isCharacterDevice()) return descriptor;
  closeSync(descriptor);
  throw problem('it is neither a file nor a device, expected a file');
}

function descriptorOutput(
  descriptor: number,
  options: {readonly lostNotice: (count: number) => string; readonly close: () => void},
): Output {
  let lostLines = 0;
  let closed = false;
  return {
    write(text) {
      if (closed) return;
      try {
        const notice = lostLines === 0 ? '' : options.lostNotice(lostLines);
        writeAll(descriptor, notice + text);
        lostLines = 0;
      } catch {
        // A full disk or a closed pipe: the program's work matters more than its log.
        lostLines += 1;
      }
    },
    close() {
      if (!closed) options.close();
      closed = true;
    },
  };
}

/** How often a write is tried again on a pipe whose reader is slow, before its line is given up. */
const busyRetriesMax = 1_000;

function writeAll(descriptor: number, text: string): void {
  const data = Buffer.from(text, 'utf8');
  let written = 0;
  let retries = 0;
  while (written < data.length) {
    try {
      written += writeSync(descriptor, data, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || retries >= busyRetriesMax) throw error;
      retries += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
