/** Completion scripts that know agents, actions and inputs, and the lists that they ask for. */
import {openDescriptions} from '../descriptions.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import {loadOptionalConfig} from '../setup.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {completionScript} from './completion-script.ts';

interface Entry {
  readonly name: string;
  readonly description: string;
}

function required(value: unknown, message: string): string {
  if (typeof value !== 'string' || value === '') throw new CliError('ERR_CLI_FAILED', message);
  return value;
}

async function listEntries(context: CliContext, parsed: ParsedArguments): Promise<readonly Entry[]> {
  const {list, agent: agentFlag, action: actionFlag} = parsed.flags;
  const config = await loadOptionalConfig(context, parsed);
  const descriptions = openDescriptions(context, config);
  if (list === 'agents') {
    const entries: Entry[] = [];
    for (const name of await descriptions.agentNames()) {
      const description = (await descriptions.agent(name))?.metadata.description ?? '';
      entries.push({name, description});
    }
    return entries;
  }
  const what = list === 'inputs' ? 'inputs' : 'actions';
  const agent = required(agentFlag, `please indicate an agent to list ${what} for`);
  const ddl = await descriptions.agent(agent);
  if (list === 'actions') {
    return (ddl?.actions ?? []).map((action) => ({name: action.name, description: action.description}));
  }
  const action = required(actionFlag, 'please indicate an action to list inputs for');
  const inputs = ddl?.actions.find((item) => item.name === action)?.inputs;
  return [...(inputs?.values() ?? [])].map((input) => ({name: input.name, description: input.description}));
}

/** A colon ends the name in zsh's lists, so one inside the name is escaped. */
function zshLine(entry: Entry): string {
  return `${inertLine(entry.name).replaceAll(':', '\\:')}:${inertLine(entry.description)}`;
}

export async function runCompletion(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const zsh = parsed.flags['zsh'] === true;
  if (parsed.flags['list'] === undefined) {
    context.stdout.write(completionScript(zsh ? 'zsh' : 'bash'));
    return 0;
  }
  const entries = [...(await listEntries(context, parsed))].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) context.stdout.write(`${zsh ? zshLine(entry) : inertLine(entry.name)}\n`);
  return 0;
}
