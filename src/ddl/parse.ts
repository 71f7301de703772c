/**
 * Reads JSON descriptions as leniently as the fleets' own loaders: key names without regard to case, unknown keys ignored, null as
 * absent, no schema. Only text that is no JSON and values of the wrong type are refused.
 *
 * `validateDdlDocument` of `schema.ts` is the strict judge, for authors.
 */
import {jsonSyntaxError} from '../lib/json-syntax.ts';
import {DdlError} from './errors.ts';
import {ddlBytesMax} from './limits.ts';
import type {
  ActionDdl,
  AgentDdl,
  AgentMetadata,
  AggregateItem,
  DataDdl,
  Display,
  InputItem,
  OutputItem,
} from './types.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * @param text UTF-8 JSON, at most `ddlBytesMax` bytes
 * @param source where it came from, for messages
 * @throws {DdlError} `ERR_DDL_TOO_LARGE` | `ERR_DDL_SYNTAX` | `ERR_DDL_SHAPE`
 */
export function parseAgentDdl(text: string | Uint8Array, source = 'an agent DDL'): AgentDdl {
  return agentDdlFromDocument(parseDocument(text, source), source);
}

/** As `parseAgentDdl`, for data plugins. */
export function parseDataDdl(text: string | Uint8Array, source = 'a data DDL'): DataDdl {
  return dataDdlFromDocument(parseDocument(text, source), source);
}

/** A description from a value that was JSON. */
export function agentDdlFromDocument(value: unknown, source = 'an agent DDL'): AgentDdl {
  const document = asFields(value, {source, path: ''});
  const at = {source, path: 'actions'};
  return {
    metadata: parseMetadata(asFields(field(document, 'metadata') ?? {}, {source, path: 'metadata'}), source),
    actions: asList(field(document, 'actions') ?? [], at).map((item, index) =>
      parseAction(asFields(item ?? {}, {source, path: `actions[${index}]`}), {source, path: `actions[${index}]`}),
    ),
    document,
  };
}

export function dataDdlFromDocument(value: unknown, source = 'a data DDL'): DataDdl {
  const document = asFields(value, {source, path: ''});
  const query = field(document, 'query');
  const outputs = parseItems(field(document, 'output'), {source, path: 'output'}, parseOutput);
  const metadata = parseMetadata(asFields(field(document, 'metadata') ?? {}, {source, path: 'metadata'}), source);
  if (query === undefined) return {metadata, outputs, document};
  const at = {source, path: 'query'};
  return {metadata, outputs, document, query: parseInput('query', asFields(query, at), at)};
}

/** One action from its JSON value: what `actions` holds. */
export function actionFromDocument(value: unknown, source = 'an action'): ActionDdl {
  const at = {source, path: 'action'};
  return parseAction(asFields(value, at), at);
}

/** One input from its JSON value. */
export function inputFromDocument(name: string, value: unknown, source = 'an input'): InputItem {
  const at = {source, path: name};
  return parseInput(name, asFields(value, at), at);
}

interface Place {
  readonly source: string;
  readonly path: string;
}

function parseDocument(text: string | Uint8Array, source: string): unknown {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  if (bytes.length > ddlBytesMax) {
    throw new DdlError(
      'ERR_DDL_TOO_LARGE',
      `Cannot read ${source}: it has ${bytes.length} bytes, expected at most ${ddlBytesMax}`,
      {details: {source}},
    );
  }
  const problem = jsonSyntaxError(bytes);
  if (problem !== undefined) {
    throw new DdlError('ERR_DDL_SYNTAX', `Cannot read ${source}: it is not JSON: ${problem}`, {details: {source}});
  }
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

function shapeError(place: Place, wanted: string, value: unknown): DdlError {
  const found = Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
  return new DdlError(
    'ERR_DDL_SHAPE',
    `Cannot read ${place.path === '' ? 'the document' : `"${place.path}"`} in ${place.source}: found ${found}, expected ${wanted}`,
    {details: {source: place.source, path: place.path}},
  );
}

/** The value of a key in whatever case; the last one counts, null is absent. */
function field(fields: Fields, name: string): unknown {
  let found: unknown;
  for (const [key, value] of Object.entries(fields)) {
    if (key.toLowerCase() === name && value !== null) found = value;
  }
  return found;
}

function asFields(value: unknown, place: Place): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw shapeError(place, 'an object', value);
  return value as Fields;
}

function asList(value: unknown, place: Place): readonly unknown[] {
  if (!Array.isArray(value)) throw shapeError(place, 'an array', value);
  return value;
}

function text(fields: Fields, name: string, place: Place): string {
  const value = field(fields, name) ?? '';
  if (typeof value !== 'string') throw shapeError({...place, path: `${place.path}.${name}`}, 'text', value);
  return value;
}

function integer(fields: Fields, name: string, place: Place): number {
  const value = field(fields, name) ?? 0;
  if (!Number.isSafeInteger(value)) throw shapeError({...place, path: `${place.path}.${name}`}, 'an integer', value);
  return Number(value);
}

function boolean(fields: Fields, name: string, place: Place): boolean {
  const value = field(fields, name) ?? false;
  if (typeof value !== 'boolean') throw shapeError({...place, path: `${place.path}.${name}`}, 'true or false', value);
  return value;
}

function parseMetadata(fields: Fields, source: string): AgentMetadata {
  const place = {source, path: 'metadata'};
  return {
    name: text(fields, 'name', place),
    description: text(fields, 'description', place),
    author: text(fields, 'author', place),
    license: text(fields, 'license', place),
    version: text(fields, 'version', place),
    url: text(fields, 'url', place),
    timeoutSeconds: integer(fields, 'timeout', place),
    provider: text(fields, 'provider', place),
    service: boolean(fields, 'service', place),
  };
}

function parseAction(fields: Fields, place: Place): ActionDdl {
  return {
    name: text(fields, 'action', place),
    description: text(fields, 'description', place),
    display: asDisplay(text(fields, 'display', place)),
    inputs: parseItems(field(fields, 'input'), {...place, path: `${place.path}.input`}, parseInput),
    outputs: parseItems(field(fields, 'output'), {...place, path: `${place.path}.output`}, parseOutput),
    aggregates: asList(field(fields, 'aggregate') ?? [], {...place, path: `${place.path}.aggregate`}).map(
      (item, index) => parseAggregate(item, {...place, path: `${place.path}.aggregate[${index}]`}),
    ),
  };
}

/** Whatever is not one of the three acts as `failed`. */
function asDisplay(value: string): Display {
  return value === 'ok' || value === 'always' ? value : 'failed';
}

function parseItems<T>(
  value: unknown,
  place: Place,
  parse: (name: string, fields: Fields, place: Place) => T,
): ReadonlyMap<string, T> {
  const entries = Object.entries(asFields(value ?? {}, place));
  return new Map(
    entries.map(([name, item]) => {
      const at = {...place, path: `${place.path}.${name}`};
      return [name, parse(name, asFields(item ?? {}, at), at)];
    }),
  );
}

function parseInput(name: string, fields: Fields, place: Place): InputItem {
  const list = asList(field(fields, 'list') ?? [], {...place, path: `${place.path}.list`});
  const fallback = field(fields, 'default');
  return {
    name,
    prompt: text(fields, 'prompt', place),
    description: text(fields, 'description', place),
    type: text(fields, 'type', place),
    optional: boolean(fields, 'optional', place),
    validation: text(fields, 'validation', place),
    maxLengthBytes: integer(fields, 'maxlength', place),
    list: list.map((item) => {
      if (typeof item !== 'string') throw shapeError({...place, path: `${place.path}.list`}, 'a list of texts', item);
      return item;
    }),
    ...(fallback === undefined ? {} : {default: fallback}),
  };
}

function parseOutput(name: string, fields: Fields, place: Place): OutputItem {
  const fallback = field(fields, 'default');
  return {
    name,
    description: text(fields, 'description', place),
    displayAs: text(fields, 'display_as', place),
    type: text(fields, 'type', place),
    ...(fallback === undefined ? {} : {default: fallback}),
  };
}

/** Malformed arguments are kept as none: such an entry is skipped later, as the reference does. */
function parseAggregate(value: unknown, place: Place): AggregateItem {
  const fields = asFields(value ?? {}, place);
  const args = field(fields, 'args');
  return {function: text(fields, 'function', place), args: Array.isArray(args) ? args : []};
}
