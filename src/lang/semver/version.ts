/** Semantic versions, read as leniently as filters and policies in use expect: a leading `v` and missing parts are fine. */
import {LangError} from '../errors.ts';

export interface SemanticVersion {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  /** Without its dash; empty for a release. */
  readonly prerelease: string;
}

/** Longest text that is looked at. */
export const semverCharactersMax = 256;

const versionPattern =
  /^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

const uint64Max = 2n ** 64n;

/**
 * @throws {LangError} `ERR_SEMVER_VERSION`
 * @example
 * parseVersion('v1.2').minor; // 2n
 */
export function parseVersion(text: string): SemanticVersion {
  const match = text.length <= semverCharactersMax ? versionPattern.exec(text) : null;
  const parts = [match?.[1], match?.[2], match?.[3]].map((part) => BigInt(part ?? '0'));
  const [major = 0n, minor = 0n, patch = 0n] = parts;
  if (match === null || parts.some((part) => part >= uint64Max)) {
    throw new LangError(
      'ERR_SEMVER_VERSION',
      `Cannot read the version "${text.slice(0, 60)}": expected numbers and dots, such as 1.2.3 or v1.2.3-beta.1`,
    );
  }
  const prerelease = match[4] ?? '';
  if (prerelease.split('.').some((part) => part.length > 1 && /^0[0-9]+$/.test(part))) {
    throw new LangError(
      'ERR_SEMVER_VERSION',
      `Cannot read the version "${text.slice(0, 60)}": a number of a pre-release starts with 0, expected none or 0 alone`,
    );
  }
  return {major, minor, patch, prerelease};
}

export function compareVersions(left: SemanticVersion, right: SemanticVersion): number {
  for (const part of ['major', 'minor', 'patch'] as const) {
    if (left[part] !== right[part]) return left[part] < right[part] ? -1 : 1;
  }
  return comparePrereleases(left.prerelease, right.prerelease);
}

function comparePrereleases(left: string, right: string): number {
  if (left === right) return 0;
  // A release is newer than its pre-releases.
  if (left === '') return 1;
  if (right === '') return -1;
  const a = left.split('.');
  const b = right.split('.');
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const order = comparePart(a[index], b[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(left: string | undefined, right: string | undefined): number {
  if (left === right) return 0;
  if (left === undefined) return -1;
  if (right === undefined) return 1;
  const leftIsNumber = /^[0-9]+$/.test(left);
  const rightIsNumber = /^[0-9]+$/.test(right);
  if (leftIsNumber && rightIsNumber) {
    const a = BigInt(left);
    const b = BigInt(right);
    return a === b ? 0 : a < b ? -1 : 1;
  }
  if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1;
  return left < right ? -1 : 1;
}
