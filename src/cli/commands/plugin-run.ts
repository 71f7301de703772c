/** Shows what agents and data providers there are, and what one of them does and takes. */
import {openDescriptions} from '../descriptions.ts';
import {CliError} from '../errors.ts';
import {
  type AgentDdl,
  agentDdlDocument,
  type DataDdl,
  type DdlResolver,
  ddlToRuby,
  renderDataDdlConsole,
  renderDataDdlMarkdown,
  renderDdlConsole,
  renderDdlMarkdown,
} from '../../ddl/index.ts';
import {escapeJsonLikeGo} from '../../lib/json-text.ts';
import type {Config} from '../../config/index.ts';
import {inert, inertJson, inertLine} from '../render/inert.ts';
import {openCommand} from '../setup.ts';
import {suggestionSuffix} from '../suggest.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

type Kind = 'agent' | 'data';

/** Right edge of the names in the list of plugins. */
const nameColumns = 20;

interface PluginList {
  readonly agent: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
}

async function listPlugins(descriptions: DdlResolver): Promise<PluginList> {
  const describe = async (
    names: readonly string[],
    find: (name: string) => Promise<AgentDdl | DataDdl | undefined>,
  ): Promise<Readonly<Record<string, string>>> => {
    // Without a prototype, so that a plugin named __proto__ is only a name.
    const found: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const name of [...names].sort()) {
      const ddl = await find(name);
      if (ddl !== undefined) found[name] = ddl.metadata.description;
    }
    return found;
  };
  return {
    agent: await describe(await descriptions.agentNames(), (name) => descriptions.agent(name)),
    data: await describe(await descriptions.dataNames(), (name) => descriptions.data(name)),
  };
}

function listText(list: PluginList): string {
  const lines = (entries: Readonly<Record<string, string>>): string =>
    Object.entries(entries)
      .map(([name, description]) => `${inertLine(name).padStart(nameColumns)}: ${inertLine(description)}\n`)
      .join('');
  return `Known Plugins:\n\nAgents:\n\n${lines(list.agent)}\nData Providers:\n\n${lines(list.data)}\n`;
}

function jsonDocument(value: unknown): string {
  return `${inertJson(escapeJsonLikeGo(JSON.stringify(value, null, 2)))}\n`;
}

/** `NAME` is an agent; `TYPE/NAME` says which. */
function splitPluginName(text: string): {readonly kind: Kind; readonly name: string} {
  const parts = text.split('/');
  if (parts.length > 2) throw new CliError('ERR_CLI_FAILED', `invalid plugn name ${text}`);
  const [first = '', second] = parts;
  if (second === undefined) return {kind: 'agent', name: first};
  if (first !== 'agent' && first !== 'data') throw new CliError('ERR_CLI_FAILED', `invalid plugin type ${first}`);
  return {kind: first, name: second};
}

interface Forms {
  readonly document: Readonly<Record<string, unknown>>;
  console(): string;
  markdown(): string;
}

async function findForms(
  descriptions: DdlResolver,
  wanted: {readonly kind: Kind; readonly name: string; readonly bold: (text: string) => string},
): Promise<Forms> {
  const {kind, name, bold} = wanted;
  if (kind === 'agent') {
    const ddl = await descriptions.agent(name);
    if (ddl === undefined) {
      const hint = suggestionSuffix(name, await descriptions.agentNames());
      throw new CliError('ERR_CLI_FAILED', `agent/${name} ddl not found${hint}`);
    }
    return {
      document: agentDdlDocument(ddl),
      console: () => renderDdlConsole(ddl, {bold}),
      markdown: () => renderDdlMarkdown(ddl),
    };
  }
  const ddl = await descriptions.data(name);
  if (ddl === undefined) throw new CliError('ERR_CLI_FAILED', `unknown data provider ${name}`);
  return {
    document: ddl.document,
    console: () => renderDataDdlConsole(ddl, {bold}),
    markdown: () => renderDataDdlMarkdown(ddl),
  };
}

/** Marks of bold text while it is laid out and made inert; only then do they become escapes. A forged mark makes letters bold, no more. */
const [boldOpen, boldClose] = ['\ue000', '\ue001'];

function markBold(text: string): string {
  return boldOpen + text + boldClose;
}

function paintBold(text: string, bold: (part: string) => string): string {
  return inert(text).replaceAll(/\ue000([^\ue000\ue001]*)\ue001/g, (_all, part: string) => bold(part));
}

function announceRegistry(context: CliContext, config: Config): void {
  if (config.get('plugin.choria.services.registry.cache')) {
    context.stdout.write('Accessing Choria Registry for service definitions\n');
  }
}

export async function runPluginDoc(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {config, logger, paint} = await openCommand(context, parsed);
  const descriptions = openDescriptions(context, config, {onProblem: (message) => logger.warn(message)});
  const isJson = parsed.flags['json'] === true;
  const name = parsed.arguments['name'];
  if (typeof name !== 'string' || name === '') {
    const list = await listPlugins(descriptions);
    if (!isJson) announceRegistry(context, config);
    context.stdout.write(isJson ? jsonDocument(list) : listText(list));
    return 0;
  }
  const forms = await findForms(descriptions, {...splitPluginName(name), bold: markBold});
  if (isJson) context.stdout.write(jsonDocument(forms.document));
  else if (parsed.flags['markdown'] === true) context.stdout.write(inert(forms.markdown()));
  else context.stdout.write(paintBold(forms.console(), paint.bold));
  return 0;
}

export async function runPluginSchema(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {config, logger} = await openCommand(context, parsed);
  const descriptions = openDescriptions(context, config, {onProblem: (message) => logger.warn(message)});
  const name = String(parsed.arguments['plugin']);
  const ddl = await descriptions.agent(name);
  if (ddl === undefined) throw new CliError('ERR_CLI_FAILED', `did not find schema for agent/${name}`);
  const text = parsed.flags['format'] === 'ddl' ? inert(ddlToRuby(ddl)) : inertJson(JSON.stringify(ddl.document));
  context.stdout.write(`${text}\n`);
  return 0;
}
