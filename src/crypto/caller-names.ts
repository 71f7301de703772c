/**
 * Who a certificate may speak for: caller names, the list of allowed callers and the list of privileged ones.
 *
 * Stricter than the reference on purpose: the whole caller id must be a kind and a name, with nothing before or behind, and the
 * default patterns match whole names with their dots escaped. Patterns that an operator writes keep their meaning: RE2 syntax,
 * unanchored, slashes around them removed, an invalid one never matches.
 */
import {compileRegex, type Regex} from '../lib/regex.ts';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';

export const defaultAllowedCallers: readonly string[] = ['^[\\w.-]+\\.mcollective$', '^[\\w.-]+\\.choria$'];

export const defaultPrivilegedCallers: readonly string[] = [
  '^[\\w.-]+\\.privileged\\.mcollective$',
  '^[\\w.-]+\\.privileged\\.choria$',
];

/** The reference's own defaults; when a configuration spells them out they mean ours. */
const replacedDefaults: Readonly<Record<string, string>> = {
  '\\.mcollective$': '^[\\w.-]+\\.mcollective$',
  '\\.choria$': '^[\\w.-]+\\.choria$',
  '\\.privileged.mcollective$': '^[\\w.-]+\\.privileged\\.mcollective$',
  '\\.privileged.choria$': '^[\\w.-]+\\.privileged\\.choria$',
};

export interface NameMatcher {
  /** The patterns in use, for messages and for telling two matchers apart. */
  readonly patterns: readonly string[];
  /** Patterns that do not compile, and so never match. */
  readonly invalid: readonly string[];
  matches(name: string): boolean;
}

/** Known to compile. */
const ownDefaults: ReadonlySet<string> = new Set([...defaultAllowedCallers, ...defaultPrivilegedCallers]);

/** Patterns are compiled with the first name that is judged: a client, which judges nobody, never pays for the engine. */
export function createNameMatcher(patterns: readonly string[]): NameMatcher {
  const used = patterns.map(innerPattern);
  let compiled: CompiledPatterns | undefined;
  const ready = (): CompiledPatterns => (compiled ??= compilePatterns(patterns));
  return {
    patterns: used,
    get invalid() {
      return used.every((pattern) => ownDefaults.has(pattern)) ? [] : ready().invalid;
    },
    matches: (name) => ready().regexes.some((regex) => regex.test(name)),
  };
}

function innerPattern(pattern: string): string {
  const replaced = Object.hasOwn(replacedDefaults, pattern) ? (replacedDefaults[pattern] ?? pattern) : pattern;
  return replaced.length > 1 && replaced.startsWith('/') && replaced.endsWith('/') ? replaced.slice(1, -1) : replaced;
}

interface CompiledPatterns {
  readonly regexes: readonly Regex[];
  readonly invalid: readonly string[];
}

function compilePatterns(patterns: readonly string[]): CompiledPatterns {
  const regexes: Regex[] = [];
  const invalid: string[] = [];
  for (const pattern of patterns) {
    try {
      regexes.push(compileRegex(innerPattern(pattern)));
    } catch {
      // The reference never matches a pattern that does not compile; the set-up check reports it.
      invalid.push(pattern);
    }
  }
  return {regexes, invalid};
}

/**
 * The name inside a caller id such as `choria=rip.mcollective`.
 *
 * @throws {CryptoError} `ERR_CALLER_NOT_ALLOWED`
 */
export function callerName(callerId: string): string {
  const match = callerId.length <= cryptoLimits.nameLengthMax ? /^[a-z]+=([A-Za-z0-9_.-]+)$/.exec(callerId) : null;
  const name = match?.[1];
  if (name === undefined) {
    throw new CryptoError(
      'ERR_CALLER_NOT_ALLOWED',
      `Cannot accept caller ${JSON.stringify(callerId.slice(0, 64))}: it is not a kind and a name, such as choria=rip.mcollective`,
    );
  }
  return name;
}
