/** Writes what other programs need of an agent's description: a typed client, or the Ruby form (cli.md 3.6, client.md 8). */
import {join} from 'node:path';
import {agentDdlDocument, ddlToRuby, generateClient, parseAgentDdl, validateDdlDocument} from '../../ddl/index.ts';
import type {AgentDdl} from '../../ddl/types.ts';
import {errorMessage} from '../../lib/errors.ts';
import {CliError} from '../errors.ts';
import {writeLogLine} from '../fatal.ts';
import {inputFileBytesMax} from '../limits.ts';
import {askYes} from '../prompt.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {fileExists} from '../../lib/file-exists.ts';
import {requireFile} from './existing.ts';

const schemaAddress = 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json';
const packageName = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;

async function readDescription(context: CliContext, path: string): Promise<{readonly ddl: AgentDdl}> {
  try {
    const text = (await context.platform.files.read(path, {limitBytes: inputFileBytesMax})).toString('utf8');
    return {ddl: parseAgentDdl(text)};
  } catch (error) {
    throw new CliError('ERR_CLI_FAILED', `Cannot read the description in "${path}": ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

export async function runGenerateClient(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {files} = context.platform;
  const target = String(parsed.arguments['target']);
  const source = String(parsed.arguments['ddl']);
  await requireFile(files, source);
  const {ddl} = await readDescription(context, source);
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

/** Shows what does not fit the schema; such a description is written all the same, as its author may want to go on with it. */
function checkDocument(context: CliContext, document: unknown): void {
  const {stdout} = context;
  stdout.write('Validating JSON DDL against the schema...\n');
  const problems = validateDdlDocument(document);
  if (problems.length > 0) {
    const list = problems.map((problem) => ` - ${inertLine(problem)}\n`).join('');
    stdout.write(`The DDL does not pass validation against ${schemaAddress}:\n\n${list}`);
    stdout.write('\nWARN: DDL does not pass JSON Schema Validation: JSON DDL validation failed\n');
  }
  stdout.write('\n');
}

interface DdlFiles {
  readonly json: string;
  readonly ruby: string | undefined;
  readonly isChecked: boolean;
}

async function convert(context: CliContext, {json, ruby, isChecked}: DdlFiles): Promise<number> {
  const {ddl} = await readDescription(context, json);
  // In the form that programs pass on, which leaves out what is zero: a string without a bound is complained of.
  if (isChecked) checkDocument(context, agentDdlDocument(ddl));
  if (ruby === undefined) {
    throw new CliError('ERR_CLI_FAILED', `Cannot convert "${json}": expected a second file, for the Ruby form`);
  }
  await context.platform.files.writeAtomic(ruby, `${ddlToRuby(ddl)}\n`, {mode: 0o644});
  return 0;
}

async function describe(context: CliContext, {json, ruby, isChecked}: DdlFiles): Promise<number> {
  const {files} = context.platform;
  const {interview} = await import('./plugin-ddl-interview.ts');
  const described = await interview(context, {
    schema: schemaAddress,
    save: async (now) => {
      const text = `${JSON.stringify(now, null, 2)}\n`;
      await files.writeAtomic(json, text, {mode: 0o644});
      if (ruby !== undefined) await files.writeAtomic(ruby, `${ddlToRuby(parseAgentDdl(text))}\n`, {mode: 0o644});
    },
  });
  if (isChecked) checkDocument(context, described);
  return 0;
}

export async function runGenerateDdl(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const ruby = parsed.arguments['ruby_output'];
  const place: DdlFiles = {
    json: String(parsed.arguments['json_output']),
    ruby: typeof ruby === 'string' && ruby !== '' ? ruby : undefined,
    isChecked: parsed.flags['skip-verify'] !== true,
  };
  if (await fileExists(context.platform.files, place.json)) {
    const question = `JSON ddl ${inertLine(place.json)} already exist, convert it to Ruby`;
    if (parsed.flags['convert'] === true || (await askYes(context, question))) return convert(context, place);
  }
  return describe(context, place);
}
