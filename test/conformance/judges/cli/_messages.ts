/**
 * Compares the failure messages of a transcript by what they say: level, the known beginning, every value they name, and most of their
 * words. Our sentences are our own; which values they name and how the program ends is what counts.
 */

const logLine = /^(time="[^"]*" level=(?:fatal|error) msg=")((?:[^"\\]|\\.)*)(".*)$/;
const beginnings: readonly string[] = ['Could not run Choria: ', 'Could not configure Choria: '];

/** Texts of the Go runtime and its libraries, of which only what stands before them counts. */
const libraryTexts: readonly RegExp[] = [
  /context deadline exceeded.*$/s,
  /unexpected token .*$/s,
  /invalid character .*$/s,
  /unexpected end of JSON input.*$/s,
  /yaml: .*$/s,
  /encoding\/hex: .*$/s,
  /(?:no such file or directory|permission denied|is a directory).*$/s,
  /%!\w\(<nil>\)/,
];

function beginningOf(message: string): string {
  return beginnings.find((text) => message.startsWith(text)) ?? '';
}

/** What stands in quotes, and numbers with their unit. */
function valuesOf(message: string): readonly string[] {
  const quoted = [...message.matchAll(/'([^']+)'|"((?:[^"\\]|\\.)+)"/g)].map((match) => match[1] ?? match[2] ?? '');
  const names = [...message.matchAll(/\b[\w-]+#[\w-]+\b|(?:\/[\w.-]+)+|\b[\w-]+(?:\.[\w-]+){2,}\b/g)].map(
    (match) => match[0],
  );
  return [...quoted, ...names];
}

function wordsOf(message: string): readonly string[] {
  return [...message.toLowerCase().matchAll(/[a-z]{4,}/g)].map((match) => match[0]);
}

/** Most of the words of one clause stand in the other text. */
function sharesWords(clause: string, text: string): boolean {
  const words = wordsOf(clause);
  if (words.length === 0) return true;
  const lower = text.toLowerCase();
  return words.filter((word) => lower.includes(word)).length * 2 >= words.length;
}

/** Whether the message found says what the message wanted says. */
export function saysTheSame(wanted: string, found: string): boolean {
  const beginning = beginningOf(wanted);
  if (beginningOf(found) !== beginning) return false;
  const library = libraryTexts.find((pattern) => pattern.test(wanted));
  const told = (library === undefined ? wanted : wanted.replace(library, '')).slice(beginning.length);
  if (found.length <= beginning.length) return false;
  // A request that the runtime gave up on says nothing but that; ours says why.
  if (library?.source.startsWith('context')) return true;
  if (!valuesOf(told).every((value) => found.includes(value))) return false;
  const clauses = told.split(': ').filter((clause) => wordsOf(clause).length > 0);
  return sharesWords(clauses.at(-1) ?? '', found);
}

function unescape(text: string): string {
  return text.replaceAll('\\"', '"').replaceAll('\\\\', '\\');
}

/** The text found, with each message that says the same as the one wanted replaced by it. */
export function alignMessages(wanted: string, found: string): string {
  const expected = wanted.split('\n').flatMap((line) => {
    const match = logLine.exec(line);
    return match === null ? [] : [{message: match[2] ?? '', level: /level=(\w+)/.exec(line)?.[1]}];
  });
  return found
    .split('\n')
    .map((line) => {
      const match = logLine.exec(line);
      if (match === null) return line;
      const level = /level=(\w+)/.exec(line)?.[1];
      const same = expected.find(
        (item) => item.level === level && saysTheSame(unescape(item.message), unescape(match[2] ?? '')),
      );
      return same === undefined ? line : `${match[1]}${same.message}${match[3]}`;
    })
    .join('\n');
}

/** Warnings are words of ours beside the data: a transcript without any does not forbid them. */
export function dropWarnings(text: string): string {
  return text.replaceAll(/^time="[^"]*" level=warning .*\n/gm, '');
}
