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
 * A number with a fixed count of decimals, as Go's `%f`: all digits are known exactly, so that halves go to the even neighbour, where JavaScript's
 * `toFixed` takes the larger one, and large values print in full.
 *
 * @example
 * formatFixed(0.125, 2); // "0.12"
 */
export function formatFixed(value: number, decimals: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const negative = value < 0 || Object.is(value, -0);
  const {mantissa, exponent} = decompose(Math.abs(value));
  let scaled = mantissa * 10n ** BigInt(decimals);
  if (exponent >= 0) scaled <<= BigInt(exponent);
  else scaled = divideHalfEven(scaled, 1n << BigInt(-exponent));
  const digits = scaled.toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const text = decimals === 0 ? whole : `${whole}.${digits.slice(digits.length - decimals)}`;
  return negative ? `-${text}` : text;
}

/** value = mantissa * 2^exponent, exactly. */
function decompose(value: number): {readonly mantissa: bigint; readonly exponent: number} {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const raw = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return raw === 0
    ? {mantissa: fraction, exponent: -1074}
    : {mantissa: fraction | 0x10000000000000n, exponent: raw - 1075};
}

function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  if (twice > divisor || (twice === divisor && quotient % 2n === 1n)) return quotient + 1n;
  return quotient;
}
