/** What a path finds, and how it turns into values. */

export type GjsonType = 'Null' | 'False' | 'Number' | 'String' | 'True' | 'JSON';

export interface GjsonResult {
  readonly type: GjsonType;
  /** The JSON text as it stands in the document; empty when nothing was found. */
  readonly raw: string;
  /** The decoded text of a string. */
  readonly text: string;
  /** The number as a double. */
  readonly number: number;
  readonly exists: boolean;
}

export const missing: GjsonResult = {type: 'Null', raw: '', text: '', number: 0, exists: false};

export function numberResult(raw: string): GjsonResult {
  return {type: 'Number', raw, text: '', number: parseGoFloat(raw) ?? 0, exists: true};
}

export function stringResult(raw: string, escaped: boolean): GjsonResult {
  const inner = raw.length >= 2 ? raw.slice(1, -1) : '';
  return {type: 'String', raw, text: escaped ? unescapeJson(inner) : inner, number: 0, exists: true};
}

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['"', '"'],
]);

/** Decodes the escapes of a JSON string's inside; stops at the first that is not valid. */
export function unescapeJson(inner: string): string {
  let output = '';
  for (let index = 0; index < inner.length; index += 1) {
    const character = inner.charAt(index);
    if (character < ' ') return output;
    if (character !== '\\') {
      output += character;
      continue;
    }
    index += 1;
    const next = inner.charAt(index);
    if (next === 'u') {
      const hex = inner.slice(index + 1, index + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) return output;
      output += String.fromCharCode(Number.parseInt(hex, 16));
      index += 4;
      continue;
    }
    const simple = simpleEscapes.get(next);
    if (simple === undefined) return output;
    output += simple;
  }
  return output;
}

/** A JSON string literal with the escapes the reference writes. */
export function quoteJson(text: string): string {
  return JSON.stringify(text)
    .replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/[\u0080-\u009f\u007f]/g, (character) => character);
}

/** Go's ParseFloat for the forms that occur: decimal, exponent, hexadecimal without fraction, infinities and NaN. */
export function parseGoFloat(text: string): number | undefined {
  if (/^[+-]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?$/.test(text)) {
    return text.includes('_') ? undefined : Number(text);
  }
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  const hex = /^([+-]?)0[xX]([0-9a-fA-F]+)(?:\.([0-9a-fA-F]*))?[pP]([+-]?[0-9]+)$/.exec(text);
  if (hex === null) return undefined;
  const fraction = hex[3] ?? '';
  const mantissa = Number.parseInt(`${hex[2]}${fraction}`, 16) * 2 ** (-4 * fraction.length);
  return (hex[1] === '-' ? -1 : 1) * mantissa * 2 ** Number(hex[4]);
}

/** The text form: strings decoded, numbers as written, containers as JSON text. */
export function resultText(result: GjsonResult): string {
  if (result.type === 'String') return result.text;
  if (result.type === 'Null') return '';
  return result.type === 'Number' && !/^-?[0-9]+$/.test(result.raw) ? decimalText(result.number) : result.raw;
}

/** The shortest digits that name this double, never with an exponent. */
function decimalText(value: number): string {
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:e([+-][0-9]+))?$/.exec(String(value)) ?? [];
  if (exponent === undefined) return String(value);
  const shift = Number(exponent);
  return shift > 0
    ? `${sign}${whole}${fraction.padEnd(shift, '0')}`
    : `${sign}0.${'0'.repeat(-shift - 1)}${whole}${fraction}`;
}

/** The whole number: exact for integers within 64 bits as written, else truncated toward zero. */
export function resultInteger(result: GjsonResult): bigint {
  if (result.type === 'True') return 1n;
  if (result.type === 'String') return /^-?[0-9]+$/.test(result.text) ? BigInt.asIntN(64, BigInt(result.text)) : 0n;
  if (result.type !== 'Number') return 0n;
  const truncated = Math.trunc(result.number);
  if (Number.isSafeInteger(truncated)) return BigInt(truncated);
  if (/^-?[0-9]{1,20}$/.test(result.raw)) return BigInt.asIntN(64, BigInt(result.raw));
  if (!Number.isFinite(truncated) || Math.abs(truncated) >= 2 ** 63) return -(2n ** 63n);
  return BigInt(truncated);
}

/** JSON values with objects as maps, so that no key of the outside ever meets a prototype. */
export type JsonData = null | boolean | number | string | readonly JsonData[] | ReadonlyMap<string, JsonData>;
