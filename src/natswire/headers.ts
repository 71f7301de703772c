/** The header block of a message: `NATS/1.0[ status[ description]]`, then `Key: value` lines, then an empty line. */
import {WireError} from './errors.ts';
import {wireLimits} from './limits.ts';

/** Keys as sent, case kept; a key may have several values. */
export interface MessageHeaders {
  /** Such as 503 for "no responders". */
  readonly status?: number;
  readonly description?: string;
  readonly values: ReadonlyMap<string, readonly string[]>;
}

const version = 'NATS/1.0';

/**
 * @throws {WireError} `ERR_WIRE_HEADERS` for a key or value that would break out of its line
 * @example
 * encodeHeaders(new Map([['Nats-Msg-Id', ['42']]]));
 */
export function encodeHeaders(
  values: ReadonlyMap<string, readonly string[]>,
  status: {readonly code?: number; readonly description?: string} = {},
): Buffer {
  let text = version;
  if (status.code !== undefined) text += ` ${status.code}`;
  if (status.description !== undefined) text += ` ${checkValue('status', status.description)}`;
  text += '\r\n';
  for (const [key, list] of values) {
    checkKey(key);
    for (const value of list) text += `${key}: ${checkValue(key, value)}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, 'utf8');
}

function checkKey(key: string): void {
  if (/^[!-9;-~]+$/.test(key)) return;
  throw new WireError(
    'ERR_WIRE_HEADERS',
    `Cannot send the header ${JSON.stringify(key)}: expected a name of printable ASCII characters without blanks and colons`,
  );
}

function checkValue(key: string, value: string): string {
  if (!/[\r\n]/.test(value)) return value;
  throw new WireError(
    'ERR_WIRE_HEADERS',
    `Cannot send the header "${key}": its value has a line break, expected one line`,
  );
}

/** @throws {WireError} `ERR_WIRE_HEADERS` when it is no header block */
export function decodeHeaders(block: Uint8Array): MessageHeaders {
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString('utf8');
  const lines = text.split('\r\n');
  const first = lines[0] ?? '';
  if (!first.startsWith(version)) {
    throw new WireError(
      'ERR_WIRE_HEADERS',
      `Cannot read a header block: it begins with ${JSON.stringify(first.slice(0, 16))}, expected "${version}"`,
    );
  }
  if (lines.length > wireLimits.headerLinesMax) {
    throw new WireError(
      'ERR_WIRE_HEADERS',
      `Cannot read a header block: it has ${lines.length} lines, expected at most ${wireLimits.headerLinesMax}`,
    );
  }
  const values = new Map<string, string[]>();
  for (const line of lines.slice(1)) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    if (colon <= 0)
      throw new WireError('ERR_WIRE_HEADERS', 'Cannot read a header block: a line has no name before a colon');
    const key = line.slice(0, colon);
    const list = values.get(key) ?? [];
    list.push(line.slice(colon + 1).trim());
    values.set(key, list);
  }
  return {...decodeStatus(first.slice(version.length).trim()), values};
}

function decodeStatus(text: string): {readonly status?: number; readonly description?: string} {
  if (text === '') return {};
  const code = text.slice(0, 3);
  if (!/^\d{3}$/.test(code)) return {};
  const description = text.slice(3).trim();
  return {status: Number(code), ...(description === '' ? {} : {description})};
}
