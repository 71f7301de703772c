/** Writes what other programs need of an agent's description: a typed client, or the Ruby form (cli.md 3.6, client.md 8). */
import {join} from 'node:path';
import {agentDdlDocument, ddlToRuby, generateClient, parseAgentDdl, validateDdlDocument} from '../../ddl/index.ts';
import type {AgentDdl} from '../../ddl/types.ts';
import {errorMessage} from '../../lib/errors.ts';
import {CliError} from '../errors.ts';
import {writeLogLine} from '../fatal.ts';
import {inputFileBytesMax} from '../limits.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

const packageName = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;

async function readDescription(
  context: CliContext,
  path: string,
): Promise<{readonly ddl: AgentDdl; readonly document: unknown}> {
  try {
    const text = (await context.platform.files.read(path, {limitBytes: inputFileBytesMax})).toString('utf8');
    return {ddl: parseAgentDdl(text), document: JSON.parse(text)};
  } catch (error) {
    throw new CliError('ERR_CLI_FAILED', `Cannot read the description in "${path}": ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

export async function runGenerateClient(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {files} = context.platform;
  const target = String(parsed.arguments['target']);
  const {ddl} = await readDescription(context, String(parsed.arguments['ddl']));
  const {name, version} = ddl.metadata;
  const given = parsed.flags['package'];
  const chosen = typeof given === 'string' && given !== '' ? given : `${name}client`;
  if (!packageName.test(chosen)) {
    throw new CliError(
      'ERR_CLI_FAILED',
      `Cannot name the package "${chosen}": expected small letters, digits and . _ -`,
    );
  }
  const log = (message: string): void => writeLogLine(context, context.stdout, {level: 'info', message});
  log(`Writing Choria Client for Agent ${name} Version ${version} to ${target}`);
  await files.makeDirectory(target, {mode: 0o755, recursive: true});
  for (const [file, text] of Object.entries(generateClient(ddl, {packageName: chosen}))) {
    const path = join(target, file);
    log(`Writing ${path}`);
    await files.writeAtomic(path, text, {mode: 0o644});
  }
  return 0;
}

async function refuseToReplace(context: CliContext, path: string): Promise<void> {
  try {
    await context.platform.files.stat(path);
  } catch (error) {
    if ((error as {code?: unknown}).code === 'ENOENT') return;
    throw error;
  }
  throw new CliError('ERR_CLI_FAILED', `${path} already exist, pass --convert to write it anew`);
}

export async function runGenerateDdl(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {stdout, platform} = context;
  const json = String(parsed.arguments['json_output']);
  const ruby = parsed.arguments['ruby_output'];
  const {ddl, document} = await readDescription(context, json);
  if (parsed.flags['skip-verify'] !== true) {
    stdout.write('Validating JSON DDL against the schema...\n');
    const problems = validateDdlDocument(document);
    if (problems.length > 0) {
      const schema = String(agentDdlDocument(ddl)['$schema']);
      const list = problems.map((problem) => ` - ${inertLine(problem)}\n`).join('');
      stdout.write(`The DDL does not pass validation against ${schema}:\n\n${list}\n`);
      stdout.write('WARN: DDL does not pass JSON Schema Validation: JSON DDL validation failed\n\n');
      if (typeof ruby !== 'string') return 1;
    } else stdout.write(`${inertLine(json)} passes validation\n`);
  }
  if (typeof ruby !== 'string' || ruby === '') return 0;
  if (parsed.flags['convert'] !== true) await refuseToReplace(context, ruby);
  await platform.files.writeAtomic(ruby, `${ddlToRuby(ddl)}\n`, {mode: 0o644});
  stdout.write(`Wrote the Ruby form to ${inertLine(ruby)}\n`);
  return 0;
}
