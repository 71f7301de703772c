/** How Go's JSON reader takes values into the fields of a struct, and what it calls those that do not fit: callers see its words on the wire. Pure. */

/** What the reference calls a JSON value in its messages. */
export function jsonKind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'bigint' ? 'number' : typeof value;
}

/**
 * What is wrong with a value for a field of a Go type, or undefined. A type that is not text, truth or a list of texts is a whole number.
 *
 * @example
 * const problem = fieldMisfit('bool', 'x'); // {found: 'string', wanted: 'bool'}
 */
export function fieldMisfit(
  type: string,
  value: unknown,
): {readonly found: string; readonly wanted: string} | undefined {
  if (type === '[]string') {
    if (!Array.isArray(value)) return {found: jsonKind(value), wanted: type};
    const wrong: unknown = value.find((item) => typeof item !== 'string' && item !== null);
    return wrong === undefined ? undefined : {found: jsonKind(wrong), wanted: 'string'};
  }
  if (type === 'string') return typeof value === 'string' ? undefined : {found: jsonKind(value), wanted: type};
  if (type === 'bool') return typeof value === 'boolean' ? undefined : {found: jsonKind(value), wanted: type};
  if (typeof value === 'bigint') return undefined;
  if (typeof value !== 'number') return {found: jsonKind(value), wanted: type};
  const isFit = Number.isInteger(value) && (type !== 'uint64' || value >= 0);
  return isFit ? undefined : {found: `number ${JSON.stringify(value)}`, wanted: type};
}
