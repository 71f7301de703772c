/** Shows and saves example sheets. */
import {join} from 'node:path';
import {errorMessage} from '../../lib/errors.ts';
import {CliError} from '../errors.ts';
import type {CliContext, CommandSpec, ParsedArguments} from '../types.ts';

export interface CheatSheet {
  readonly label: string;
  readonly text: string;
}

/** The sheets of all commands that can be run, sorted by label. */
export function collectCheats(root: CommandSpec): readonly CheatSheet[] {
  const sheets = (command: CommandSpec): readonly CheatSheet[] => [
    ...(command.cheat ? [command.cheat] : []),
    ...(command.commands ?? []).flatMap(sheets),
  ];
  return [...sheets(root)].sort((a, b) => (a.label < b.label ? -1 : 1));
}

async function saveCheats(
  context: CliContext,
  request: {readonly directory: string; readonly root: CommandSpec},
): Promise<void> {
  const {directory, root} = request;
  for (const sheet of collectCheats(root)) {
    const path = join(directory, sheet.label);
    const text = `---\ntags: [choria]\n---\n${sheet.text}`;
    try {
      await context.platform.files.makeDirectory(directory, {mode: 0o755, recursive: true});
      await context.platform.files.writeAtomic(path, text, {mode: 0o644});
    } catch (error) {
      throw new CliError('ERR_CLI_FAILED', `Cannot save the cheat sheet "${path}": ${errorMessage(error)}`, {
        cause: error,
      });
    }
    context.stderr.write(`Saved cheat to ${path}\n`);
  }
}

export async function runCheat(
  context: CliContext,
  request: {readonly parsed: ParsedArguments; readonly root: CommandSpec},
): Promise<number> {
  const {parsed, root} = request;
  const directory = parsed.flags['save'];
  if (typeof directory === 'string') {
    await saveCheats(context, {directory, root});
    return 0;
  }
  const sheets = collectCheats(root);
  const sheet = sheets.find((item) => item.label === parsed.arguments['label']);
  if (sheet !== undefined && parsed.flags['list'] !== true) {
    context.stderr.write(`${sheet.text}\n`);
    return 0;
  }
  context.stderr.write(`Available Cheats:\n\n${sheets.map((item) => `    ${item.label}\n`).join('')}`);
  return 0;
}
