/** The helper of a provisioner: JSON about a node in, JSON about what it becomes out. */
import {answerProvisioner} from '../../organisation/index.ts';
import {inputFileBytesMax} from '../limits.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {organisationDirectory} from './init-run.ts';

export async function runInitAnswer(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, stdin, stdout} = context;
  const directory = organisationDirectory(platform, parsed);
  const answer = await answerProvisioner(platform, {directory, question: await stdin.readAll(inputFileBytesMax)});
  stdout.write(`${answer}\n`);
  return 0;
}
