/** JSON with sorted keys and one item a line, from text, so that long numbers survive. */
import {compactJson, jsonItems, jsonMembers} from '../../lib/json-text.ts';

const depthMax = 100;

/** @param prefix put before every line but the first */
export function sortedJson(text: string, prefix: string): string {
  return lay(compactJson(text), {prefix, depth: 0});
}

function lay(text: string, place: {readonly prefix: string; readonly depth: number}): string {
  if (place.depth >= depthMax) return text;
  const inner = {...place, depth: place.depth + 1};
  const start = `${place.prefix}${'  '.repeat(inner.depth)}`;
  const end = `${place.prefix}${'  '.repeat(place.depth)}`;
  if (text.startsWith('{')) {
    const members = [...jsonMembers(text)].toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    if (members.length === 0) return '{}';
    const lines = members.map(([key, value]) => `${start}${JSON.stringify(key)}: ${lay(value, inner)}`);
    return `{\n${lines.join(',\n')}\n${end}}`;
  }
  if (!text.startsWith('[')) return text;
  const items = jsonItems(text);
  if (items.length === 0) return '[]';
  return `[\n${items.map((item) => `${start}${lay(item, inner)}`).join(',\n')}\n${end}]`;
}
