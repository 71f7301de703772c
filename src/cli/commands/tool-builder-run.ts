/** Finds and checks definitions of Application Builder: YAML files named `NAME-app.yaml`. */
import {join} from 'node:path';
import {errorMessage} from '../../lib/errors.ts';
import {yaml} from '../../lib/yaml.ts';
import {CliError} from '../errors.ts';
import {definitionBytesMax, definitionsMax} from '../limits.ts';
import {inertLine} from '../render/inert.ts';
import {renderTable} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {requireFile} from './existing.ts';
import {definitionProblems, type Definition} from './tool-builder-rules.ts';

const suffix = '-app.yaml';

/** Where applications are looked for, nearest first. */
function sourceDirectories({platform}: CliContext): readonly string[] {
  const {env} = platform;
  const config = env['XDG_CONFIG_HOME'] || join(env['HOME'] ?? '/', '.config');
  return ['.', join(config, 'choria', 'builder'), '/etc/choria/builder', join(config, 'appbuilder'), '/etc/appbuilder'];
}

async function loadDefinition(context: CliContext, path: string): Promise<Definition> {
  const {files} = context.platform;
  const read = async (place: string): Promise<Definition> => {
    const text = (await files.read(place, {limitBytes: definitionBytesMax})).toString('utf8');
    let value: unknown;
    try {
      value = yaml().parse(text);
    } catch (error) {
      throw new CliError('ERR_CLI_FAILED', `invalid application definition ${place}: ${errorMessage(error)}`, {
        cause: error,
      });
    }
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Definition;
    throw new CliError('ERR_CLI_FAILED', `invalid application definition ${place}: expected keys and values`);
  };
  const own = await read(path);
  const include = own['include_file'];
  if (typeof include !== 'string' || include === '') return own;
  const {name, author, description, version} = own;
  const kept = Object.entries({name, author, description, version}).filter(([, value]) => (value ?? '') !== '');
  return {...(await read(include)), ...Object.fromEntries(kept)};
}

export async function runBuilderValidate(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const path = String(parsed.arguments['definition']);
  await requireFile(context.platform.files, path);
  const problems = definitionProblems(await loadDefinition(context, path));
  if (problems.length === 0) {
    context.stdout.write(`Application definition ${path} is valid\n`);
    return 0;
  }
  const lines = problems.map((problem) => `   ${inertLine(problem)}\n`).join('');
  context.stdout.write(`Application definition ${path} not valid:\n\n${lines}`);
  return 1;
}

export function runBuilderInfo(context: CliContext): Promise<number> {
  const {env} = context.platform;
  const shown = (name: string): string => inertLine(env[name] || 'not specified');
  const rows: readonly (readonly [string, string])[] = [
    ['Debug Logging (BUILDER_DEBUG)', String((env['BUILDER_DEBUG'] ?? '') !== '')],
    ['Configuration File (BUILDER_CONFIG)', shown('BUILDER_CONFIG')],
    ['Definition File (BUILDER_APP)', shown('BUILDER_APP')],
    ['Source Locations', sourceDirectories(context).join(', ')],
  ];
  const lines = rows.map(([label, value]) => `${label.padStart(37)}: ${value}\n`).join('');
  context.stdout.write(`Choria Application Builder\n\n${lines}`);
  return Promise.resolve(0);
}

async function findDefinitions(context: CliContext): Promise<readonly string[]> {
  const {files, host} = context.platform;
  const found: string[] = [];
  for (const directory of sourceDirectories(context)) {
    const place = directory === '.' ? host.workingDirectory : directory;
    const entries = await files.list(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    });
    const names = entries.map((entry) => entry.name).filter((name) => name.endsWith(suffix));
    found.push(...names.toSorted().map((name) => join(place, name)));
  }
  return found.slice(0, definitionsMax);
}

export async function runBuilderList(context: CliContext): Promise<number> {
  const {stdout} = context;
  const found = await findDefinitions(context);
  if (found.length === 0) stdout.write('No Application Definitions found\n');
  const rows = await Promise.all(
    found.map(async (path) => {
      const {description} = await loadDefinition(context, path);
      const name = path.slice(path.lastIndexOf('/') + 1, -suffix.length);
      return [name, path, typeof description === 'string' ? description : ''];
    }),
  );
  const table = renderTable({title: 'Known Applications', headers: ['Name', 'Location', 'Description'], rows});
  stdout.write(`${table}\n`);
  return 0;
}
