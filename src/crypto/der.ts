/**
 * The part of ASN.1 DER that certificates and certificate requests need: a writer and a strict, bounded reader.
 *
 * The reader never recurses on its own and never copies: elements are views into the bytes given.
 */
import {CryptoError} from './errors.ts';

export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

export interface DerElement {
  readonly tag: number;
  /** The content, without tag and length. */
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

function invalid(reason: string): CryptoError {
  return new CryptoError('ERR_CERTIFICATE_INVALID', `Cannot read certificate: ${reason}`);
}

/** Reads the element at `offset`. */
export function readDer(bytes: Buffer, offset = 0): DerElement {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw invalid('its data ends early');
  if ((tag & 0x1f) === 0x1f) throw invalid('it uses a tag that certificates do not have');
  let length = first;
  let start = offset + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4 || start + count > bytes.length) throw invalid('a length is not DER');
    length = bytes.readUIntBE(start, count);
    start += count;
  }
  if (start + length > bytes.length) throw invalid('its data ends early');
  return {tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(offset, start + length)};
}

/** The elements of a constructed one, in order; at most `elementsMax`. */
export function readDerChildren(content: Buffer, elementsMax: number): readonly DerElement[] {
  const children: DerElement[] = [];
  let offset = 0;
  while (offset < content.length) {
    if (children.length === elementsMax) throw invalid(`a list in it is longer than the ${elementsMax} accepted`);
    const child = readDer(content, offset);
    children.push(child);
    offset += child.whole.length;
  }
  return children;
}

/** Dotted text of an object identifier. */
export function readOid(content: Buffer): string {
  const parts: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER) throw invalid('an object identifier is too large');
    if (byte < 0x80) {
      parts.push(value);
      value = 0;
    }
  }
  const first = parts[0];
  if (first === undefined) throw invalid('an object identifier is empty');
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...parts.slice(1)].join('.');
}

/** Milliseconds since 1970 of a UTCTime or GeneralizedTime. */
export function readTime(element: DerElement): number {
  const text = element.content.toString('latin1');
  const isShort = element.tag === derTag.utcTime;
  const match = isShort
    ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
    : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (!match || (!isShort && element.tag !== derTag.generalizedTime)) throw invalid('a date in it is malformed');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  // UTCTime counts 1950 to 2049 (RFC 5280 4.1.2.5.1).
  const fullYear = isShort ? (year < 50 ? 2000 + year : 1900 + year) : year;
  return Date.UTC(fullYear, month - 1, day, hour, minute, second);
}

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const {length} = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length, ...digits]), content]);
}

export function derSequence(...parts: readonly Uint8Array[]): Buffer {
  return der(derTag.sequence, ...parts);
}

export function derSet(...parts: readonly Uint8Array[]): Buffer {
  return der(derTag.set, ...parts);
}

/** A positive integer from big-endian bytes. */
export function derInteger(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const trimmed = Buffer.from(bytes.subarray(start));
  const needsZero = ((trimmed[0] ?? 0) & 0x80) !== 0;
  return der(derTag.integer, ...(needsZero ? [Buffer.from([0]), trimmed] : [trimmed]));
}

export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const part of [first * 40 + second, ...rest]) {
    const groups = [part % 128];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left % 128) | 0x80);
    bytes.push(...groups);
  }
  return der(derTag.oid, Buffer.from(bytes));
}

export function derBitString(bytes: Uint8Array): Buffer {
  return der(derTag.bitString, Buffer.from([0]), bytes);
}

export function derUtf8(text: string): Buffer {
  return der(derTag.utf8String, Buffer.from(text, 'utf8'));
}

export function derBoolean(value: boolean): Buffer {
  return der(derTag.boolean, Buffer.from([value ? 0xff : 0]));
}

/** UTCTime until 2049, GeneralizedTime after, as RFC 5280 wants. */
export function derTime(ms: number): Buffer {
  const digits = new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:T]/g, '');
  const isShort = new Date(ms).getUTCFullYear() < 2050;
  const text = `${isShort ? digits.slice(2) : digits}Z`;
  return der(isShort ? derTag.utcTime : derTag.generalizedTime, Buffer.from(text, 'latin1'));
}
