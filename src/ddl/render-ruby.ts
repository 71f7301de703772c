/**
 * A description as Ruby DDL text, for Ruby programs that read nothing else.
 *
 * The text is that of the reference to the byte (vectors `agents/ddl-render.json`), its losses included. Names with anything but
 * letters, digits, `_` and `-`, and line ends inside values, are refused: they would become Ruby code.
 */
import {DdlError} from './errors.ts';
import {formatFixed} from '../lib/go-number.ts';
import {compareUtf8} from './go-json.ts';
import type {ActionDdl, AgentDdl, AggregateItem, InputItem, OutputItem} from './types.ts';

/** @throws {DdlError} `ERR_DDL_RENDER` */
export function ddlToRuby(ddl: AgentDdl): string {
  return `${metadataText(ddl)}\n\n${ddl.actions.map((action) => `\n${actionText(action)}`).join('')}\n`;
}

function refuse(what: string, value: string): DdlError {
  return new DdlError('ERR_DDL_RENDER', `Cannot write ${what} ${JSON.stringify(value)} as Ruby: it would become code`);
}

function name(what: string, value: string): string {
  if (!/^[A-Za-z0-9_?!-]+$/.test(value)) throw refuse(what, value);
  return value;
}

/** Double quoted as it stands; what Ruby would take for its own is made harmless. */
function quoted(value: string): string {
  if (/[\n\r\0]/.test(value)) throw refuse('the text', value);
  return `"${value.replace(/["\\]|#(?=[{$@])/g, '\\$&')}"`;
}

function metadataText(ddl: AgentDdl): string {
  const {name: agent, description, author, license, version, url, provider, service, timeoutSeconds} = ddl.metadata;
  const entries: readonly (readonly [string, string])[] = [
    ['name', quoted(agent)],
    ['description', quoted(description)],
    ['author', quoted(author)],
    ['license', quoted(license)],
    ['version', quoted(version)],
    ['url', quoted(url)],
    ...(provider === '' ? [] : [['provider', quoted(provider)] as const]),
    ...(service ? [['service', 'true'] as const] : []),
    ['timeout', timeoutSeconds.toString()],
  ];
  return `metadata ${properties(entries, ' '.repeat(9))}`;
}

function properties(entries: readonly (readonly [string, string])[], indent: string): string {
  return entries.map(([key, value]) => `:${key.padEnd(11)} => ${value}`).join(`,\n${indent}`);
}

function sorted<T>(items: ReadonlyMap<string, T>): readonly T[] {
  return [...items].sort(([a], [b]) => compareUtf8(a, b)).map(([, item]) => item);
}

function actionText(action: ActionDdl): string {
  const head = `action ${quoted(name('action', action.name))}, :description => ${quoted(action.description)} do\n`;
  const inputs = sorted(action.inputs)
    .map((input) => `\n${inputText(input)}\n\n`)
    .join('');
  const outputs = sorted(action.outputs)
    .map((output) => `\n${outputText(output)}\n`)
    .join('');
  return `${head}  display :${action.display}\n${inputs}\n\n${outputs}${summaryText(action.aggregates)}\nend\n`;
}

function inputText(input: InputItem): string {
  const entries: (readonly [string, string])[] = [
    ['prompt', quoted(input.prompt)],
    ['description', quoted(input.description)],
    ['type', `:${name('type', input.type)}`],
  ];
  if (isShown(input.default)) entries.push(['default', rubyValue(input.type, input.default)]);
  if (input.type === 'string') {
    entries.push(['validation', validatorText(input.validation)], ['maxlength', input.maxLengthBytes.toString()]);
  }
  if (input.type === 'list') entries.push(['list', `[${input.list.map(quoted).join(', ')}]`]);
  entries.push(['optional', input.optional.toString()]);
  return `  input :${name('input', input.name)},\n        ${properties(entries, ' '.repeat(8))}`;
}

function outputText(output: OutputItem): string {
  const entries: (readonly [string, string])[] = [['description', quoted(output.description)]];
  if (isShown(output.default)) entries.push(['default', rubyValue(output.type, output.default)]);
  if (output.type !== '') entries.push(['type', quoted(output.type)]);
  entries.push(['display_as', quoted(output.displayAs)]);
  return `  output :${name('output', output.name)},\n         ${properties(entries, ' '.repeat(9))}`;
}

/** Defaults that are empty, zero or false are left out, as are those that are not there. */
export function isShown(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

function rubyValue(type: string, value: unknown): string {
  switch (type) {
    case 'string':
    case 'list':
      return typeof value === 'string' ? quoted(value) : 'nil';
    case 'float':
    case 'number':
      // Whole numbers only: what the reference writes, so that both give the same file.
      return typeof value === 'number' ? formatFixed(Math.sign(value) * Math.floor(Math.abs(value) + 0.5), 6) : 'nil';
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value).toString() : 'nil';
    case 'boolean':
      return typeof value === 'boolean' ? value.toString() : 'nil';
    default:
      return 'nil';
  }
}

const namedValidators: readonly string[] = ['shellsafe', 'ipv4address', 'ipv6address', 'ipaddress'];

function validatorText(validation: string): string {
  if (validation === '') return '"."';
  if (namedValidators.includes(validation)) return `:${validation}`;
  if (/[\n\r\0]/.test(validation)) throw refuse('the validation', validation);
  return `'${validation}'`;
}

function summaryText(aggregates: readonly AggregateItem[]): string {
  if (aggregates.length === 0) return '';
  const lines = aggregates.map(
    (item) => `    aggregate ${name('aggregate', item.function)}(${aggregateArguments(item)})\n`,
  );
  return `\n  summarize do\n${lines.join('')}  end`;
}

/** One option survives, the last by name. */
function aggregateArguments(item: AggregateItem): string {
  const [output, options] = item.args;
  const target = `:${typeof output === 'string' ? name('output', output) : 'unknown'}`;
  if (item.args.length !== 2 || typeof options !== 'object' || options === null || Array.isArray(options))
    return target;
  const texts = Object.entries(options)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    .sort(([a], [b]) => compareUtf8(b, a));
  const last = texts.at(-1);
  return last === undefined ? `${target}, ` : `${target}, :${name('option', last[0])} => ${JSON.stringify(last[1])}`;
}
