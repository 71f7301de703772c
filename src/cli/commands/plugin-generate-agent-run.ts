/** Writes the files of a new agent. */
import {join, resolve} from 'node:path';
import {scaffoldAgent} from '../../agents/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {version} from '../../lib/version.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

export async function runGenerateAgent(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {files, host} = context.platform;
  const name = String(parsed.arguments['name']);
  const {target, description, author} = {...parsed.arguments, ...parsed.flags};
  const directory = typeof target === 'string' && target !== '' ? target : name;
  const given = (value: unknown, otherwise: string): string =>
    typeof value === 'string' && value !== '' ? value : otherwise;
  let scaffold: Readonly<Record<string, string>>;
  try {
    scaffold = scaffoldAgent({
      name,
      description: given(description, `The agent ${name}`),
      author: given(author, 'Unknown <unknown@example.net>'),
      language: parsed.flags['typescript'] === true ? 'typescript' : 'javascript',
      choriaVersion: version,
    });
  } catch (error) {
    throw new CliError('ERR_CLI_FAILED', errorMessage(error), {cause: error});
  }
  const folder = resolve(host.workingDirectory, directory);
  await refuseUsed(context, folder);
  await files.makeDirectory(folder, {mode: 0o755, recursive: true});
  for (const [file, text] of Object.entries(scaffold)) {
    await files.writeAtomic(join(folder, file), text, {mode: 0o644});
    context.stdout.write(`Wrote ${inertLine(join(directory, file))}\n`);
  }
  return 0;
}

async function refuseUsed(context: CliContext, directory: string): Promise<void> {
  let entries: readonly unknown[];
  try {
    entries = await context.platform.files.list(directory);
  } catch (error) {
    if ((error as {code?: unknown}).code === 'ENOENT') return;
    throw error;
  }
  if (entries.length === 0) return;
  throw new CliError(
    'ERR_CLI_FAILED',
    `Cannot write the agent to "${directory}": there are ${entries.length} files in it, expected an empty directory or none`,
  );
}
