/**
 * Glob comparison of GJSON: `*` any run, `?` one character, `\` takes the next literally. Bounded, so that a pattern of many
 * stars cannot hang a node.
 */
import {wildcardStepsMax} from './limits.ts';

export function matchesWildcard(text: string, pattern: string): boolean {
  if (pattern === '*') return true;
  const subject = Array.from(text);
  const tokens = parsePattern(pattern);
  let steps = 0;
  let at = 0;
  let token = 0;
  let starToken = -1;
  let starAt = 0;
  while (at < subject.length) {
    steps += 1;
    if (steps > wildcardStepsMax + subject.length) return false;
    const wanted = tokens[token];
    if (wanted?.kind === 'run') {
      starToken = token;
      starAt = at;
      token += 1;
    } else if (wanted !== undefined && (wanted.kind === 'one' || wanted.character === subject[at])) {
      at += 1;
      token += 1;
    } else if (starToken >= 0) {
      token = starToken + 1;
      starAt += 1;
      at = starAt;
    } else {
      return false;
    }
  }
  while (tokens[token]?.kind === 'run') token += 1;
  return token === tokens.length;
}

interface Token {
  readonly kind: 'run' | 'one' | 'literal';
  readonly character: string;
}

function parsePattern(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  const characters = Array.from(pattern);
  for (let index = 0; index < characters.length; index += 1) {
    let character = characters[index] ?? '';
    if (character === '*') {
      if (tokens.at(-1)?.kind !== 'run') tokens.push({kind: 'run', character});
      continue;
    }
    if (character === '?') {
      tokens.push({kind: 'one', character});
      continue;
    }
    if (character === '\\') {
      index += 1;
      character = characters[index] ?? '';
    }
    tokens.push({kind: 'literal', character});
  }
  return tokens;
}
