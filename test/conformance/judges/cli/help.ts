/** Judges the pages of help: one case for each command, by content (see `_help.ts`). */
import {runCliForTest} from '../../../support/cli.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {helpProblem, laterPart} from './_help.ts';

interface HelpCase {
  readonly exit: number;
  readonly stderr: string;
  readonly stdout: string;
}

function waiting(words: readonly string[]): Pick<CaseResult, 'waitsFor'> {
  const waitsFor = laterPart(words);
  return waitsFor === undefined ? {} : {waitsFor};
}

const judge: Judge = async ({data}) => {
  const results: CaseResult[] = [];
  for (const [name, wanted] of Object.entries(data as Readonly<Record<string, HelpCase>>)) {
    const got = await runCliForTest({argv: ['choria', ...name.split(' '), '--help'], env: {COLUMNS: '80'}});
    const problem =
      got.exit === wanted.exit && got.stdout === wanted.stdout
        ? helpProblem(wanted.stderr, got.stderr)
        : `exit ${got.exit}: ${got.stdout}${got.stderr}`;
    results.push({
      name,
      passed: problem === undefined,
      ...(problem === undefined ? {} : {expected: 'the captured page by content', got: problem}),
      ...(problem === undefined ? {} : waiting(name.split(' '))),
    });
  }
  return results;
};

export default judge;
