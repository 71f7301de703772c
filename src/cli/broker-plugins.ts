/**
 * Programs that bring sub commands of `choria broker`. They are registered where the nats program keeps its plugins, in its form, so that both
 * have them: a file for each, named after the command, with the program and its own description.
 */
import {isAbsolute, join} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import {fileExists} from '../lib/file-exists.ts';
import {isJsonObject, jsonField, parseJson} from '../lib/json.ts';
import type {Platform} from '../lib/platform.ts';
import {CliError} from './errors.ts';
import {introspectBytesMax} from './limits.ts';
import type {CliContext} from './types.ts';

/** What the nats program takes; nothing that leads out of the folder. */
export const pluginNames = /^[a-z]+$/;

/** The file of a plugin, undefined where the user has no home. */
export function brokerPluginPath(name: string, {env, host}: Pick<Platform, 'env' | 'host'>): string | undefined {
  const configured = env['XDG_DATA_HOME'] ?? '';
  const home = host.homeDirectory;
  if (configured === '' && home === undefined) return undefined;
  const data = configured === '' ? join(home ?? '', '.local', 'share') : configured;
  return join(data, 'nats', 'cli', 'plugins', `${name}.json`);
}

/**
 * Runs the plugin of that name with the words behind it and the user's terminal.
 *
 * @returns its exit code; undefined when none is registered by that name
 * @throws {CliError} when the registration cannot be used
 */
export async function runBrokerPlugin(
  context: CliContext,
  {name, words}: {readonly name: string; readonly words: readonly string[]},
): Promise<number | undefined> {
  const {platform} = context;
  const path = pluginNames.test(name) ? brokerPluginPath(name, platform) : undefined;
  if (path === undefined || context.runInTerminal === undefined || !(await fileExists(platform.files, path)))
    return undefined;
  const command = await readCommand(path, platform);
  try {
    return await context.runInTerminal(command, words);
  } catch (cause) {
    throw failure(name, `"${command}", which ${path} names, cannot be run: ${errorMessage(cause)}`, cause);
  }
}

async function readCommand(path: string, {files}: Pick<Platform, 'files'>): Promise<string> {
  // It names a program that is run: nobody else may have written it.
  if (((await files.stat(path)).mode & 0o022) !== 0) {
    throw new CliError(
      'ERR_CLI_FAILED',
      `Cannot use the plugin in ${path}: others may write the file; chmod go-w ${path}`,
    );
  }
  let value: unknown;
  try {
    value = parseJson(await files.read(path, {limitBytes: introspectBytesMax * 2}));
  } catch (cause) {
    throw new CliError('ERR_CLI_FAILED', `Cannot use the plugin in ${path}: ${errorMessage(cause)}`, {cause});
  }
  const command = isJsonObject(value) ? jsonField(value, 'cmd') : undefined;
  if (typeof command === 'string' && isAbsolute(command)) return command;
  throw new CliError('ERR_CLI_FAILED', `Cannot use the plugin in ${path}: "cmd" names no program by its whole path`);
}

function failure(name: string, reason: string, cause: unknown): CliError {
  return new CliError('ERR_CLI_FAILED', `Cannot run the plugin "${name}": ${reason}`, {cause});
}
