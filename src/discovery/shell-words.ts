/**
 * Splits a command as a shell would split words: quotes and backslashes, nothing else. There are no variables, no globs, no pipes:
 * the words go to the program as they are.
 */
import {DiscoveryError} from './errors.ts';

/** @example splitShellWords(`run.py --name "two words"`) // ['run.py', '--name', 'two words'] */
export function splitShellWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let index = 0;
  while (index < text.length) {
    const char = text.charAt(index);
    if (char === "'" || char === '"') {
      const quoted = readQuoted(text, {start: index, quote: char});
      word = (word ?? '') + quoted.value;
      index = quoted.next;
    } else if (char === '\\') {
      word = (word ?? '') + text.charAt(index + 1);
      index += 2;
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      index++;
    } else {
      word = (word ?? '') + char;
      index++;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function readQuoted(text: string, at: {readonly start: number; readonly quote: string}): {value: string; next: number} {
  let value = '';
  for (let index = at.start + 1; index < text.length; index++) {
    const char = text.charAt(index);
    if (char === at.quote) return {value, next: index + 1};
    if (char === '\\' && at.quote === '"' && '"\\$`'.includes(text.charAt(index + 1))) {
      value += text.charAt(++index);
    } else {
      value += char;
    }
  }
  throw new DiscoveryError(
    'ERR_DISCOVERY_SOURCE',
    `Cannot split the command ${JSON.stringify(text)}: the quote at column ${at.start + 1} is not closed`,
  );
}
