/**
 * Descriptions for people: console text and Markdown. Vectors: `agents/ddl-render.json`.
 *
 * Shapes are those of the fleets' existing tools to the byte, so that scripts and eyes find what they know.
 */
import {goValue} from './go-format.ts';
import {compareUtf8} from './go-json.ts';
import {isShown} from './render-ruby.ts';
import type {ActionDdl, AgentDdl, AgentMetadata, DataDdl, InputItem, OutputItem} from './types.ts';

export interface ConsoleStyle {
  /** Marks headings, for instance with a terminal's bold; plain when left out. */
  readonly bold?: (text: string) => string;
}

type Bold = (text: string) => string;

/** Capital first letter of each word, the rest small. */
function title(text: string): string {
  return text.toLowerCase().replace(/\p{L}[\p{L}\p{N}_.']*/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1));
}

function sorted<T>(items: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...items].sort(([a], [b]) => compareUtf8(a, b));
}

function indent(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => ' '.repeat(width) + line)
    .join('\n');
}

export function renderDdlConsole(ddl: AgentDdl, style: ConsoleStyle = {}): string {
  const bold: Bold = style.bold ?? ((text) => text);
  const names = ddl.actions.map((action) => action.name).sort(compareUtf8);
  const actions = ddl.actions.map(
    (action) => `\n  ${bold(action.name)} ${bold('Action')}:\n\n${indent(actionConsole(action, bold), 4)}`,
  );
  return `${metadataConsole(ddl.metadata, 'Agent')}
Available Actions: ${names.join(', ')}

${bold('Actions:')}
${actions.join('')}
`;
}

function metadataConsole(metadata: AgentMetadata, kind: string): string {
  const {name, version, description, author, url, license, timeoutSeconds, provider, service} = metadata;
  const isAgent = kind === 'Agent';
  return `${title(name)} ${kind} version ${version}

${description}

Plugin Metadata:

    Author: ${author}
       URL: ${url}
   License: ${license}
   Timeout: ${timeoutSeconds}
${isAgent && provider !== '' ? `  Provider: ${provider}\n` : ''}${isAgent && service ? '   Service: true\n' : ''}`;
}

/** `failed` is what happens without a word, so only other modes are told. */
function actionConsole(action: ActionDdl, bold: Bold): string {
  const display = action.display === 'failed' ? '' : `\n\nDisplaying ${bold(action.display)}`;
  const inputs = sorted(action.inputs).map(
    ([name, input]) => `\n\n  ${bold(name)}:\n${indent(inputConsole(input), 4)}`,
  );
  const inputText = inputs.length === 0 ? '' : `\n\n${bold('Inputs:')}${inputs.join('')}`;
  return `${action.description}${display}${inputText}

${bold('Outputs:')}
${outputsConsole(action.outputs, bold)}
`;
}

function outputsConsole(outputs: ReadonlyMap<string, OutputItem>, bold: Bold): string {
  return sorted(outputs)
    .map(([name, output]) => `\n  ${bold(name)}:\n${indent(outputConsole(output), 4)}`)
    .join('');
}

function inputConsole(input: InputItem): string {
  const lines = [
    `║      Prompt: ${input.prompt}`,
    `║        Type: ${title(input.type)}`,
    `║    Optional: ${input.optional}`,
  ];
  if (input.type === 'string') {
    lines.push(`║  Validation: ${input.validation}`, `║  Max Length: ${input.maxLengthBytes}`);
  } else if (input.type === 'list') lines.push(`║    Enum: ${input.list.join(', ')}`);
  if (isShown(input.default)) lines.push(`║     Default: ${goValue(input.default)}`);
  return `\n${input.description}\n\n${lines.join('\n')}\n╙─\n`;
}

function outputConsole(output: OutputItem): string {
  const lines = [
    `║  Display As: ${output.displayAs}`,
    `║        Type: ${output.type === '' ? 'Undefined' : title(output.type)}`,
  ];
  if (isShown(output.default)) lines.push(`║     Default: ${goValue(output.default)}`);
  return `\n${output.description}\n\n${lines.join('\n')}\n╙─\n`;
}

export function renderDataDdlConsole(ddl: DataDdl, style: ConsoleStyle = {}): string {
  const bold: Bold = style.bold ?? ((text) => text);
  const query = ddl.query === undefined ? '\n' : `\n${bold('Data Query:')}\n${indent(inputConsole(ddl.query), 2)}\n`;
  return `${metadataConsole(ddl.metadata, 'Data Provider')}${query}${bold('Outputs:')}
${outputsConsole(ddl.outputs, bold)}
`;
}

/** Inside of back quotes and table cells. */
function escaped(text: string): string {
  return text.replace(/[`|]/g, '\\$&');
}

function shownDefault(value: unknown): string {
  return isShown(value) ? goValue(value) : '';
}

export function renderDdlMarkdown(ddl: AgentDdl): string {
  const provider = ddl.metadata.provider === '' ? '' : `|Provider|${ddl.metadata.provider}|\n`;
  const rows = ddl.actions.map((action) => `|${action.name}|${action.description}|\n`);
  const actions = ddl.actions.map((action) => `\n### *${action.name}* Action\n\n${actionMarkdown(action)}`);
  return `${metadataMarkdown(ddl.metadata, 'Agent')}${provider}
## Actions

|Action|Description|
|------|-----------|
${rows.join('')}${actions.join('')}
`;
}

function metadataMarkdown(metadata: AgentMetadata, kind: string): string {
  const {name, version, description, author, url, license, timeoutSeconds} = metadata;
  return `# ${title(name)} ${kind} version ${version}

${description}

## Metadata

|Item|Value|
|----|-----|
|Author|${author}|
|URL|[${url}](${url})|
|License|${license}|
|Timeout|${timeoutSeconds}|
`;
}

function actionMarkdown(action: ActionDdl): string {
  const inputs = sorted(action.inputs).map(([name, input]) => `|${name}|${inputMarkdown(input)}`);
  const inputTable = `|Input|Description|Prompt|Optional|Validation|Type|Default|
|-----|-----------|------|--------|----------|----|-------|
${inputs.join('')}`;
  return `${action.description}

Display: *${action.display}*

#### Inputs

${inputs.length === 0 ? `The ${action.name} action has no inputs` : inputTable}

#### Outputs

${outputsMarkdown(action.outputs)}
`;
}

function inputMarkdown(input: InputItem): string {
  const rule =
    input.type === 'string'
      ? `\`\`${escaped(input.validation)}\`\` max length ${input.maxLengthBytes}`
      : input.type === 'list'
        ? input.list.map((item) => `\`\`${escaped(item)}\`\` `).join('')
        : '';
  const cells = [
    input.description,
    escaped(input.prompt),
    input.optional ? 'Optional' : 'Required',
    rule,
    title(input.type),
    escaped(shownDefault(input.default)),
  ];
  return `${cells.join('|')}|\n`;
}

function outputsMarkdown(outputs: ReadonlyMap<string, OutputItem>): string {
  const rows = sorted(outputs).map(([name, output]) => {
    const type = output.type === '' ? 'Undefined' : title(output.type);
    return `|${name}|${output.description}|${output.displayAs}|${type}|${shownDefault(output.default)}|\n`;
  });
  return `|Output|Description|Display As|Type|
|------|-----------|----------|----|
${rows.join('')}`;
}

export function renderDataDdlMarkdown(ddl: DataDdl): string {
  const query =
    ddl.query === undefined
      ? ''
      : `
## Query

|Description|Prompt|Optional|Validation|Type|Default|
|-----------|------|--------|----------|----|-------|
${inputMarkdown(ddl.query)}`;
  return `${metadataMarkdown(ddl.metadata, 'Data Provider')}
${query}
## Outputs

${outputsMarkdown(ddl.outputs)}`;
}
