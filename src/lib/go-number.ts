/**
 * Numbers in text, read and written by Go's rules. Pure.
 */
import {goQuote, TextError} from './go-text.ts';

const int64Max = 9_223_372_036_854_775_807n;

/**
 * A whole number in decimal digits with an optional sign, as Go's `Atoi` reads it. Beyond 2^53 the nearest double.
 *
 * @returns undefined when it is not one, or does not fit 64 bits
 */
export function tryAtoi(text: string): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  if (text.length > 15) {
    const digits = text.replace(/^[+-]?0*/, '');
    if (digits.length > 19) return undefined;
    const exact = BigInt(digits === '' ? '0' : digits);
    if (exact > int64Max + (text.startsWith('-') ? 1n : 0n)) return undefined;
  }
  const value = Number(text);
  return value === 0 ? 0 : value;
}

/** @throws {TextError} `ERR_TEXT_NOT_NUMBER`, worded as Go words it */
export function atoi(text: string): number {
  const value = tryAtoi(text);
  if (value !== undefined) return value;
  const problem = /^[+-]?[0-9]+$/.test(text) ? 'value out of range' : 'invalid syntax';
  throw new TextError('ERR_TEXT_NOT_NUMBER', `strconv.Atoi: parsing ${goQuote(text)}: ${problem}`);
}

const decimal = /^[+-]?(?:[0-9_]+\.?[0-9_]*|\.[0-9_]+)(?:[eE][+-]?[0-9_]+)?$/;
const hexadecimal = /^([+-]?)0[xX]([0-9a-fA-F_]*)(?:\.([0-9a-fA-F_]*))?[pP]([+-]?[0-9_]+)$/;
const special = /^([+-]?)(?:inf|infinity)$/i;

/**
 * A floating point number as Go's `ParseFloat` reads it: decimal or hexadecimal, `inf`, `nan`, `_` between digits.
 *
 * @param bits 32 rounds to a single, as `ParseFloat(s, 32)` does
 * @throws {TextError} `ERR_TEXT_NOT_NUMBER`, worded as Go words it
 */
export function parseGoFloat(text: string, bits: 32 | 64 = 64): number {
  const infinite = special.exec(text);
  if (infinite) return infinite[1] === '-' ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  const value = decimal.test(text) ? parseDecimal(text) : parseHexadecimal(text);
  if (value === undefined) throw floatError(text, 'invalid syntax');
  const rounded = bits === 32 ? Math.fround(value) : value;
  if (!Number.isFinite(rounded)) throw floatError(text, 'value out of range');
  return rounded;
}

function parseDecimal(text: string): number | undefined {
  const plain = withoutUnderscores(text);
  if (plain === undefined || !/[0-9]/.test(plain.replace(/[eE].*$/, ''))) return undefined;
  return Number(plain);
}

function parseHexadecimal(text: string): number | undefined {
  const match = hexadecimal.exec(text);
  if (!match) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = ''] = match;
  const plainWhole = withoutUnderscores(`0${whole}`);
  const plainFraction = fraction === '' ? '' : withoutUnderscores(`0${fraction}`)?.slice(1);
  const power = withoutUnderscores(exponent);
  if (plainWhole === undefined || plainFraction === undefined || power === undefined) return undefined;
  if (whole === '' && fraction === '') return undefined;
  const mantissa = Number(BigInt(`0x${plainWhole}${plainFraction}`));
  const value = mantissa * 2 ** (Number(power) - 4 * plainFraction.length);
  return sign === '-' ? -value : value;
}

/** Underscores are allowed only between digits. */
function withoutUnderscores(text: string): string | undefined {
  if (!text.includes('_')) return text;
  if (/(?:^|[^0-9a-fA-F])_|_(?:$|[^0-9a-fA-F])|__/.test(text)) return undefined;
  return text.replaceAll('_', '');
}

function floatError(text: string, problem: string): TextError {
  return new TextError('ERR_TEXT_NOT_NUMBER', `strconv.ParseFloat: parsing ${goQuote(text)}: ${problem}`);
}

/**
 * A number with a fixed count of decimals. Exact halves go to the even neighbour, as in C and Go; JavaScript's `toFixed` takes the
 * larger one.
 *
 * @example
 * formatFixed(0.125, 2); // "0.12"
 */
export function formatFixed(value: number, decimals: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const rounded = Math.abs(value).toFixed(decimals);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  return sign + (isExactHalf(Math.abs(value), decimals) ? toEven(rounded) : rounded);
}

function isExactHalf(value: number, decimals: number): boolean {
  if (value >= 2 ** 52) return false;
  const rest = value.toFixed(100).split('.')[1]?.slice(decimals) ?? '';
  return /^50*$/.test(rest);
}

/** `toFixed` took the larger neighbour of a half: when its last digit is odd, the even one is just below. */
function toEven(rounded: string): string {
  const digits = BigInt(rounded.replace('.', ''));
  if (digits % 2n === 0n) return rounded;
  const point = rounded.indexOf('.');
  const lower = (digits - 1n).toString().padStart(rounded.replace('.', '').length, '0');
  return point < 0 ? lower : `${lower.slice(0, point)}.${lower.slice(point)}`;
}
