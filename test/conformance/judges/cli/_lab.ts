/**
 * One lab for all judges of a run: it starts with the first case that needs it and ends with the process.
 *
 * @example
 * const lab = await sharedLab(vectorsDirectory);
 * const got = await lab.run(testCase);
 */
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {version} from '../../../../src/cli/version.ts';
import {type Lab, startLab} from '../../../support/lab.ts';
import type {CaseResult} from '../../judge.ts';
import {compareRun, type CompareOptions, type Transcript} from './_compare.ts';

export interface LabCase extends Transcript {
  readonly env?: Readonly<Record<string, string | null>>;
  readonly stdin?: string;
  readonly cwd?: string;
  /** Absolute path to text; a list names files without their text. */
  readonly files?: unknown;
  /** What `/scratch/...` named by `-o` holds afterwards. */
  readonly output_file?: string;
}

const labs = new Map<string, Promise<Lab>>();

export function sharedLab(vectorsDirectory: string): Promise<Lab> {
  let lab = labs.get(vectorsDirectory);
  if (lab === undefined) {
    lab = startLab(vectorsDirectory);
    labs.set(vectorsDirectory, lab);
  }
  return lab;
}

/** The version of the program that the transcripts were taken with, and our own. */
export function programVersions(vectorsDirectory: string): readonly string[] {
  const path = join(vectorsDirectory, 'cli', 'command-tree.json');
  if (!existsSync(path)) return [version, '0.29.4'];
  const tree = JSON.parse(readFileSync(path, 'utf8')) as {readonly version?: string};
  return [version, tree.version ?? '0.29.4'];
}

function filesOf(wanted: unknown): Readonly<Record<string, string>> {
  if (wanted === null || typeof wanted !== 'object' || Array.isArray(wanted)) return {};
  return Object.fromEntries(
    Object.entries(wanted).filter(
      (entry): entry is [string, string] => entry[0].startsWith('/') && typeof entry[1] === 'string',
    ),
  );
}

export interface LabJudgeOptions extends CompareOptions {
  readonly vectorsDirectory: string;
  /** Further files for this case. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string | null>>;
}

/** Runs one case in the shared lab and compares everything that it says. */
export async function judgeInLab(wanted: LabCase, options: LabJudgeOptions): Promise<CaseResult> {
  const {vectorsDirectory} = options;
  const lab = await sharedLab(vectorsDirectory);
  const got = await lab.run({
    argv: wanted.argv,
    env: {...wanted.env, ...options.env},
    files: {...filesOf(wanted.files), ...options.files},
    ...(wanted.stdin === undefined ? {} : {stdin: wanted.stdin}),
    ...(wanted.cwd === undefined ? {} : {cwd: wanted.cwd}),
    ...(wanted.tty === undefined ? {} : {tty: wanted.tty}),
  });
  const versions = options.versions ?? programVersions(vectorsDirectory);
  const result = compareRun(wanted, got, {...options, versions});
  if (!result.passed || wanted.output_file === undefined) return result;
  const place = wanted.argv[wanted.argv.findIndex((word) => word === '-o' || word === '--output-file') + 1] ?? '';
  const text = got.scratchFile(place) ?? '';
  return compareRun(
    {...wanted, stdout: wanted.output_file},
    {stdout: text, stderr: got.stderr, output: got.output, exit: got.exit},
    {...options, versions},
  );
}

/**
 * Runs cases side by side, so that their waiting (discovery windows, time-outs) overlaps, and gives the results in the cases' order.
 *
 * @param width how many at once; more would make two cores the reason for late replies
 */
export async function* judgeAllInLab(
  cases: readonly LabCase[],
  options: LabJudgeOptions & {readonly width?: number},
): AsyncIterable<CaseResult> {
  const width = options.width ?? 6;
  const results = new Map<number, Promise<CaseResult>>();
  const start = (index: number): void => {
    const wanted = cases[index];
    if (wanted === undefined || results.has(index)) return;
    const work = judgeInLab(wanted, options).catch(
      (error: unknown): CaseResult => ({
        name: wanted.name,
        passed: false,
        expected: 'a run that ends',
        got: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
    );
    results.set(index, work);
  };
  for (let index = 0; index < cases.length; index++) {
    for (let ahead = index; ahead < Math.min(cases.length, index + width); ahead++) start(ahead);
    const result = await results.get(index);
    if (result !== undefined) yield result;
  }
}
