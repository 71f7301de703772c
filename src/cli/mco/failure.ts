/** How the Ruby client tells that an application failed: coloured even where nobody sees it, which scripts match. */
import {errorMessage} from '../../lib/errors.ts';
import {writeLogLine} from '../fatal.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext} from '../types.ts';

export function reportFailure(context: CliContext, name: string, error: unknown): number {
  if (context.signal.aborted) {
    writeLogLine(context, context.stdout, {level: 'info', message: 'Shutting down on interrupt'});
    return 1;
  }
  const text = `The \u001b[1m${name}\u001b[0m application failed to run: \u001b[31m${inertLine(errorMessage(error))}\u001b[0m`;
  context.stderr.write(`\n${text}\n`);
  return 1;
}
