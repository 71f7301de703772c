/** The command line: one function that runs a command line, and its declarations for the generated pages. */
export {program} from './commands/index.ts';
export {type CliErrorCode, CliError, cliErrorCodes} from './errors.ts';
export {runCli} from './run.ts';
export type {
  ArgumentSpec,
  CliContext,
  CommandSpec,
  FlagSpec,
  ParsedArguments,
  TextSink,
} from './types.ts';
