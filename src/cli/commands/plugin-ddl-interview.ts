/**
 * Asks for everything that a description of an agent holds, section by section (cli.md 3.6). Each answer is checked where it is given and
 * asked for again until it fits; after each section the caller may save what there is.
 */
import {convertInputText} from '../../ddl/index.ts';
import {describedItemsMax} from '../limits.ts';
import {askText, askYes} from '../prompt.ts';
import {inert, inertJson, inertLine} from '../render/inert.ts';
import type {CliContext} from '../types.ts';

type Item = Record<string, unknown>;

export interface DescribedAction {
  action: string;
  input: Record<string, Item>;
  output: Record<string, Item>;
  display: string;
  description: string;
  aggregate: readonly unknown[];
}

export interface DescribedAgent {
  readonly $schema: string;
  readonly metadata: Item;
  readonly actions: DescribedAction[];
}

/** Says what is wrong with an answer; undefined when nothing is. */
type Check = (answer: string) => string | undefined;

export interface InterviewOptions {
  readonly schema: string;
  readonly save: (described: DescribedAgent) => Promise<void>;
}

const displays = ['ok', 'failed', 'always'] as const;
const dataTypes = ['integer', 'number', 'float', 'string', 'boolean', 'list', 'hash', 'array'] as const;
const validations = ['shellsafe', 'ipv4address', 'ipv6address', 'ipaddress', 'regex'] as const;
const providers = ['ruby', 'external', 'golang'] as const;
const shortName: Check = (answer) =>
  /^[a-z][a-z0-9_]*$/.test(answer) ? undefined : 'expected small letters, digits and _, with a letter first';
const filled: Check = (answer) => (answer === '' ? 'expected a text' : undefined);
const wholeNumber: Check = (answer) => (/^\d{1,9}$/.test(answer) ? undefined : 'expected a number without a sign');
const version: Check = (answer) =>
  /^\d+\.\d+\.\d+$/.test(answer) ? undefined : 'expected three numbers, such as 1.0.0';
const webAddress: Check = (answer) =>
  /^https?:\/\/[^\s/]+/.test(answer) ? undefined : 'expected an address such as https://example.net/';

async function ask(context: CliContext, question: string, check: Check): Promise<string> {
  for (;;) {
    const answer = (await askText(context, `${question}:`)).trim();
    const problem = check(answer);
    if (problem === undefined) return answer;
    context.stdout.write(`  ${inertLine(JSON.stringify(answer))} does not do: ${problem}\n`);
  }
}

function choose(context: CliContext, question: string, values: readonly string[]): Promise<string> {
  const list = values.join(', ');
  return ask(context, `${question} [${list}]`, (answer) => (values.includes(answer) ? undefined : `expected ${list}`));
}

/** As much of an input as the reading of its value needs. */
const anyInput = {
  name: 'default',
  prompt: '',
  description: '',
  optional: true,
  validation: '',
  maxLengthBytes: 0,
  list: [],
};

function newName(taken: Readonly<Record<string, unknown>>): Check {
  return (answer) => shortName(answer) ?? (Object.hasOwn(taken, answer) ? 'there is one of that name' : undefined);
}

function show(context: CliContext, title: string, value: unknown): void {
  context.stdout.write(`\n${title}\n\n${inertJson(JSON.stringify(value, null, 2))}\n\n`);
}

/** Repeats a section while the person wants one more. */
async function repeat(
  context: CliContext,
  section: {readonly question: string; readonly names: () => readonly string[]; readonly add: () => Promise<void>},
): Promise<void> {
  for (let count = 0; count < describedItemsMax; count++) {
    const names = section.names();
    context.stdout.write(names.length === 0 ? '\n' : `\nSo far: ${inert(names.join(', '))}\n\n`);
    if (!(await askYes(context, section.question))) return;
    await section.add();
  }
}

export async function interview(context: CliContext, options: InterviewOptions): Promise<DescribedAgent> {
  context.stdout.write(introduction);
  const described: DescribedAgent = {$schema: options.schema, metadata: await askMetadata(context), actions: []};
  show(context, 'Resulting metadata', described.metadata);
  await options.save(described);
  context.stdout.write(actionsText);
  await repeat(context, {
    question: 'Add an action?',
    names: () => described.actions.map(({action}) => action),
    add: () => addAction(context, {described, options}),
  });
  await options.save(described);
  return described;
}

async function askMetadata(context: CliContext): Promise<Item> {
  return {
    name: (await ask(context, 'Agent Name', shortName)).toLowerCase(),
    description: await ask(context, 'Description', filled),
    author: await ask(context, 'Author', filled),
    version: await ask(context, 'Version', version),
    license: await ask(context, 'License', filled),
    url: await ask(context, 'URL', webAddress),
    timeout: Number(await ask(context, 'Timeout', wholeNumber)),
    provider: await choose(context, 'Backend Provider', providers),
    service: await askYes(context, 'Service'),
  };
}

async function addAction(
  context: CliContext,
  {described, options}: {readonly described: DescribedAgent; readonly options: InterviewOptions},
): Promise<void> {
  const taken = Object.fromEntries(described.actions.map(({action}) => [action, true]));
  const action: DescribedAction = {
    action: await ask(context, 'Action Name', newName(taken)),
    input: {},
    output: {},
    description: await ask(context, 'Description', filled),
    display: await choose(context, 'Display Hint', displays),
    aggregate: [],
  };
  described.actions.push(action);
  await options.save(described);
  context.stdout.write(inputsText);
  await repeat(context, {
    question: 'Add an input?',
    names: () => Object.keys(action.input),
    add: async () => {
      const name = await ask(context, 'Input Name', newName(action.input));
      action.input[name] = await askInput(context);
      await options.save(described);
    },
  });
  context.stdout.write(outputsText);
  await repeat(context, {
    question: 'Add an output?',
    names: () => Object.keys(action.output),
    add: async () => {
      const name = await ask(context, 'Name', newName(action.output));
      action.output[name] = await askOutput(context);
      await options.save(described);
    },
  });
  show(context, 'Resulting action', action);
}

async function askInput(context: CliContext): Promise<Item> {
  const input: Item = {
    prompt: await ask(context, 'Prompt', filled),
    description: await ask(context, 'Description', filled),
    type: await choose(context, 'Data Type', dataTypes),
    optional: await askYes(context, 'Optional?'),
  };
  if (input['type'] === 'string') {
    input['maxlength'] = Number(await ask(context, 'Max Length', wholeNumber));
    const validation = await choose(context, 'Validation', validations);
    input['validation'] =
      validation === 'regex' ? await ask(context, 'Validation Regular Expression', filled) : validation;
  } else if (input['type'] === 'list') {
    const values = await ask(context, 'Valid Values (comma separated)', filled);
    input['list'] = values.split(',').map((value) => value.trim());
  }
  return {...input, ...(await askDefault(context, String(input['type'])))};
}

async function askOutput(context: CliContext): Promise<Item> {
  const output: Item = {
    description: await ask(context, 'Description', filled),
    type: await choose(context, 'Data Type', dataTypes),
    display_as: await ask(context, 'Display As', filled),
  };
  return {...output, ...(await askDefault(context, String(output['type'])))};
}

/** An empty answer is no default. */
async function askDefault(context: CliContext, type: string): Promise<Item> {
  let value: unknown;
  const text = await ask(context, 'Default Value', (answer) => {
    if (answer === '') return undefined;
    const converted = convertInputText({...anyInput, type}, answer);
    value = converted.value;
    // JSON numbers beyond 2^53 would come back as others.
    return typeof value === 'bigint' ? `expected a number up to ${Number.MAX_SAFE_INTEGER}` : converted.error;
  });
  return text === '' ? {} : {default: value};
}

const introduction = `
A description says what an agent offers, so that people and programs can use it: who made
it, its actions, what each takes and gives back, and how results are shown and summed up.

The answers are written to the file after each section, so that an interrupt loses little.
The file is JSON with a schema; an editor that knows the schema helps to extend it later.

First the agent itself:

         Name: How requests call it, such as package or acme_util
  Description: One line on its purpose
       Author: Whom to write to
      Version: Three numbers, such as 1.0.0
      License: Such as Apache-2.0, see https://spdx.org/licenses/
          URL: Where to read more
      Timeout: Seconds that an action may take
     Provider: ruby, external (a program) or golang (part of a server)
      Service: One node of a group answers, in place of all

`;

const actionsText = `
An action is one thing that the agent can do, such as install, remove or status.

          Name: How requests call it
   Description: One line on its purpose
       Display: Which replies are shown: only failed ones, only ok ones, or always all

`;

const inputsText = `
Inputs are what a request gives to the action.

         Name: How requests call it
       Prompt: What to ask a person with
  Description: One line on its meaning
    Data Type: What it holds
     Optional: Whether a request may leave it out
      Default: What is taken then

A string has a maximal length (0: none) and a way to check it.
`;

const outputsText = `
Outputs are what the action gives back.

         Name: The key in the reply
  Description: One line on its meaning
    Data Type: What it holds
   Display As: The heading it is shown under
      Default: What is shown when a reply lacks it
`;
