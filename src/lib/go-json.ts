/**
 * JSON text as Go's encoder writes it: `<`, `>`, `&` and the two line separators escaped, keys sorted where Go sorts them. Pure.
 */
import {compareBytes} from './go-text.ts';

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** Escapes what Go escapes in finished JSON text; these characters stand only inside strings there. */
export function escapeGoJson(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] ?? character);
}

export interface GoJsonOptions {
  /** As `json.MarshalIndent`. */
  readonly indent?: string;
  /** Sorts the keys of every object by bytes, as Go does with maps (structs keep their order). */
  readonly sortKeys?: boolean;
}

/**
 * @param value plain data: no functions, no cycles; `bigint` becomes a number
 * @example
 * stringifyGo({b: '<', a: 1n}, {sortKeys: true}); // {"a":1,"b":"\u003c"}
 */
export function stringifyGo(value: unknown, options: GoJsonOptions = {}): string {
  const text = options.indent === undefined ? compact(value, options) : indented(value, {...options, prefix: ''});
  return escapeGoJson(text);
}

function compact(value: unknown, options: GoJsonOptions): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return scalar(value);
  if (Array.isArray(value)) return `[${value.map((item) => compact(item, options)).join(',')}]`;
  const members = entriesOf(value, options).map(([key, item]) => `${JSON.stringify(key)}:${compact(item, options)}`);
  return `{${members.join(',')}}`;
}

function indented(value: unknown, options: GoJsonOptions & {readonly prefix: string}): string {
  if (value === null || typeof value !== 'object') return compact(value, options);
  const prefix = options.prefix + (options.indent ?? '');
  const inner = {...options, prefix};
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const members = Array.isArray(value)
    ? value.map((item) => indented(item, inner))
    : entriesOf(value, options).map(([key, item]) => `${JSON.stringify(key)}: ${indented(item, inner)}`);
  if (members.length === 0) return open + close;
  return `${open}\n${members.map((member) => prefix + member).join(',\n')}\n${options.prefix}${close}`;
}

function scalar(value: unknown): string {
  // What JSON has no form for (undefined in a list, NaN) becomes null, as with JSON.stringify.
  return JSON.stringify(value) ?? 'null';
}

function entriesOf(value: object, options: GoJsonOptions): [string, unknown][] {
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return options.sortKeys === true ? entries.sort(([a], [b]) => compareBytes(a, b)) : entries;
}
