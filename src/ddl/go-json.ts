/**
 * JSON as the Go programs write it: keys of maps sorted, `<`, `>`, `&` and the two Unicode line ends escaped, no spaces.
 *
 * Aggregates count values by this text, so it has to be the same text.
 */
export function goJson(value: unknown): string {
  return escapeHtml(stringify(value));
}

function stringify(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(stringify).join(',')}]`;
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([key, item]) => `${JSON.stringify(key)}:${stringify(item)}`);
  return `{${entries.join(',')}}`;
}

function escapeHtml(text: string): string {
  return text.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Byte order of the UTF-8 forms, in which Go sorts text. */
export function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
