/** Words of Ruby DDL text: the small part of Ruby that descriptions are written in. */
import {DdlError} from '../errors.ts';

export type Token =
  | {readonly kind: 'name' | 'symbol' | 'punctuation' | 'number'; readonly text: string; readonly line: number}
  /** Parts of a text: literal pieces, and names between `#{` and `}`. */
  | {readonly kind: 'text'; readonly parts: readonly TextPart[]; readonly text: string; readonly line: number}
  | {readonly kind: 'end'; readonly text: string; readonly line: number};

export type TextPart = {readonly literal: string} | {readonly variable: string};

const escapes: Readonly<Record<string, string>> = {n: '\n', t: '\t', r: '\r', s: ' ', '0': '\0', e: '\u001b'};

/** @throws {DdlError} `ERR_DDL_RUBY` with the line */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  const fail = (problem: string): DdlError =>
    new DdlError('ERR_DDL_RUBY', `Cannot read Ruby DDL at line ${line}: ${problem}`, {details: {line}});

  const readQuoted = (quote: string): Token => {
    const parts: TextPart[] = [];
    let literal = '';
    const start = line;
    for (at++; ; at++) {
      const character = source[at];
      if (character === undefined) throw fail('a text has no end');
      if (character === quote) break;
      if (character === '\n') line++;
      if (character === '\\') {
        at++;
        literal += unescape(quote, source[at] ?? '');
      } else if (quote === '"' && character === '#' && source[at + 1] === '{') {
        const close = source.indexOf('}', at);
        const variable = source.slice(at + 2, Math.max(close, at + 2)).trim();
        if (close < 0 || !/^[a-z_]\w*$/.test(variable)) throw fail('only names may stand in a text between #{ and }');
        parts.push({literal}, {variable});
        literal = '';
        at = close;
      } else literal += character;
    }
    at++;
    parts.push({literal});
    return {kind: 'text', parts, text: '', line: start};
  };

  while (at < source.length) {
    const character = source.charAt(at);
    if (character === '\n') {
      tokens.push({kind: 'punctuation', text: '\n', line});
      line++;
      at++;
    } else if (/[ \t\r]/.test(character)) at++;
    else if (character === '#') while (at < source.length && source[at] !== '\n') at++;
    else if (character === '\\' && /^\\\r?\n/.test(source.slice(at, at + 3))) {
      at = source.indexOf('\n', at) + 1;
      line++;
    } else if (character === '"' || character === "'") tokens.push(readQuoted(character));
    else {
      const match =
        /^(?::"[^"\n]*"|:[A-Za-z_]\w*[?!]?|[A-Za-z_]\w*[?!]?|-?[0-9][0-9_]*(?:\.[0-9]+)?|=>|[[\](){},.|;=:])/.exec(
          source.slice(at, at + 4096),
        );
      if (!match) throw fail(`${JSON.stringify(character)} is not part of a DDL`);
      tokens.push(toToken(match[0], line));
      at += match[0].length;
    }
  }
  tokens.push({kind: 'end', text: '', line});
  return tokens;
}

/** Single quotes know two escapes, double quotes the usual ones. */
function unescape(quote: string, character: string): string {
  if (quote === "'") return character === "'" || character === '\\' ? character : `\\${character}`;
  return escapes[character] ?? character;
}

function toToken(text: string, line: number): Token {
  if (/^:(?:"|[A-Za-z_])/.test(text)) return {kind: 'symbol', text: text.replace(/^:"?|"$/g, ''), line};
  if (/^-?[0-9]/.test(text)) return {kind: 'number', text: text.replaceAll('_', ''), line};
  return {kind: /^[A-Za-z_]/.test(text) ? 'name' : 'punctuation', text, line};
}
