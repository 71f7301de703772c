/** What can go wrong on the command line itself. The code decides where the text goes and what follows it (cli.md 1.1). */
import {ChoriaError} from '../lib/errors.ts';

export type CliErrorCode =
  | 'ERR_CLI_USAGE'
  | 'ERR_CLI_COMMAND'
  | 'ERR_CLI_VALUE'
  | 'ERR_CLI_CONFIGURE'
  | 'ERR_CLI_FAILED';

export const cliErrorCodes: Readonly<Record<CliErrorCode, string>> = {
  ERR_CLI_USAGE: 'The command line does not fit the command: unknown or repeated flag, missing or extra argument',
  ERR_CLI_COMMAND: 'A sub command is missing or not known',
  ERR_CLI_VALUE: 'A flag or argument holds a value that its kind does not allow',
  ERR_CLI_CONFIGURE: 'The configuration that the command needs cannot be read',
  ERR_CLI_FAILED: 'The command ran and failed',
};

/**
 * @example
 * throw new CliError('ERR_CLI_FAILED', `Cannot save "${path}": the directory does not exist`);
 */
export class CliError extends ChoriaError<CliErrorCode> {}
