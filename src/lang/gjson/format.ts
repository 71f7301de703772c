/** JSON text made small or pretty without changing its numbers and strings, and a check that it is JSON at all. */
import {gjsonDepthMax} from './limits.ts';
import {compareCodePoints} from '../text-order.ts';
import {skipContainer, skipString} from './scan.ts';

/** Drops the white space between tokens. */
export function uglyJson(json: string): string {
  let output = '';
  for (let index = 0; index < json.length; ) {
    if (json.charAt(index) === '"') {
      const {end} = skipString(json, index);
      output += json.slice(index, end);
      index = end;
      continue;
    }
    if (json.charCodeAt(index) > 0x20) output += json.charAt(index);
    index += 1;
  }
  return output;
}

export function isValidJson(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false;
    throw error;
  }
}

export interface PrettyOptions {
  readonly indent: string;
  readonly prefix: string;
  /** Arrays without objects stay on one line up to this width. */
  readonly width: number;
  readonly sortKeys: boolean;
}

export function prettyJson(json: string, options: PrettyOptions): string {
  const small = uglyJson(json);
  if (small === '') return '';
  return `${options.prefix}${prettyValue(small, {level: 0, column: 0, options})}\n`;
}

interface PrettyState {
  readonly level: number;
  /** What stands on the line already; the reference counts the line break too, but for the second and further items of an array. */
  readonly column: number;
  readonly options: PrettyOptions;
}

function prettyValue(raw: string, state: PrettyState): string {
  const open = raw.charAt(0);
  if ((open !== '{' && open !== '[') || state.level > gjsonDepthMax) return raw;
  const items = splitMembers(raw.slice(1, -1));
  if (items.length === 0) return raw;
  const {options, level} = state;
  if (open === '[' && options.width - state.column > 3) {
    const line = lineOf(raw);
    if (line !== undefined && line.length + state.column <= options.width) return line;
  }
  const pad = options.prefix + options.indent.repeat(level + 1);
  const ordered =
    open === '{' && options.sortKeys ? items.toSorted((a, b) => compareCodePoints(keyOf(a), keyOf(b))) : items;
  const lines = ordered.map((item, index) => {
    const column = pad.length + (open === '[' && index > 0 ? 0 : 1);
    if (open === '[') return pad + prettyValue(item, {level: level + 1, column, options});
    const key = keyOf(item);
    const value = item.slice(key.length + 1);
    return `${pad}${key}: ${prettyValue(value, {level: level + 1, column: column + key.length + 2, options})}`;
  });
  return `${open}\n${lines.join(',\n')}\n${options.prefix}${options.indent.repeat(level)}${open === '{' ? '}' : ']'}`;
}

/** An array as one line; undefined when an object is in it. */
function lineOf(array: string): string | undefined {
  let line = '';
  for (let index = 0; index < array.length; ) {
    const character = array.charAt(index);
    if (character === '{') return undefined;
    const end = character === '"' ? skipString(array, index).end : index + 1;
    line += array.slice(index, end) + (character === ',' ? ' ' : '');
    index = end;
  }
  return line;
}

function keyOf(item: string): string {
  return item.slice(0, skipString(item, 0).end);
}

/** The members of a container's inside, cut at its own commas. */
function splitMembers(inner: string): readonly string[] {
  const items: string[] = [];
  let start = 0;
  for (let index = 0; index < inner.length; ) {
    const character = inner.charAt(index);
    if (character === '"') index = skipString(inner, index).end;
    else if (character === '{' || character === '[') index = skipContainer(inner, index);
    else {
      if (character === ',') {
        items.push(inner.slice(start, index));
        start = index + 1;
      }
      index += 1;
    }
  }
  if (inner.length > 0) items.push(inner.slice(start));
  return items;
}
