/**
 * Text rules of the Go programs we share files and wires with, where JavaScript's own differ.
 *
 * White space, quoting, booleans in words, and order by bytes. Pure; Go's standard library rules them.
 */
import {ChoriaError} from './errors.ts';

export type TextErrorCode = 'ERR_TEXT_NOT_BOOLEAN' | 'ERR_TEXT_NOT_NUMBER';

export const TextErrorCodes: Readonly<Record<TextErrorCode, string>> = {
  ERR_TEXT_NOT_BOOLEAN: 'A text is none of the words for true and false',
  ERR_TEXT_NOT_NUMBER: 'A text is not a number of the kind asked for',
};

/** The message is worded as the Go programs word it, because users and vectors know those words. */
export class TextError extends ChoriaError<TextErrorCode> {}

// Go's unicode.IsSpace: unlike JavaScript's trim() it has U+0085 and lacks U+FEFF.
const leadingSpace = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const spaceCharacter = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Cuts Unicode white space at both ends, by Go's list. */
export function trimSpace(text: string): string {
  let end = text.length;
  while (end > 0 && spaceCharacter.test(text.charAt(end - 1))) end--;
  return text.slice(0, end).replace(leadingSpace, '');
}

/** Splits on every separator and trims each item; empty items stay. */
export function splitTrimmed(text: string, separator: string): string[] {
  return text.split(separator).map(trimSpace);
}

const trueWords: ReadonlySet<string> = new Set(['1', 'yes', 'true', 'y', 't']);
const falseWords: ReadonlySet<string> = new Set(['0', 'no', 'false', 'n', 'f']);

/**
 * @returns undefined when it is neither a word for true nor one for false
 * @example
 * boolWord(' Yes '); // true
 */
export function boolWord(text: string): boolean | undefined {
  const word = trimSpace(text).toLowerCase();
  if (trueWords.has(word)) return true;
  return falseWords.has(word) ? false : undefined;
}

/** @throws {TextError} `ERR_TEXT_NOT_BOOLEAN` */
export function parseBoolWord(text: string): boolean {
  const value = boolWord(text);
  if (value === undefined) {
    throw new TextError('ERR_TEXT_NOT_BOOLEAN', `cannot convert string value '${trimSpace(text)}' into a boolean`);
  }
  return value;
}

/** Order of the UTF-8 bytes, as Go compares strings; JavaScript's own order differs beyond U+FFFF. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return orderOfUnit(left) - orderOfUnit(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above every other unit. */
function orderOfUnit(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** A double-quoted Go string literal (`strconv.Quote`, `%q`). */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const character of text) quoted += shortEscapes[character] ?? escapeUnprintable(character);
  return `${quoted}"`;
}

/** The character itself, or its escape when a terminal or a reader could be misled by it. */
export function escapeUnprintable(character: string): string {
  if (printable.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  // A lone surrogate has no UTF-8 form; Go would hold the replacement character here.
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/** The first character in upper case, the rest as it is. */
export function upperFirst(text: string): string {
  const [first = ''] = text;
  const upper = first.toUpperCase();
  // Go changes one rune to one rune: letters whose capital is two letters stay.
  return Array.from(upper).length === 1 ? upper + text.slice(first.length) : text;
}
