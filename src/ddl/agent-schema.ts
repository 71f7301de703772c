/**
 * The JSON schema of agent descriptions, for authors and generators.
 *
 * Loaders do not use it: they take whatever parses. Compiled ahead by `tools/generate-ddl-schema.ts` into `generated/`.
 */
const words = {type: 'string', minLength: 1} as const;
const shortName = {type: 'string', minLength: 1, pattern: '^[a-z0-9_]*$'} as const;

/** What every input has, whatever its type. */
const commonInput = {
  prompt: {...words, description: 'A short question for the value'},
  description: {...words, description: 'What the value is for'},
  optional: {type: 'boolean', description: 'Whether a request may leave it out'},
  default: {description: 'Sent by clients when nothing is given'},
} as const;

function inputOfType(
  types: readonly string[],
  extra: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return {
    type: 'object',
    required: ['prompt', 'description', 'optional', 'type', ...Object.keys(extra)],
    properties: {...commonInput, type: {type: 'string', enum: types}, ...extra},
  };
}

const input = {
  anyOf: [
    inputOfType(['string'], {
      validation: {type: 'string', description: 'A validator name or an RE2 pattern'},
      maxlength: {type: 'number', description: 'In bytes; 0 turns every check of the text off'},
    }),
    inputOfType(['list'], {list: {type: 'array', items: {type: 'string'}, description: 'The texts it may be'}}),
    inputOfType(['boolean', 'integer', 'float', 'number', 'Hash', 'Array', 'hash', 'array'], {}),
  ],
} as const;

const output = {
  required: ['description', 'display_as'],
  properties: {
    description: {type: 'string'},
    display_as: {type: 'string', description: 'The title that people see'},
    type: {
      type: 'string',
      enum: ['string', 'list', 'boolean', 'integer', 'float', 'number', 'Hash', 'Array', 'hash', 'array'],
    },
    default: {description: 'Put into replies that lack the output'},
  },
} as const;

const action = {
  type: 'object',
  required: ['action', 'description', 'input', 'output'],
  properties: {
    action: shortName,
    description: words,
    display: {type: 'string', enum: ['ok', 'failed', 'always'], description: 'Which replies are shown by default'},
    input: {type: 'object', additionalProperties: false, patternProperties: {'^[a-z0-9_]*$': input}},
    output: {type: 'object', patternProperties: {'^[a-z0-9_]*$': output}},
    aggregate: {type: 'array', items: {type: 'object', properties: {function: {type: 'string'}, args: {}}}},
  },
} as const;

/** Draft 7. */
export const agentDdlSchema: Readonly<Record<string, unknown>> = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json',
  title: 'Choria agent description',
  type: 'object',
  properties: {
    metadata: {
      type: 'object',
      required: ['name', 'description', 'author', 'license', 'version', 'url', 'timeout'],
      properties: {
        name: shortName,
        description: words,
        author: words,
        license: words,
        version: {type: 'string', pattern: '^(\\d+\\.)?(\\d+\\.)?(\\*|\\d+)$'},
        url: words,
        timeout: {type: 'integer', minimum: 2, description: 'Seconds one action may take'},
        provider: {type: 'string'},
        service: {type: 'boolean', description: 'One instance of many answers'},
      },
    },
    actions: {type: 'array', items: action},
  },
};
