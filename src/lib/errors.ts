/**
 * The base of every operating error: a stable code, a message that says what could not be done and what would be right,
 * and the cause.
 *
 * Each area has one family in its own `errors.ts` whose codes form a union type. Programmer errors use `assert` and are
 * never caught.
 */

export interface ChoriaErrorOptions {
  readonly cause?: unknown;
  /** Machine readable facts: the path, the field, the value found. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * @example
 * throw new ConfigError('ERR_CONFIG_FILE_UNREADABLE', `Cannot read "${path}": it is a directory`, {details: {path}});
 */
export class ChoriaError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, options: ChoriaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.name = new.target.name;
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Marks a programmer error: something that no input and no environment may bring about. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}

/** What people read in place of the names that systems give to the failures of files. */
const systemErrorTexts: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'file exists',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
};

/** `ENOENT` and its like in words, the code itself where there are none. */
export function systemErrorText(code: string): string {
  return systemErrorTexts[code] ?? code;
}

/** The text of anything that was thrown, for a message or a log field; failures of files as `open /etc/x: no such file or directory`. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const {code = '', syscall, path} = error as NodeJS.ErrnoException;
  const isOfFile = syscall !== undefined && path !== undefined && Object.hasOwn(systemErrorTexts, code);
  // What a program could not be started for has its path in the name of the call already.
  return isOfFile && !syscall.startsWith('spawn') ? `${syscall} ${path}: ${systemErrorText(code)}` : error.message;
}
