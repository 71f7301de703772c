/** `mco plugin doc` of the classic client. */
import type {ActionDdl, AgentDdl, InputItem} from '../../../ddl/types.ts';
import {openDescriptions} from '../../descriptions.ts';
import {CliError} from '../../errors.ts';
import {inert, inertLine} from '../../render/inert.ts';
import {openCommand} from '../../setup.ts';
import type {CliContext, ParsedArguments} from '../../types.ts';
import {rubyInspect} from './ruby-inspect.ts';

export async function runClassicPluginDoc(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {config, logger} = await openCommand(context, parsed);
  const descriptions = openDescriptions(context, config, {onProblem: (message) => logger.warn(message)});
  const target = parsed.arguments['name'];
  if (typeof target !== 'string' || target === '') {
    context.stdout.write('Please specify a plugin. Available plugins are:\n\nAgents:\n');
    for (const name of await descriptions.agentNames()) {
      const description = (await descriptions.agent(name))?.metadata.description ?? '';
      context.stdout.write(`  ${inertLine(name).padEnd(25)} ${inertLine(description)}\n`);
    }
    context.stdout.write('\n');
    return 0;
  }
  const name = target.startsWith('agent/') ? target.slice('agent/'.length) : target;
  const ddl = name.includes('/') ? undefined : await descriptions.agent(name);
  if (ddl === undefined) {
    throw new CliError('ERR_CLI_FAILED', `Could not find a plugin named '${target}' in any supported plugin type`);
  }
  context.stdout.write(inert(agentPage(ddl)));
  return 0;
}

function agentPage(ddl: AgentDdl): string {
  const {name, description, author, version, license, timeoutSeconds, url} = ddl.metadata;
  const actions = ddl.actions.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const facts: readonly (readonly [string, string])[] = [
    ['Author', author],
    ['Version', version],
    ['License', license],
    ['Timeout', String(timeoutSeconds)],
    ['Home Page', url],
  ];
  const head = `${name}\n${'='.repeat(name.length)}\n\n${description}\n\n`;
  const rows = facts.map(([label, value]) => `${label.padStart(12)}: ${value}\n`).join('');
  const list = actions.map((action) => action.name).join(', ');
  return `${head}${rows}\nACTIONS:\n========\n   ${list}\n\n${actions.map(actionPage).join('')}`;
}

function actionPage(action: ActionDdl): string {
  const title = `${action.name} action:`;
  const inputs = [...action.inputs.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const outputs = [...action.outputs.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const inputText =
    inputs.length === 0 ? '          This action does not have any inputs\n' : inputs.map(inputPage).join('');
  const outputText = outputs
    .map(
      (output) =>
        `           ${output.name}:\n${rowsOf([
          ['Description', output.description],
          ['Display As', output.displayAs],
          ...defaultRow(output.default),
        ])}\n`,
    )
    .join('');
  return `   ${title}\n   ${'-'.repeat(title.length)}\n       ${action.description}\n\n       INPUT:\n${inputText}\n       OUTPUT:\n${outputText}`;
}

type Rows = readonly (readonly [string, string])[];

function rowsOf(rows: Rows): string {
  return rows.map(([label, value]) => `${label.padStart(25)}: ${value}\n`).join('');
}

function defaultRow(value: unknown): Rows {
  if (value === undefined || value === null || value === false || value === '') return [];
  return [['Default Value', typeof value === 'string' ? value : rubyInspect(value)]];
}

function inputPage(input: InputItem): string {
  const type = input.type.toLowerCase();
  const rows: Rows = [
    ['Description', input.description],
    ['Prompt', input.prompt],
    ['Type', type],
    ['Optional', String(input.optional)],
    ...(type === 'string'
      ? ([
          ['Validation', input.validation],
          ['Length', String(input.maxLengthBytes)],
        ] as const)
      : []),
    ...(type === 'list' ? ([['Valid Values', input.list.join(', ')]] as const) : []),
    ...defaultRow(input.default),
  ];
  return `           ${input.name}:\n${rowsOf(rows)}\n`;
}
