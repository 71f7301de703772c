/**
 * Regular expressions from users, files and the network, with the semantics of RE2 and in linear time.
 *
 * The host's RegExp backtracks: 28 letters can cost it seconds, and a filter from the network must never do that to a node. RE2 is
 * also what the Go programs use, so that a pattern means the same on both: no look-around, no back-references, `$` only at the very
 * end, Unicode by code point.
 *
 * The engine is loaded with the first pattern: it costs 10 ms that most starts of the command line need not pay.
 */
import {createRequire} from 'node:module';
import type {RE2JS} from 're2js';
import {ChoriaError} from './errors.ts';
import {regexCacheEntriesMax, regexMatchesMax, regexPatternLengthMax, regexProgramSizeMax} from './limits.ts';

export {regexPatternLengthMax} from './limits.ts';

const require = createRequire(import.meta.url);

export type RegexErrorCode = 'ERR_REGEX_SYNTAX' | 'ERR_REGEX_TOO_LONG' | 'ERR_REGEX_TOO_LARGE';

export const RegexErrorCodes: Readonly<Record<RegexErrorCode, string>> = {
  ERR_REGEX_SYNTAX: 'A pattern is not a valid RE2 regular expression',
  ERR_REGEX_TOO_LONG: 'A pattern is longer than the limit for regular expressions',
  ERR_REGEX_TOO_LARGE: 'A pattern compiles to more instructions than the limit for regular expressions',
};

/** `details.reason` of `ERR_REGEX_SYNTAX` is the engine's text, worded as Go words it. */
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
  /** Every match that does not overlap the one before, at most `regexMatchesMax`. */
  matchAll(text: string): readonly RegexMatch[];
}

export interface RegexOptions {
  readonly ignoreCase?: boolean;
}

/** Compiles each pattern once and keeps the ones used last. Owned by whoever creates it. */
export interface RegexCache {
  /** @throws {RegexError} as `compileRegex` */
  get(pattern: string, options?: RegexOptions): Regex;
}

/**
 * @param pattern RE2 syntax, at most `regexPatternLengthMax` UTF-16 units
 * @throws {RegexError} `ERR_REGEX_SYNTAX` | `ERR_REGEX_TOO_LONG` | `ERR_REGEX_TOO_LARGE`
 * @example
 * compileRegex('^web[0-9]+$', {ignoreCase: true}).test('WEB1'); // true
 */
export function compileRegex(pattern: string, options: RegexOptions = {}): Regex {
  if (pattern.length > regexPatternLengthMax) {
    throw new RegexError(
      'ERR_REGEX_TOO_LONG',
      `Cannot use a pattern of ${pattern.length} characters: expected at most ${regexPatternLengthMax}`,
    );
  }
  const compiled = compile(pattern, options.ignoreCase === true);
  const size = compiled.programSize();
  if (size > regexProgramSizeMax) {
    throw new RegexError(
      'ERR_REGEX_TOO_LARGE',
      `Cannot use pattern ${JSON.stringify(pattern)}: it compiles to ${size} instructions, expected at most ${regexProgramSizeMax}`,
    );
  }
  return {
    source: pattern,
    test: (text) => compiled.test(text),
    match: (text, from = 0) => firstMatch(compiled, text, from),
    matchAll: (text) => allMatches(compiled, text),
  };
}

/**
 * @example
 * const cache = createRegexCache();
 * cache.get('^dev').test(identity);
 */
export function createRegexCache(entriesMax: number = regexCacheEntriesMax): RegexCache {
  const entries = new Map<string, Regex>();
  return {
    get(pattern, options = {}) {
      const key = `${options.ignoreCase === true ? 'i' : ' '}${pattern}`;
      const known = entries.get(key);
      const regex = known ?? compileRegex(pattern, options);
      // A map keeps the order of insertion: putting an entry in again makes it the youngest.
      if (known) entries.delete(key);
      entries.set(key, regex);
      if (entries.size > entriesMax) {
        const oldest = entries.keys().next();
        if (oldest.done !== true) entries.delete(oldest.value);
      }
      return regex;
    },
  };
}

function compile(pattern: string, ignoreCase: boolean): RE2JS {
  const engine = (require('re2js') as typeof import('re2js')).RE2JS;
  try {
    return engine.compile(pattern, ignoreCase ? engine.CASE_INSENSITIVE : 0);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RegexError('ERR_REGEX_SYNTAX', `Cannot use pattern ${JSON.stringify(pattern)}: ${reason}`, {
      cause: error,
      details: {reason},
    });
  }
}

type Matcher = ReturnType<RE2JS['matcher']>;

function firstMatch(compiled: RE2JS, text: string, from: number): RegexMatch | undefined {
  const matcher = compiled.matcher(text);
  return matcher.find(from) ? readMatch(matcher) : undefined;
}

function allMatches(compiled: RE2JS, text: string): readonly RegexMatch[] {
  const matcher = compiled.matcher(text);
  const matches: RegexMatch[] = [];
  while (matches.length < regexMatchesMax && matcher.find()) matches.push(readMatch(matcher));
  return matches;
}

function readMatch(matcher: Matcher): RegexMatch {
  const groups: (string | undefined)[] = [];
  for (let index = 0; index <= matcher.groupCount(); index++) groups.push(matcher.group(index) ?? undefined);
  const named: [string, string | undefined][] = Object.entries(matcher.getNamedGroups()).map(([name, value]) => [
    name,
    value ?? undefined,
  ]);
  return {start: matcher.start(), end: matcher.end(), groups, named: Object.fromEntries(named)};
}
