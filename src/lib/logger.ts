/**
 * The logger interface that cores are given. Levels and field names follow logrus, because users' log parsers read those.
 *
 * A line's fields are data: never put a token, password, key or whole configuration into them.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** For the last line of a program; does not exit. */
  fatal(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each line, such as `{component: 'network'}`. */
  child(fields: LogFields): Logger;
  isEnabled(level: LogLevel): boolean;
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
  child: () => silentLogger,
  isEnabled: () => false,
};

export type LogDestination = 'stdout' | 'stderr' | 'discard' | {readonly path: string};

/** What a `logfile` setting means: three words in any case, else a path. */
export function logDestinationOf(setting: string): LogDestination {
  const word = setting.toLowerCase();
  if (word === 'stdout' || word === 'stderr' || word === 'discard') return word;
  return setting === '' ? 'stdout' : {path: setting};
}
