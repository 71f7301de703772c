/** Entries of a filter that may be patterns. A pattern that does not compile matches nothing. */
import {patternStates, patternWorkMax} from '../../lang/index.ts';
import {compileRegex, RegexError} from '../../lib/regex.ts';
import {filterLimits} from './limits.ts';

/** Compiles the patterns of one filter, each once, and no more than allowed. */
export interface PatternPool {
  /** Undefined when the pattern is invalid, too long or one too many. */
  get(pattern: string): Pattern | undefined;
}

export interface Pattern {
  /** False also when trying would cost too much. */
  test(text: string): boolean;
}

export function createPatternPool(): PatternPool {
  const pool = new Map<string, Pattern | undefined>();
  return {
    get(pattern) {
      if (pool.has(pattern)) return pool.get(pattern);
      if (pool.size >= filterLimits.patternsMax || pattern.length > filterLimits.patternCharactersMax) return undefined;
      const compiled = tryCompile(pattern);
      pool.set(pattern, compiled);
      return compiled;
    },
  };
}

function tryCompile(pattern: string): Pattern | undefined {
  try {
    const regex = compileRegex(pattern);
    const charactersMax = patternWorkMax / patternStates(pattern);
    return {test: (text) => text.length <= charactersMax && regex.test(text)};
  } catch (error) {
    if (error instanceof RegexError) return undefined;
    throw error;
  }
}

/** The inside of `/text/`, or undefined for an entry that is no pattern. A lone slash is the empty pattern. */
export function patternBody(entry: string): string | undefined {
  if (!entry.startsWith('/') || !entry.endsWith('/')) return undefined;
  return entry.slice(1, Math.max(entry.length - 1, 1));
}

/** Tries one entry on one name. */
export type NameTest = (name: string) => boolean;

/** Identities: exact, or a pattern; between slashes also the literal text. */
export function identityTest(entry: string, pool: PatternPool): NameTest {
  const body = patternBody(entry);
  if (body === undefined) return (name) => name === entry;
  const pattern = pool.get(body);
  return (name) => name === body || (pattern?.test(name) ?? false);
}

/** Agents: exact, or a case-sensitive pattern. */
export function agentTest(entry: string, pool: PatternPool): NameTest {
  const body = patternBody(entry);
  if (body === undefined) return (name) => name === entry;
  const pattern = pool.get(body);
  return (name) => pattern?.test(name) ?? false;
}

/**
 * Classes: a pattern ignores case; another entry is lower-cased and then compared exactly, so that a class written with capitals is
 * only found by a pattern. Kept, because operators' filters and policies have this meaning today.
 */
export function classTest(entry: string, pool: PatternPool): NameTest {
  const body = patternBody(entry);
  if (body === undefined) {
    const wanted = entry.toLowerCase();
    return (name) => name === wanted;
  }
  const pattern = pool.get(`(?i)${body}`);
  return (name) => pattern?.test(name) ?? false;
}

/** Whether each of the entries matches some class; false when there are no entries. Action policies decide by it too. */
export function matchClasses(entries: readonly string[], classes: readonly string[], pool: PatternPool): boolean {
  return entries.length > 0 && entries.every((entry) => classes.some(classTest(entry, pool)));
}
