/**
 * Lays out JSON inside of text output: keys sorted, lists on one line when they fit and hold no objects (cli.md 1.5).
 *
 * Works on the text as the node wrote it, so that long numbers survive. Foreign depth is bounded: what is nested deeper is compact.
 */
import {compactJson, jsonItems, jsonMembers} from '../../lib/json-text.ts';

const columnsMax = 80;
const depthMax = 100;
const indent = '  ';

interface Place {
  readonly prefix: string;
  readonly depth: number;
  /** Bytes of the line before the value. */
  readonly column: number;
}

/**
 * @param text    valid JSON
 * @param prefix  put before every line but the first, and counted in every line's width
 */
export function prettyJson(text: string, prefix: string): string {
  return lay(compactJson(text), {prefix, depth: 0, column: prefix.length});
}

function lay(text: string, place: Place): string {
  if (place.depth >= depthMax) return text;
  if (text.startsWith('{')) return layObject(text, place);
  return text.startsWith('[') ? layList(text, place) : text;
}

function lineStart(place: Place, depth: number): string {
  return `${place.prefix}${indent.repeat(depth)}`;
}

function layObject(text: string, place: Place): string {
  const members = [...jsonMembers(text)].toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  if (members.length === 0) return '{}';
  const start = lineStart(place, place.depth + 1);
  const lines = members.map(([key, value]) => {
    const label = `${JSON.stringify(key)}: `;
    const column = 1 + start.length + Buffer.byteLength(label);
    return `${start}${label}${lay(value, {...place, depth: place.depth + 1, column})}`;
  });
  return `{\n${lines.join(',\n')}\n${lineStart(place, place.depth)}}`;
}

function layList(text: string, place: Place): string {
  const items = jsonItems(text);
  if (items.length === 0) return '[]';
  const room = columnsMax - place.column;
  const single = room > 3 ? singleLine(text, {room, depth: place.depth}) : undefined;
  if (single !== undefined) return single;
  const start = lineStart(place, place.depth + 1);
  const lines = items.map((item, index) => {
    const column = start.length + (index === 0 ? 1 : 0);
    return `${start}${lay(item, {...place, depth: place.depth + 1, column})}`;
  });
  return `[\n${lines.join(',\n')}\n${lineStart(place, place.depth)}]`;
}

/** The list on one line, or undefined when it holds an object or is too long. */
function singleLine(text: string, options: {readonly room: number; readonly depth: number}): string | undefined {
  if (text.startsWith('{') || options.depth >= depthMax) return undefined;
  if (!text.startsWith('[')) return text;
  const parts: string[] = [];
  let length = 2;
  for (const item of jsonItems(text)) {
    const part = singleLine(item, {...options, depth: options.depth + 1});
    if (part === undefined) return undefined;
    length += Buffer.byteLength(part) + (parts.length === 0 ? 0 : 2);
    if (length > options.room) return undefined;
    parts.push(part);
  }
  return `[${parts.join(', ')}]`;
}
