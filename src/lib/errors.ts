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

/** The text of anything that was thrown, for a message or a log field. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
