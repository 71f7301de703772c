/** `choria broker plugins register`: makes a program a sub command of `choria broker`. */
import {dirname, resolve} from 'node:path';
import {errorMessage} from '../../lib/errors.ts';
import {fileExists} from '../../lib/file-exists.ts';
import {findProgram} from '../../lib/find-program.ts';
import {isJsonObject, jsonField, parseJson} from '../../lib/json.ts';
import {brokerPluginPath, pluginNames} from '../broker-plugins.ts';
import {CliError} from '../errors.ts';
import {introspectBytesMax, introspectTimeoutMs} from '../limits.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {requireFile} from './existing.ts';
import {textArgument} from './jwt-files.ts';

/** @param options.taken  names that a plugin would hide behind, since they are commands of our own */
export async function runPluginsRegister(
  context: CliContext,
  parsed: ParsedArguments,
  {taken}: {readonly taken: readonly string[]},
): Promise<number> {
  const {files, host} = context.platform;
  const [name, given] = [textArgument(parsed, 'name'), textArgument(parsed, 'command')];
  await requireFile(files, given);
  requireName(name, taken);
  const path = brokerPluginPath(name, context.platform);
  if (path === undefined)
    throw new CliError('ERR_CLI_FAILED', `Cannot register "${name}": this user has no home folder`);
  if (parsed.flags['force'] !== true && (await fileExists(files, path))) {
    throw new CliError('ERR_CLI_FAILED', `plugin ${name} is already registered in ${path}, use --force to update`);
  }
  const command = resolve(host.workingDirectory, given);
  const description = await introspect(context, command);
  await files.makeDirectory(dirname(path), {mode: 0o700, recursive: true});
  await files.writeAtomic(path, `{"cmd":${JSON.stringify(command)},"def":${description}}`, {mode: 0o600});
  context.stdout.write(`Plugin ${name} using command ${inertLine(given)} was added or updated\n`);
  return 0;
}

function requireName(name: string, taken: readonly string[]): void {
  if (!pluginNames.test(name)) {
    throw new CliError(
      'ERR_CLI_FAILED',
      `Cannot register ${JSON.stringify(name)}: plugin names are letters from a to z`,
    );
  }
  if (taken.includes(name)) {
    throw new CliError('ERR_CLI_FAILED', `Cannot register "${name}": "choria broker ${name}" is a command of its own`);
  }
}

/** The program's own description of its commands, one JSON object. */
async function introspect({platform, signal}: CliContext, command: string): Promise<string> {
  const refuse = (reason: string, cause?: unknown): CliError =>
    new CliError('ERR_CLI_FAILED', `Cannot register "${command}": ${reason}`, cause === undefined ? {} : {cause});
  if ((await findProgram(command, platform)) === undefined) throw refuse('it is no executable file');
  const env = Object.entries(platform.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const {exitCode, timedOut, stdout} = await platform.processes.run({
    command,
    args: ['--fisk-introspect'],
    env: Object.fromEntries(env),
    cwd: platform.host.workingDirectory,
    timeoutMs: introspectTimeoutMs,
    outputBytesMax: introspectBytesMax,
    signal,
  });
  if (timedOut) throw refuse(`"--fisk-introspect" did not end in ${introspectTimeoutMs / 1_000} seconds`);
  if (exitCode !== 0)
    throw refuse(`"--fisk-introspect" ended with ${exitCode}, expected a description of its commands`);
  const text = stdout.toString('utf8').trim();
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw refuse(`what "--fisk-introspect" prints is not JSON: ${errorMessage(cause)}`, cause);
  }
  const help = isJsonObject(value) ? jsonField(value, 'help') : undefined;
  if (typeof help !== 'string' || help === '') throw refuse('"--fisk-introspect" gives no "help"');
  return text;
}
