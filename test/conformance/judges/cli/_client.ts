/** Judges transcripts of the client's commands: each case runs against the lab fleet, several at a time. */
import type {Lab, LabRunResult} from '../../../support/lab.ts';
import type {Mount} from '../../../support/mounts.ts';
import type {CaseResult, Judge, JudgeInput} from '../../judge.ts';
import {compareRun, type CompareOptions} from './_compare.ts';
import {type LabCase, programVersions, sharedLab} from './_lab.ts';
import {alignMessages, dropWarnings} from './_messages.ts';

/** Most of a case's time is waiting for answers, so several run side by side. */
const parallelCases = 10;

export type ClientCase = LabCase & {readonly note?: string};

export interface ClientJudgeOptions<Case extends ClientCase> {
  readonly compare?: CompareOptions;
  /** Checks beyond the transcript; a text says what is wrong. */
  readonly check?: (item: Case, result: LabRunResult) => string | undefined;
  /** Changes what is compared, for cases whose result the README leaves open. */
  readonly adjust?: (item: Case, result: LabRunResult) => LabRunResult;
  readonly run?: (item: Case, lab: Lab) => Promise<LabRunResult>;
}

export function clientJudge<Case extends ClientCase>(options: ClientJudgeOptions<Case> = {}): Judge {
  return (input) => judgeAll(input, options);
}

async function* judgeAll<Case extends ClientCase>(
  input: JudgeInput,
  options: ClientJudgeOptions<Case>,
): AsyncIterable<CaseResult> {
  const cases = input.data as readonly Case[];
  const lab = await sharedLab(input.vectorsDirectory);
  const run = options.run ?? runInLab;
  const versions = programVersions(input.vectorsDirectory);
  const pending = new Map<number, Promise<{readonly index: number; readonly result: CaseResult}>>();
  let next = 0;
  while (next < cases.length || pending.size > 0) {
    while (next < cases.length && pending.size < parallelCases) {
      const index = next++;
      const item = cases[index] as Case;
      pending.set(
        index,
        judgeCase(item, {options, versions, run: () => run(item, lab)}).then((result) => ({index, result})),
      );
    }
    const {index, result} = await Promise.race(pending.values());
    pending.delete(index);
    yield result;
  }
}

/** Runs a case as it says, with more folders when it needs them. */
export function runInLab(
  item: ClientCase,
  lab: Lab,
  options: {
    readonly mounts?: readonly Mount[];
    readonly ports?: Map<number, number>;
    readonly files?: Readonly<Record<string, string>>;
  } = {},
): Promise<LabRunResult> {
  const {argv, env, stdin, cwd, tty} = item;
  return lab.run({
    ...options,
    argv,
    ...(env === undefined ? {} : {env}),
    ...(stdin === undefined ? {} : {stdin}),
    ...(cwd === undefined ? {} : {cwd}),
    ...(tty === undefined ? {} : {tty}),
  });
}

async function judgeCase<Case extends ClientCase>(
  item: Case,
  job: {
    readonly options: ClientJudgeOptions<Case>;
    readonly versions: readonly string[];
    readonly run: () => Promise<LabRunResult>;
  },
): Promise<CaseResult> {
  const {options, versions} = job;
  try {
    const raw = await job.run();
    const adjusted = options.adjust === undefined ? raw : options.adjust(item, raw);
    const result = {
      ...adjusted,
      stdout: alignMessages(item.stdout ?? '', adjusted.stdout),
      stderr: alignMessages(item.stderr ?? '', withoutWarnings(item.stderr ?? '', adjusted.stderr)),
      output: item.output === undefined ? adjusted.output : withoutWarnings(item.output, adjusted.output),
    };
    const compare = {versions, ...options.compare};
    const verdict = compareRun(item, result, compare);
    const problem = verdict.passed ? (fileProblem(item, raw, compare) ?? options.check?.(item, raw)) : undefined;
    return problem === undefined
      ? verdict
      : {name: item.name, passed: false, expected: 'what the case says', got: problem};
  } catch (error) {
    const got = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {name: item.name, passed: false, expected: 'a run', got};
  }
}

function withoutWarnings(wanted: string, found: string): string {
  return wanted.includes('level=warn') ? found : dropWarnings(found);
}

/** What is wrong with the file that `-o` named. */
function fileProblem(item: ClientCase, result: LabRunResult, compare: CompareOptions): string | undefined {
  if (item.output_file === undefined) return undefined;
  const at = item.argv.findIndex((word) => word === '-o' || word === '--output-file');
  const text = result.scratchFile(item.argv[at + 1] ?? '') ?? '';
  const verdict = compareRun({...item, stdout: item.output_file}, {...result, stdout: text}, compare);
  return verdict.passed ? undefined : `${verdict.expected ?? ''} in the file, but ${verdict.got ?? ''}`;
}
