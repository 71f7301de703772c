/**
 * Help of the commands of `choria broker`: for reference. Those that we have exist under the same words, and explain themselves; the others
 * need streams and come with them.
 */
import {runCliForTest} from '../../../../support/cli.ts';
import type {CaseResult, JudgeInput} from '../../../judge.ts';
import {hasCommand, readHelp} from '../../cli/_help.ts';

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {help} = input.data as {readonly help: Readonly<Record<string, string>>};
  const results: CaseResult[] = [];
  for (const name of Object.keys(help)) {
    const words = name.split(' ');
    if (!hasCommand(words)) continue;
    const {exit, stderr} = await runCliForTest({argv: ['choria', ...words, '--help'], env: {COLUMNS: '80'}});
    const page = readHelp(stderr);
    const passed =
      exit === 0 && page !== undefined && page.description !== '' && page.usage.startsWith(`choria ${name}`);
    results.push({name, passed, ...(passed ? {} : {expected: `help of ${name}`, got: `exit ${exit}: ${stderr}`})});
  }
  return results;
}
