/**
 * What the runner gives a judge and wants back. The judge of `AREA/NAME.json` is the default export of `judges/AREA/NAME.ts`.
 *
 * A judge calls the code that the program runs and compares with what the vector says; it holds no expected value of its own and
 * takes every support file from the folder it is given.
 */
export interface JudgeInput {
  /** The vectors folder, absolute. */
  readonly vectorsDirectory: string;
  /** Such as `protocol/v1-requests.json`. */
  readonly file: string;
  /** The file's text, for judges that need numbers beyond 2^53. */
  readonly text: string;
  /** The file's JSON. */
  readonly data: unknown;
}

export interface CaseResult {
  /** The case's own name, or its index. */
  readonly name: string;
  readonly passed: boolean;
  /** Short texts for the failure line. */
  readonly expected?: string;
  readonly got?: string;
  /** The part that is not built yet and that the case belongs to, such as `the command kv`; only for a case that does not pass. */
  readonly waitsFor?: string;
}

export type Judge = (input: JudgeInput) => Promise<readonly CaseResult[]> | AsyncIterable<CaseResult>;

/** Compares by value and makes the case's result. */
export function judgeEqual(name: string, expected: unknown, got: unknown): CaseResult {
  const wanted = canonical(expected);
  const found = canonical(got);
  return wanted === found ? {name, passed: true} : {name, passed: false, expected: wanted, got: found};
}

/** JSON text with sorted keys, so that two values compare whatever the order of their keys. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, item: unknown) => {
      if (typeof item === 'bigint') return item.toString();
      if (item === null || typeof item !== 'object' || Array.isArray(item)) return item;
      const entries = Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1));
      return Object.fromEntries(entries);
    }) ?? 'undefined'
  );
}
