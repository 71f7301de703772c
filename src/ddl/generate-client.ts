/**
 * Writes a typed TypeScript client for one agent, from its description: pure text out of data.
 *
 * The classes are thin: filters, discovery, checks and replies are those of `choria/client`. Names of the description become names of
 * TypeScript here and stay as they are on the wire. Descriptions come from strangers: nothing of one reaches the code but as a
 * comment without an end mark, a JSON text, or a name made of letters and digits.
 */
import {agentDdlDocument} from './document.ts';
import type {ActionDdl, AgentDdl, InputItem, OutputItem} from './types.ts';

export interface GenerateClientOptions {
  /** Name of the package; default: the agent's name and `client`. */
  readonly packageName?: string;
  /** Where the generated code finds `choria/client`. */
  readonly importFrom?: string;
}

/** Members that generated names must not hide, by the class that has them. */
export const takenNames = {
  client: [
    'ddl',
    'agentMetadata',
    'discoverNodes',
    'optionReset',
    'optionIdentityFilter',
    'optionClassFilter',
    'optionFactFilter',
    'optionAgentFilter',
    'optionCombinedFilter',
    'optionCompoundFilter',
    'optionCollective',
    'optionInBatches',
    'optionDiscoveryTimeout',
    'optionLimitMethod',
    'optionLimitSize',
    'optionLimitSeed',
    'optionTargets',
    'optionReplyTo',
    'optionWorkers',
    'optionExprFilter',
    'send',
  ],
  request: ['setInput', 'do', 'each'],
  output: [
    'resultDetails',
    'hashMap',
    'json',
    'parseOutput',
    'outputText',
    'outputNumber',
    'outputBoolean',
    'outputHash',
    'outputArray',
    'outputAny',
  ],
} as const;

/** What every object has, and `then`, which would make an object look like a promise. */
const objectNames = [
  'constructor',
  'toString',
  'toLocaleString',
  'valueOf',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'then',
];

const words =
  'await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with yield arguments eval undefined'.split(
    ' ',
  );

/** @returns the files' texts by their names */
export function generateClient(ddl: AgentDdl, options: GenerateClientOptions = {}): Readonly<Record<string, string>> {
  const document = JSON.stringify(agentDdlDocument(ddl));
  const {name, version, description, license} = ddl.metadata;
  const packageName = options.packageName ?? `${name}client`;
  const importFrom = options.importFrom ?? 'choria/client';
  const manifest = {
    name: packageName,
    version,
    description,
    license,
    type: 'module',
    exports: './index.ts',
    dependencies: {choria: '*'},
  };
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'ddl.json': `${document}\n`,
    'ddl.ts': `${header(ddl)}export const ddl: unknown = JSON.parse(\n  ${literal(document)},\n);\n`,
    'index.ts': `${header(ddl)}${clientModule(ddl, importFrom)}`,
  };
}

function header({metadata}: AgentDdl): string {
  const what = comment(`${metadata.name} ${metadata.version}`);
  return `/** Client of the agent ${what}. Written by \`choria plugin generate client\`: changes are lost when it is written again. */\n`;
}

/** Gives each name of a description a name of its own in TypeScript. */
function createNamer(
  taken: readonly string[],
  form: (name: string) => string = camel,
): (name: string, suffix: string) => string {
  const used = new Set<string>(taken);
  return (name, suffix) => {
    const plain = form(name);
    let candidate = used.has(plain) ? `${plain}${suffix}` : plain;
    for (let count = 2; used.has(candidate); count++) candidate = `${plain}${suffix}${count}`;
    used.add(candidate);
    return candidate;
  };
}

function camel(name: string): string {
  const parts = name.split(/[^A-Za-z0-9]+/).filter((part) => part !== '');
  const joined = parts.map((part, index) => (index === 0 ? lowerFirst(part) : upperFirst(part))).join('');
  return /^[A-Za-z]/.test(joined) ? joined : `_${joined}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function comment(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('*/', '* /').trim();
}

function literal(text: string): string {
  return JSON.stringify(text);
}

interface NamedAction {
  readonly action: ActionDdl;
  readonly method: string;
  readonly requestClass: string;
  readonly outputClass: string;
}

function clientModule(ddl: AgentDdl, importFrom: string): string {
  const className = `${upperFirst(camel(ddl.metadata.name))}Client`;
  const imported = ['ActionOutput', 'ActionRequest', 'AgentClient', 'AgentClientOptions', 'Client'];
  const methodName = createNamer([...takenNames.client, ...objectNames]);
  const typeName = createNamer([...imported, className], (name) => upperFirst(camel(name)));
  const actions = ddl.actions.map((action): NamedAction => {
    const base = upperFirst(camel(action.name));
    return {
      action,
      method: methodName(action.name, 'Action'),
      requestClass: typeName(`${base}Request`, 'Action'),
      outputClass: typeName(`${base}Output`, 'Action'),
    };
  });
  const classes = actions.map((item) => `${outputClass(item)}\n${requestClass(item)}`).join('\n');
  return `import {ActionOutput, ActionRequest, AgentClient, type AgentClientOptions, type Client} from ${literal(importFrom)};
import {ddl} from './ddl.ts';

${classes}
/** ${comment(ddl.metadata.description)} */
export class ${className} extends AgentClient {
  constructor(client: Client, options: AgentClientOptions = {}) {
    super(client, ddl, options);
  }
${actions.map(actionMethod).join('')}}
`;
}

function outputClass({action, outputClass: className}: NamedAction): string {
  const name = createNamer([...takenNames.output, ...objectNames]);
  const getters = [...action.outputs.values()].map(
    (output) => `
  /** ${comment(output.description)} */
  get ${name(output.name, 'Output')}(): ${outputType(output).type} {
    return this.${outputType(output).reader}(${literal(output.name)});
  }
`,
  );
  return `/** A reply of ${comment(action.name)}. */\nexport class ${className} extends ActionOutput {${getters.join('')}}\n`;
}

function outputType({type}: OutputItem): {readonly type: string; readonly reader: string} {
  switch (type.toLowerCase()) {
    case 'string':
    case 'list':
      return {type: 'string | undefined', reader: 'outputText'};
    case 'integer':
    case 'float':
    case 'number':
      return {type: 'number | undefined', reader: 'outputNumber'};
    case 'boolean':
      return {type: 'boolean | undefined', reader: 'outputBoolean'};
    case 'hash':
      return {type: 'Readonly<Record<string, unknown>> | undefined', reader: 'outputHash'};
    case 'array':
      return {type: 'readonly unknown[] | undefined', reader: 'outputArray'};
    default:
      return {type: 'unknown', reader: 'outputAny'};
  }
}

function inputType(input: InputItem): string {
  switch (input.type.toLowerCase()) {
    case 'list':
      return input.list.length === 0 ? 'string' : input.list.map(literal).join(' | ');
    case 'string':
      return 'string';
    case 'integer':
    case 'float':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'hash':
      return 'Readonly<Record<string, unknown>>';
    case 'array':
      return 'readonly unknown[]';
    default:
      return 'unknown';
  }
}

function requestClass({action, requestClass: className, outputClass: output}: NamedAction): string {
  const name = createNamer([...takenNames.request, ...objectNames]);
  const setters = [...action.inputs.values()]
    .filter((input) => input.optional)
    .map(
      (input) => `
  /** ${comment(input.description)} */
  ${name(input.name, 'Input')}(value: ${inputType(input)}): this {
    return this.setInput(${literal(input.name)}, value);
  }
`,
    );
  return `/** A request for ${comment(action.name)}, sent by \`do()\`. */
export class ${className} extends ActionRequest<${output}> {${setters.join('')}}
`;
}

function actionMethod({action, method, requestClass: request, outputClass: output}: NamedAction): string {
  const name = createNamer([...words, ...objectNames]);
  const required = [...action.inputs.values()].filter((input) => !input.optional);
  const parameters = required.map((input) => ({input, parameter: name(input.name, 'Value')}));
  const list = parameters.map(({input, parameter}) => `${parameter}: ${inputType(input)}`).join(', ');
  // Computed keys: a plain __proto__ would change the object instead of being an input.
  const inputs = parameters.map(({input, parameter}) => `[${literal(input.name)}]: ${parameter}`).join(', ');
  const docs = parameters.map(({input, parameter}) => `\n   * @param ${parameter} ${comment(input.description)}`);
  const page =
    docs.length === 0
      ? ` ${comment(action.description)} `
      : `\n   * ${comment(action.description)}\n   *${docs.join('')}\n   `;
  return `
  /**${page}*/
  ${method}(${list}): ${request} {
    return new ${request}({client: this, action: ${literal(action.name)}, inputs: {${inputs}}, output: ${output}});
  }
`;
}
