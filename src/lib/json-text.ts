/**
 * Works on JSON as text: members as written, indentation, the escaping of Go's encoder. Nothing is parsed into numbers or objects,
 * so long numbers, the order of keys and doubled keys stay what they were.
 *
 * Every function expects valid JSON: run `JSON.parse` on foreign text first. Linear in the length; depth costs no stack.
 */

const quote = 0x22;
const backslash = 0x5c;

/** Index behind the string that starts at `start`. */
function skipString(text: string, start: number): number {
  let index = start + 1;
  for (; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === backslash) index++;
    else if (code === quote) break;
  }
  return index + 1;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function skipSpace(text: string, start: number): number {
  let index = start;
  while (index < text.length && isSpace(text.charCodeAt(index))) index++;
  return index;
}

/** Index behind the value that starts at `start`. */
function skipValue(text: string, start: number): number {
  let depth = 0;
  let index = start;
  while (index < text.length) {
    const char = text.charAt(index);
    if (char === '"') {
      index = skipString(text, index);
    } else if (char === '{' || char === '[') {
      depth++;
      index++;
    } else if (char === '}' || char === ']') {
      if (depth === 0) return index;
      depth--;
      index++;
    } else if (depth === 0 && (char === ',' || isSpace(char.charCodeAt(0)))) {
      return index;
    } else {
      index++;
      continue;
    }
    if (depth === 0) return index;
  }
  return index;
}

/**
 * The members of a JSON object as text; of doubled keys the last one. Empty for anything else.
 *
 * @example jsonMembers('{"b":1e400,"a":[1, 2]}') // Map {'b' => '1e400', 'a' => '[1, 2]'}
 */
export function jsonMembers(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let index = skipSpace(text, 0);
  if (text.charAt(index) !== '{') return members;
  index = skipSpace(text, index + 1);
  while (index < text.length && text.charAt(index) === '"') {
    const keyEnd = skipString(text, index);
    const key = JSON.parse(text.slice(index, keyEnd)) as string;
    const start = skipSpace(text, text.indexOf(':', keyEnd) + 1);
    const end = skipValue(text, start);
    members.set(key, text.slice(start, end));
    index = skipSpace(text, end);
    if (text.charAt(index) !== ',') break;
    index = skipSpace(text, index + 1);
  }
  return members;
}

/** The items of a JSON list as text; empty for anything else. */
export function jsonItems(text: string): readonly string[] {
  const items: string[] = [];
  let index = skipSpace(text, 0);
  if (text.charAt(index) !== '[') return items;
  index = skipSpace(text, index + 1);
  while (index < text.length && text.charAt(index) !== ']') {
    const end = skipValue(text, index);
    items.push(text.slice(index, end));
    index = skipSpace(text, end);
    if (text.charAt(index) !== ',') break;
    index = skipSpace(text, index + 1);
  }
  return items;
}

/** Escapes what Go's encoder escapes beyond JSON's own rules: `<`, `>`, `&` and the two line separators. */
export function escapeJsonLikeGo(text: string): string {
  return text.replaceAll(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Without any space between tokens. */
export function compactJson(text: string): string {
  return formatJson(text, undefined);
}

/**
 * Lays JSON out with one member a line, as Go's `MarshalIndent` does; empty objects and lists stay on one line.
 *
 * @param options.prefix  put before every line but the first
 */
export function indentJson(text: string, options: {readonly indent: string; readonly prefix?: string}): string {
  return formatJson(text, options);
}

function formatJson(text: string, layout: {readonly indent: string; readonly prefix?: string} | undefined): string {
  const parts: string[] = [];
  const lineEnd = (depth: number): string =>
    layout === undefined ? '' : `\n${layout.prefix ?? ''}${layout.indent.repeat(depth)}`;
  let depth = 0;
  let index = 0;
  while (index < text.length) {
    const char = text.charAt(index);
    if (char === '"') {
      const end = skipString(text, index);
      parts.push(text.slice(index, end));
      index = end;
      continue;
    }
    if (char === '{' || char === '[') {
      const next = skipSpace(text, index + 1);
      const isEmpty = text.charAt(next) === (char === '{' ? '}' : ']');
      if (isEmpty) {
        parts.push(char, text.charAt(next));
        index = next + 1;
        continue;
      }
      depth++;
      parts.push(char, lineEnd(depth));
    } else if (char === '}' || char === ']') {
      depth--;
      parts.push(lineEnd(depth), char);
    } else if (char === ',') {
      parts.push(',', lineEnd(depth));
    } else if (char === ':') {
      parts.push(layout === undefined ? ':' : ': ');
    } else if (!isSpace(char.charCodeAt(0))) {
      parts.push(char);
    }
    index++;
  }
  return parts.join('');
}

/** Go's compact encoding of a value of ours: `JSON.stringify` with its escapes. */
export function goJson(value: unknown): string {
  return escapeJsonLikeGo(JSON.stringify(value) ?? 'null');
}
