/** A description as the JSON document that `plugin doc --json` gives: every member in its place, names sorted, defaults filled in. */
import type {ActionDdl, AgentDdl, InputItem, OutputItem} from './types.ts';

const schema = 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json';

type Json = Readonly<Record<string, unknown>>;

function sortedEntries<T>(items: ReadonlyMap<string, T>, form: (item: T) => Json): Json {
  const entries = [...items].toSorted(([a], [b]) => (a < b ? -1 : 1));
  // Without a prototype, so that an input named __proto__ is only a name.
  const out = Object.create(null) as Record<string, unknown>;
  for (const [name, item] of entries) out[name] = form(item);
  return out;
}

function inputForm(item: InputItem): Json {
  return {
    prompt: item.prompt,
    description: item.description,
    type: item.type,
    ...(item.default === undefined || item.default === null ? {} : {default: item.default}),
    optional: item.optional,
    ...(item.validation === '' ? {} : {validation: item.validation}),
    ...(item.maxLengthBytes === 0 ? {} : {maxlength: item.maxLengthBytes}),
    ...(item.list.length === 0 ? {} : {list: item.list}),
  };
}

function outputForm(item: OutputItem): Json {
  return {
    description: item.description,
    display_as: item.displayAs,
    ...(item.default === undefined || item.default === null ? {} : {default: item.default}),
    type: item.type,
  };
}

function actionForm(action: ActionDdl): Json {
  return {
    action: action.name,
    input: sortedEntries(action.inputs, inputForm),
    output: sortedEntries(action.outputs, outputForm),
    display: action.display,
    description: action.description,
    ...(action.aggregates.length === 0 ? {} : {aggregate: action.aggregates}),
  };
}

export function agentDdlDocument({metadata, actions}: AgentDdl): Json {
  return {
    $schema: schema,
    metadata: {
      license: metadata.license,
      author: metadata.author,
      timeout: metadata.timeoutSeconds,
      name: metadata.name,
      version: metadata.version,
      url: metadata.url,
      description: metadata.description,
      ...(metadata.provider === '' ? {} : {provider: metadata.provider}),
      ...(metadata.service ? {service: true} : {}),
    },
    actions: actions.map(actionForm),
  };
}
