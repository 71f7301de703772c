/** Judges transcripts of the client's commands: each case runs against the lab fleet, several at a time. */
import type {CliTestResult} from '../../../support/cli.ts';
import type {CaseResult, Judge, JudgeInput} from '../../judge.ts';
import {compareRun, type CompareOptions, type Transcript} from './_compare.ts';
import {sharedLab} from './_lab.ts';
import {alignMessages, dropWarnings} from './_messages.ts';

/** Most of a case's time is waiting for answers, so several run side by side. */
const parallelCases = 10;

export type ClientCase = Transcript & {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string | null>>;
  readonly note?: string;
};

export interface ClientJudgeOptions<Case extends ClientCase> {
  readonly compare?: CompareOptions;
  /** Checks beyond the transcript; a text says what is wrong. */
  readonly check?: (item: Case, result: CliTestResult) => string | undefined;
  /** Changes what is compared, for cases whose result the README leaves open. */
  readonly adjust?: (item: Case, result: CliTestResult) => CliTestResult;
  readonly run?: (item: Case, lab: Awaited<ReturnType<typeof sharedLab>>) => Promise<CliTestResult>;
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
  const run = options.run ?? ((item: Case) => lab.run(item));
  const pending = new Map<number, Promise<{readonly index: number; readonly result: CaseResult}>>();
  let next = 0;
  while (next < cases.length || pending.size > 0) {
    while (next < cases.length && pending.size < parallelCases) {
      const index = next++;
      const item = cases[index] as Case;
      pending.set(
        index,
        judgeCase(item, {options, run: () => run(item, lab)}).then((result) => ({index, result})),
      );
    }
    const {index, result} = await Promise.race(pending.values());
    pending.delete(index);
    yield result;
  }
}

async function judgeCase<Case extends ClientCase>(
  item: Case,
  job: {readonly options: ClientJudgeOptions<Case>; readonly run: () => Promise<CliTestResult>},
): Promise<CaseResult> {
  const {options} = job;
  try {
    const raw = await job.run();
    const adjusted = options.adjust === undefined ? raw : options.adjust(item, raw);
    const result = {
      ...adjusted,
      stdout: alignMessages(item.stdout ?? '', adjusted.stdout),
      stderr: alignMessages(item.stderr ?? '', withoutWarnings(item.stderr ?? '', adjusted.stderr)),
      output: item.output === undefined ? adjusted.output : withoutWarnings(item.output, adjusted.output),
    };
    const verdict = compareRun(item, result, options.compare ?? {});
    const problem = verdict.passed ? options.check?.(item, raw) : undefined;
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
