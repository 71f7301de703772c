/**
 * Constraints on semantic versions: `>= 1.2, < 2`, `^1.2`, `~1.2`, `1.x`, `1.2 - 1.4`, `1 || 3`.
 *
 * Comma or space is AND, `||` is OR. A pre-release satisfies a comparison only when the comparison names a pre-release too.
 */
import {LangError} from '../errors.ts';
import {compareVersions, parseVersion, type SemanticVersion, semverCharactersMax} from './version.ts';

type Operator = '=' | '!=' | '>' | '<' | '>=' | '<=' | '~' | '^';

interface Comparison {
  readonly operator: Operator;
  readonly version: SemanticVersion;
  /** A part is missing or a wildcard. */
  readonly partial: boolean;
  /** The minor part is the missing one; with `anyPatch`, only the patch. */
  readonly anyMinor: boolean;
  readonly anyPatch: boolean;
}

/** OR of ANDs. */
export type SemverConstraint = readonly (readonly Comparison[])[];

const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['', '='],
  ['=', '='],
  ['!=', '!='],
  ['>', '>'],
  ['<', '<'],
  ['>=', '>='],
  ['=>', '>='],
  ['<=', '<='],
  ['=<', '<='],
  ['~', '~'],
  ['~>', '~'],
  ['^', '^'],
]);

const rangePattern =
  /\s*(v?[0-9xX*|]+(?:\.[0-9xX*|]+)?(?:\.[0-9xX*|]+)?(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)\s+-\s+(v?[0-9xX*|]+(?:\.[0-9xX*|]+)?(?:\.[0-9xX*|]+)?(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)\s*/g;
const comparisonPattern =
  /^\s*(=>|=<|>=|<=|!=|~>|=|>|<|~|\^)?\s*(v?[0-9xX*]+(?:\.[0-9xX*]+)?(?:\.[0-9xX*]+)?(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)/;
const partsPattern = /^v?([0-9xX*]+)(?:\.([0-9xX*]+))?(?:\.([0-9xX*]+))?((?:-[0-9A-Za-z.-]+)?)(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * @throws {LangError} `ERR_SEMVER_CONSTRAINT`
 * @example
 * satisfies(parseVersion('1.4.2'), parseConstraint('^1.2')); // true
 */
export function parseConstraint(text: string): SemverConstraint {
  if (text.length > semverCharactersMax) throw refused(text);
  const rewritten = text.replace(rangePattern, (_all, from: string, to: string) => `>= ${from}, <= ${to} `);
  return rewritten.split('||').map((part) => parseAll(part, text));
}

function parseAll(part: string, whole: string): readonly Comparison[] {
  const comparisons: Comparison[] = [];
  let rest = part;
  for (;;) {
    const match = comparisonPattern.exec(rest);
    const operator = operators.get(match?.[1] ?? '');
    if (match === null || operator === undefined) throw refused(whole);
    comparisons.push(readComparison(operator, {text: match[2] ?? '', whole}));
    rest = rest.slice(match[0].length);
    const separator = /^(?:\s*,\s*|\s+)/.exec(rest);
    if (rest.trim() === '') return comparisons;
    if (separator === null) throw refused(whole);
    rest = rest.slice(separator[0].length);
  }
}

function readComparison(
  operator: Operator,
  {text, whole}: {readonly text: string; readonly whole: string},
): Comparison {
  const parts = partsPattern.exec(text);
  if (parts === null) throw refused(whole);
  const [, major = '', minor, patch, prerelease = ''] = parts;
  const anyMajor = isWildcard(major);
  const anyMinor = !anyMajor && isWildcard(minor);
  const anyPatch = !anyMajor && !anyMinor && isWildcard(patch);
  const numbers = anyMajor
    ? '0.0.0'
    : anyMinor
      ? `${major}.0.0`
      : anyPatch
        ? `${major}.${minor}.0`
        : `${major}.${minor}.${patch}`;
  try {
    const version = parseVersion(numbers + prerelease);
    return {operator, version, partial: anyMajor || anyMinor || anyPatch, anyMinor, anyPatch};
  } catch (error) {
    throw refused(whole, error);
  }
}

function isWildcard(part: string | undefined): boolean {
  return part === undefined || part === 'x' || part === 'X' || part === '*';
}

function refused(text: string, cause?: unknown): LangError {
  return new LangError(
    'ERR_SEMVER_CONSTRAINT',
    `Cannot read the version constraint "${text.slice(0, 60)}": expected comparisons such as >= 1.2.0, < 2 or ^1.2 or 1.x`,
    cause === undefined ? {} : {cause},
  );
}

export function satisfies(version: SemanticVersion, constraint: SemverConstraint): boolean {
  return constraint.some((all) => {
    // One pre-release named in a group of comparisons lets pre-releases into the whole group.
    const named = all.some((comparison) => comparison.version.prerelease !== '');
    return (version.prerelease === '' || named) && all.every((comparison) => compares(version, comparison));
  });
}

function compares(version: SemanticVersion, comparison: Comparison): boolean {
  const wanted = comparison.version;
  const order = compareVersions(version, wanted);
  const namesPrerelease = !comparison.anyMinor && (version.prerelease !== '' || wanted.prerelease !== '');
  switch (comparison.operator) {
    case '=':
      return comparison.partial ? withinTilde(version, comparison) : order === 0;
    case '!=':
      return anyPart(comparison) && !namesPrerelease ? !withinParts(version, comparison) : order !== 0;
    case '<':
      return order < 0;
    case '>=':
      return order >= 0;
    case '>':
      return isAbove(version, comparison);
    case '<=':
      return isAtMost(version, comparison);
    case '~':
      return withinTilde(version, comparison);
    case '^':
      return withinCaret(version, comparison);
  }
}

function withinParts(version: SemanticVersion, {version: wanted, anyMinor}: Comparison): boolean {
  return version.major === wanted.major && (anyMinor || version.minor === wanted.minor);
}

/** `>1` is above all of 1.x, `>1.2` above all of 1.2.x. */
function isAbove(version: SemanticVersion, comparison: Comparison): boolean {
  const {version: wanted, anyMinor} = comparison;
  if (!anyPart(comparison)) return compareVersions(version, wanted) > 0;
  if (version.major !== wanted.major) return version.major > wanted.major;
  return !anyMinor && version.minor > wanted.minor;
}

/** A wildcard behind a major number. A lone wildcard reads as 0.0.0 in `!=` and `>`. */
function anyPart({anyMinor, anyPatch}: Comparison): boolean {
  return anyMinor || anyPatch;
}

function isAtMost(version: SemanticVersion, comparison: Comparison): boolean {
  const {version: wanted, partial, anyMinor} = comparison;
  if (!partial) return compareVersions(version, wanted) <= 0;
  if (version.major > wanted.major) return false;
  return !(version.major === wanted.major && version.minor > wanted.minor && !anyMinor);
}

function withinTilde(version: SemanticVersion, comparison: Comparison): boolean {
  const {version: wanted, anyMinor, anyPatch} = comparison;
  if (compareVersions(version, wanted) < 0) return false;
  // `~0.0.0`, and a lone wildcard which reads as it, hold every version.
  const isZero = wanted.major === 0n && wanted.minor === 0n && wanted.patch === 0n;
  if (isZero && !anyMinor && !anyPatch) return true;
  return version.major === wanted.major && (version.minor === wanted.minor || anyMinor);
}

function withinCaret(version: SemanticVersion, comparison: Comparison): boolean {
  const {version: wanted, anyMinor, anyPatch} = comparison;
  if (compareVersions(version, wanted) < 0) return false;
  if (wanted.major > 0n || anyMinor) return version.major === wanted.major;
  if (version.major > 0n) return false;
  if (wanted.minor > 0n || anyPatch) return version.minor === wanted.minor;
  if (version.minor > 0n) return false;
  return version.patch === wanted.patch;
}
