/**
 * JSON inside text output: objects over several lines with sorted keys, arrays on one line when they fit and hold no objects
 * (cli.md 1.5). Everything is already safe for a terminal: controls are escaped by JSON, marks by us.
 */
import {inertJson} from './inert.ts';

export interface JsonTextOptions {
  /** Put before every line but the first. */
  readonly indentColumns: number;
  /** A line may be this long, with its indent. */
  readonly columnsMax?: number;
  /** Turns a number, text, true, false or null into JSON; the default escapes `<`, `>` and `&` as Go does. */
  readonly scalar?: (value: unknown) => string;
}

const columnsMaxDefault = 80;
const depthMax = 64;

/** A value as compact JSON in which `<`, `>` and `&` are escaped, as Go's encoder does. */
export function scalarJson(value: unknown): string {
  const text = typeof value === 'bigint' ? value.toString() : (JSON.stringify(value) ?? 'null');
  return text.replace(/[<>&]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

interface Writer {
  readonly prefix: string;
  readonly columnsMax: number;
  readonly scalar: (value: unknown) => string;
}

/** An array on one line, or undefined when it holds an object that is not empty of keys or any object at all. */
function oneLine(value: unknown, writer: Writer): string | undefined {
  if (isObject(value)) return undefined;
  if (!Array.isArray(value)) return writer.scalar(value);
  const parts: string[] = [];
  for (const item of value as readonly unknown[]) {
    const part = oneLine(item, writer);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return `[${parts.join(', ')}]`;
}

interface Place {
  readonly depth: number;
  /** Columns of the current line already used. */
  readonly used: number;
}

function write(value: unknown, writer: Writer, place: Place): string {
  const {depth, used} = place;
  if (depth > depthMax) return '"..."';
  const isList = Array.isArray(value);
  if (!isList && !isObject(value)) return writer.scalar(value);
  const entries: readonly (readonly [string | undefined, unknown])[] = isList
    ? (value as readonly unknown[]).map((item) => [undefined, item] as const)
    : Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return isList ? '[]' : '{}';
  if (isList) {
    const line = oneLine(value, writer);
    if (line !== undefined && used + line.length <= writer.columnsMax) return line;
  }
  const inner = `${writer.prefix}${'  '.repeat(depth + 1)}`;
  const lines = entries.map(([key, item]) => {
    const head = key === undefined ? inner : `${inner}${writer.scalar(key)}: `;
    // The line end before it counts as a column in the known shape.
    return head + write(item, writer, {depth: depth + 1, used: head.length + 1});
  });
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  return `${open}\n${lines.join(',\n')}\n${writer.prefix}${'  '.repeat(depth)}${close}`;
}

/**
 * @example
 * jsonText({list: [1, 2], name: 'x'}, {indentColumns: 9});
 */
export function jsonText(value: unknown, options: JsonTextOptions): string {
  const writer: Writer = {
    prefix: ' '.repeat(options.indentColumns),
    columnsMax: options.columnsMax ?? columnsMaxDefault,
    scalar: options.scalar ?? scalarJson,
  };
  return inertJson(write(value, writer, {depth: 0, used: options.indentColumns}));
}
