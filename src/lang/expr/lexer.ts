/** Cuts an expression into tokens. */
import {ExprError} from '../errors.ts';

export type TokenKind = 'name' | 'int' | 'float' | 'string' | 'operator' | 'bracket' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** The decoded text for strings, the source for others. */
  readonly text: string;
  readonly offset: number;
}

/** Words that read as operators; not usable as names. */
const wordOperators: ReadonlySet<string> = new Set([
  'in',
  'matches',
  'contains',
  'startsWith',
  'endsWith',
  'not',
  'and',
  'or',
  'let',
  'if',
  'else',
]);

// Longest first, so that `..` is never read as two dots.
const symbols: readonly string[] = [
  '?.',
  '??',
  '?:',
  '..',
  '**',
  '&&',
  '||',
  '==',
  '!=',
  '<=',
  '>=',
  '|',
  '!',
  '<',
  '>',
  '=',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '?',
  ':',
  ';',
  ',',
  '.',
  '#',
];

const namePattern = /[\p{L}_$][\p{L}\p{Nd}_$]*/uy;
const numberPattern =
  /0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?/y;

export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  for (;;) {
    offset = skipBlanks(source, offset);
    if (offset >= source.length) break;
    const found = readToken(source, offset, tokens.at(-1));
    tokens.push(found.token);
    offset = found.end;
  }
  tokens.push({kind: 'end', text: '', offset: source.length});
  return tokens;
}

function skipBlanks(source: string, start: number): number {
  let offset = start;
  for (;;) {
    while (offset < source.length && /\s/.test(source.charAt(offset))) offset += 1;
    if (source.startsWith('//', offset)) {
      const end = source.indexOf('\n', offset);
      offset = end === -1 ? source.length : end + 1;
    } else if (source.startsWith('/*', offset)) {
      const end = source.indexOf('*/', offset + 2);
      if (end === -1) throw syntax('unclosed comment', source, offset);
      offset = end + 2;
    } else {
      return offset;
    }
  }
}

interface Found {
  readonly token: Token;
  readonly end: number;
}

function readToken(source: string, offset: number, previous: Token | undefined): Found {
  const character = source.charAt(offset);
  if (character === '"' || character === "'") return readString(source, offset);
  if (character === '`') return readRaw(source, offset);
  if ('()[]{}'.includes(character)) return {token: {kind: 'bracket', text: character, offset}, end: offset + 1};
  const isDigit = /[0-9]/.test(character);
  // Behind a name or bracket `.5` is no number: `a.5` is not valid anyway.
  if (isDigit || (character === '.' && /[0-9]/.test(source.charAt(offset + 1)) && previous?.text !== '.')) {
    return readNumber(source, offset);
  }
  namePattern.lastIndex = offset;
  const name = namePattern.exec(source)?.[0];
  if (name !== undefined) {
    const kind = wordOperators.has(name) ? 'operator' : 'name';
    return {token: {kind, text: name, offset}, end: offset + name.length};
  }
  for (const symbol of symbols) {
    if (!source.startsWith(symbol, offset)) continue;
    // `a ?.5 : 1` is a conditional with a number.
    if (symbol === '?.' && /[0-9]/.test(source.charAt(offset + 2))) continue;
    return {token: {kind: 'operator', text: symbol, offset}, end: offset + symbol.length};
  }
  throw syntax(`unrecognized character ${JSON.stringify(character)}`, source, offset);
}

function readNumber(source: string, offset: number): Found {
  numberPattern.lastIndex = offset;
  const text = numberPattern.exec(source)?.[0] ?? '';
  const end = offset + text.length;
  const after = source.slice(end, end + 1);
  if (text === '' || /[\p{L}_0-9]/u.test(after)) throw syntax(`bad number "${text}${after}"`, source, offset);
  const plain = text.replaceAll('_', '');
  const isInt = /^[0-9]+$/.test(plain) || /^0[xXbBoO]/.test(plain);
  return {token: {kind: isInt ? 'int' : 'float', text: plain, offset}, end};
}

function readRaw(source: string, offset: number): Found {
  let text = '';
  for (let index = offset + 1; index < source.length; index += 1) {
    if (source.charAt(index) !== '`') {
      text += source.charAt(index);
    } else if (source.charAt(index + 1) === '`') {
      text += '`';
      index += 1;
    } else {
      return {token: {kind: 'string', text, offset}, end: index + 1};
    }
  }
  throw syntax('the text has no end', source, offset);
}

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['a', '\u0007'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['`', '`'],
  ['?', '?'],
]);

function readString(source: string, offset: number): Found {
  const quote = source.charAt(offset);
  let text = '';
  for (let index = offset + 1; index < source.length; index += 1) {
    const character = source.charAt(index);
    if (character === quote) return {token: {kind: 'string', text, offset}, end: index + 1};
    if (character === '\n') break;
    if (character !== '\\') {
      text += character;
      continue;
    }
    const escape = readEscape(source, index + 1);
    text += escape.text;
    index = escape.end - 1;
  }
  throw syntax('the text has no end', source, offset);
}

function readEscape(source: string, offset: number): {readonly text: string; readonly end: number} {
  const letter = source.charAt(offset);
  const simple = simpleEscapes.get(letter);
  if (simple !== undefined) return {text: simple, end: offset + 1};
  const digits = letter === 'x' ? 2 : letter === 'u' ? 4 : letter === 'U' ? 8 : 0;
  if (digits > 0) {
    const hex = source.slice(offset + 1, offset + 1 + digits);
    const code = Number.parseInt(hex, 16);
    if (hex.length === digits && /^[0-9a-fA-F]+$/.test(hex) && code <= 0x10ffff) {
      return {text: String.fromCodePoint(code), end: offset + 1 + digits};
    }
  }
  const octal = source.slice(offset, offset + 3);
  if (/^[0-3][0-7]{2}$/.test(octal)) return {text: String.fromCodePoint(Number.parseInt(octal, 8)), end: offset + 3};
  throw syntax(`"\\${letter}" is not an escape`, source, offset - 1);
}

export function syntax(what: string, source: string, offset: number): ExprError {
  return ExprError.at('ERR_EXPR_SYNTAX', `Cannot parse the expression: ${what}`, {source, offset});
}
