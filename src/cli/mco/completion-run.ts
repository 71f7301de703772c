/** Lists of names for shells, in the option names of the Ruby client. */
import {runCompletion} from '../commands/completion-run.ts';
import {isGiven} from '../commands/network.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

const lists = ['agents', 'actions', 'inputs', 'applications'];

/** @param wanted.applications what `--list-applications` shows: names, and what they are for */
export async function runMcoCompletion(
  context: CliContext,
  wanted: {
    readonly parsed: ParsedArguments;
    readonly applications: readonly (readonly [name: string, help: string])[];
  },
): Promise<number> {
  const {parsed, applications} = wanted;
  const [list, more] = lists.filter((name) => isGiven(parsed, `list-${name}`));
  if (list === undefined || more !== undefined) {
    throw new CliError('ERR_CLI_FAILED', `Cannot complete: expected one of --list-${lists.join(', --list-')}`);
  }
  const isVerbose = isGiven(parsed, 'verbose');
  if (list === 'applications') {
    context.stdout.write(applications.map(([name, help]) => `${name}${isVerbose ? `:${help}` : ''}\n`).join(''));
    return 0;
  }
  return runCompletion(context, {...parsed, flags: {...parsed.flags, list, zsh: isVerbose}});
}
