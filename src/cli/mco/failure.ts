/** How the Ruby client tells that an application failed. */
import {errorMessage} from '../../lib/errors.ts';
import {writeLogLine} from '../fatal.ts';
import {inert, inertLine} from '../render/inert.ts';
import type {CliContext} from '../types.ts';

export function reportFailure(
  context: CliContext,
  failure: {readonly name: string; readonly error: unknown; readonly isVerbose: boolean},
): number {
  const {name, error, isVerbose} = failure;
  if (context.signal.aborted) {
    writeLogLine(context, context.stdout, {level: 'info', message: 'Shutting down on interrupt'});
    return 1;
  }
  const hint = isVerbose ? '' : ', use -v for full error backtrace details';
  const message = inertLine(errorMessage(error));
  context.stderr.write(
    `\nThe \u001b[1m${name}\u001b[0m application failed to run${hint}: \u001b[31m${message}\u001b[0m\n`,
  );
  if (isVerbose && error instanceof Error) context.stderr.write(`\n${inert(error.stack ?? error.message)}\n`);
  return 1;
}
