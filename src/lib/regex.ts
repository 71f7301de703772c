/**
 * Regular expressions from users, files and the network, with the semantics of RE2 and in linear time.
 *
 * The host's RegExp backtracks: 28 letters can cost it seconds, and a filter from the network must never do that to a node. RE2 is
 * also what the Go programs use, so that a pattern means the same on both: no look-around, no back-references, `$` only at the very
 * end, Unicode by code point.
 */
import {RE2JS} from 're2js';
import {ChoriaError} from './errors.ts';

/** Longer patterns are refused: compiled size grows with them, and no policy, filter or DDL comes near it. */
export const regexPatternLengthMax = 8_192;

export type RegexErrorCode = 'ERR_REGEX_SYNTAX' | 'ERR_REGEX_TOO_LONG';

export const regexErrorCodes: Readonly<Record<RegexErrorCode, string>> = {
  ERR_REGEX_SYNTAX: 'A pattern is not a valid RE2 regular expression',
  ERR_REGEX_TOO_LONG: 'A pattern is longer than the limit for regular expressions',
};

export class RegexError extends ChoriaError<RegexErrorCode> {}

export interface RegexMatch {
  /** Index in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** 0 is the whole match; undefined for a group that took no part. */
  readonly groups: readonly (string | undefined)[];
  readonly named: Readonly<Record<string, string | undefined>>;
}

export interface Regex {
  readonly source: string;
  /** Whether the pattern matches anywhere in the text. */
  test(text: string): boolean;
  /** The first match at or behind `from`. */
  match(text: string, from?: number): RegexMatch | undefined;
}

/**
 * @param pattern RE2 syntax, at most `regexPatternLengthMax` UTF-16 units
 * @throws {RegexError} `ERR_REGEX_SYNTAX` | `ERR_REGEX_TOO_LONG`
 * @example
 * compileRegex('^web[0-9]+$', {ignoreCase: true}).test('WEB1'); // true
 */
export function compileRegex(pattern: string, options: {readonly ignoreCase?: boolean} = {}): Regex {
  if (pattern.length > regexPatternLengthMax) {
    throw new RegexError(
      'ERR_REGEX_TOO_LONG',
      `Cannot use a pattern of ${pattern.length} characters: expected at most ${regexPatternLengthMax}`,
    );
  }
  const compiled = compile(pattern, options.ignoreCase === true ? RE2JS.CASE_INSENSITIVE : 0);
  return {
    source: pattern,
    test: (text) => compiled.test(text),
    match: (text, from = 0) => firstMatch(compiled, text, from),
  };
}

function compile(pattern: string, flags: number): RE2JS {
  try {
    return RE2JS.compile(pattern, flags);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RegexError('ERR_REGEX_SYNTAX', `Cannot use pattern ${JSON.stringify(pattern)}: ${reason}`, {
      cause: error,
      details: {reason},
    });
  }
}

function firstMatch(compiled: RE2JS, text: string, from: number): RegexMatch | undefined {
  const matcher = compiled.matcher(text);
  if (!matcher.find(from)) return undefined;
  const groups: (string | undefined)[] = [];
  for (let index = 0; index <= matcher.groupCount(); index++) groups.push(matcher.group(index) ?? undefined);
  const named: [string, string | undefined][] = Object.entries(matcher.getNamedGroups()).map(([name, value]) => [
    name,
    value ?? undefined,
  ]);
  return {start: matcher.start(), end: matcher.end(), groups, named: Object.fromEntries(named)};
}
