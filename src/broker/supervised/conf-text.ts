/** Writes nats-server's configuration language from plain data: objects, lists, texts, numbers, booleans. */

export type ConfValue = string | number | boolean | readonly ConfValue[] | ConfObject;

/** Members that are undefined are left out. */
export interface ConfObject {
  readonly [name: string]: ConfValue | undefined;
}

export function writeConf(root: ConfObject): string {
  return `${members(root, '').join('\n')}\n`;
}

function members(object: ConfObject, indent: string): string[] {
  return Object.entries(object).flatMap(([name, value]) =>
    value === undefined ? [] : [`${indent}${quote(name)}: ${write(value, indent)}`],
  );
}

function write(value: ConfValue, indent: string): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const deeper = `${indent}  `;
  if (isList(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => `${deeper}${write(item, deeper)}`).join('\n')}\n${indent}]`;
  }
  return `{\n${members(value, deeper).join('\n')}\n${indent}}`;
}

function isList(value: readonly ConfValue[] | ConfObject): value is readonly ConfValue[] {
  return Array.isArray(value);
}

/**
 * Always in double quotes: unquoted texts may be taken for variables, sizes or times. The language's escapes are those of C; everything outside
 * printable ASCII goes byte by byte.
 */
function quote(text: string): string {
  let out = '"';
  for (const byte of Buffer.from(text, 'utf8')) {
    if (byte === 34 || byte === 92) out += `\\${String.fromCharCode(byte)}`;
    else if (byte < 32 || byte > 126) out += `\\x${byte.toString(16).padStart(2, '0')}`;
    else out += String.fromCharCode(byte);
  }
  return `${out}"`;
}
