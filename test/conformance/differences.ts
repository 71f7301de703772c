/**
 * The intended differences from the reference: read from `differences.json`, told to people in `docs/design/differences.md`.
 */
import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

export interface Difference {
  /** Such as `protocol/v1-requests.json`. */
  readonly file: string;
  /** A pattern that the whole case name must match. */
  readonly cases: string;
  readonly what: string;
  readonly why: string;
}

export const differencesMax = 20;

export function readDifferences(): readonly Difference[] {
  const path = join(dirname(fileURLToPath(import.meta.url)), 'differences.json');
  return JSON.parse(readFileSync(path, 'utf8')) as readonly Difference[];
}

export function differenceFor(
  differences: readonly Difference[],
  file: string,
  caseName: string,
): Difference | undefined {
  return differences.find((item) => item.file === file && new RegExp(`^(?:${item.cases})$`).test(caseName));
}
