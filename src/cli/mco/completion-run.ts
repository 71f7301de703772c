/** Lists of names for shells, in the option names of the Ruby client. */
import {runCompletion} from '../commands/completion-run.ts';
import {isGiven} from '../commands/network.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

/** @param wanted.applications the names that `--list-applications` shows */
export async function runMcoCompletion(
  context: CliContext,
  wanted: {readonly parsed: ParsedArguments; readonly applications: readonly string[]},
): Promise<number> {
  const {parsed, applications} = wanted;
  if (isGiven(parsed, 'list-applications')) {
    context.stdout.write(`${applications.join('\n')}\n`);
    return 0;
  }
  const list = ['agents', 'actions', 'inputs'].find((name) => isGiven(parsed, `list-${name}`));
  if (list === undefined) {
    throw new CliError('ERR_CLI_FAILED', 'Cannot complete: expected one of the --list options');
  }
  return runCompletion(context, {...parsed, flags: {...parsed.flags, list, zsh: isGiven(parsed, 'verbose')}});
}
