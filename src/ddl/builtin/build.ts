/**
 * Short forms for writing built-in descriptions, each the JSON form that loaders and clients know.
 */
type Item = Readonly<Record<string, unknown>>;
type Items = Readonly<Record<string, Item>>;

interface Choice {
  readonly optional?: boolean;
  readonly default?: unknown;
}

interface TextRules extends Choice {
  readonly validation: string;
  readonly maxlength: number;
}

/** A text input: prompt, what it is for, rules. */
export function textInput(prompt: string, description: string, rules: TextRules): Item {
  return {prompt, description, type: 'string', optional: false, ...rules};
}

export function listInput(
  prompt: string,
  description: string,
  rules: Choice & {readonly list: readonly string[]},
): Item {
  return {prompt, description, type: 'list', optional: false, ...rules};
}

export function input(type: string, prompt: string, rules: Choice & {readonly description: string}): Item {
  return {prompt, type, optional: false, ...rules};
}

/** Type, title, what it is. An empty type is left out: any value. */
export function output(
  type: string,
  display_as: string,
  rest: {readonly description: string; readonly default?: unknown},
): Item {
  return {display_as, ...(type === '' ? {} : {type}), ...rest};
}

export interface ActionForm {
  readonly description: string;
  readonly display?: 'ok' | 'failed' | 'always';
  readonly input?: Items;
  readonly output?: Items;
  readonly aggregate?: readonly Item[];
}

/** An aggregate entry that counts values. */
export function summary(outputName: string, options?: Item): Item {
  return {function: 'summary', args: options === undefined ? [outputName] : [outputName, options]};
}

export interface AgentForm {
  readonly name: string;
  readonly description: string;
  readonly timeout: number;
  readonly provider?: string;
  readonly service?: boolean;
  readonly actions: Readonly<Record<string, ActionForm>>;
}

export function agentDocument(form: AgentForm, version: string): Readonly<Record<string, unknown>> {
  const {name, description, timeout, provider, service} = form;
  return {
    $schema: 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json',
    metadata: {
      name,
      description,
      author: 'Choria Project',
      license: 'Apache-2.0',
      version,
      url: 'https://choria.io',
      timeout,
      ...(provider === undefined ? {} : {provider}),
      ...(service === undefined ? {} : {service}),
    },
    actions: Object.entries(form.actions)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([action, {description: text, display, input: inputs, output: outputs, aggregate}]) => ({
        action,
        description: text,
        ...(display === undefined ? {} : {display}),
        input: inputs ?? {},
        output: outputs ?? {},
        ...(aggregate === undefined ? {} : {aggregate}),
      })),
  };
}
