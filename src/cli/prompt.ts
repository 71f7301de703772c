/** Questions to whoever sits at the terminal. What a question asks goes to standard output, where its answer stands too. */
import {CliError} from './errors.ts';
import type {CliContext} from './types.ts';

/** @throws {CliError} `ERR_CLI_FAILED` when nobody answers: the input is no terminal, or it ended */
export async function askText(
  context: CliContext,
  question: string,
  options: {readonly isSecret?: boolean; readonly preset?: string} = {},
): Promise<string> {
  const preset = options.preset === undefined || options.preset === '' ? '' : `(${options.preset}) `;
  context.stdout.write(`? ${question} ${preset}`);
  const answer = await context.stdin.readLine?.({isSecret: options.isSecret === true});
  if (answer === undefined) {
    throw new CliError('ERR_CLI_FAILED', 'EOF: there is no terminal to answer at, or it was closed');
  }
  return answer === '' ? (options.preset ?? '') : answer;
}

/** Everything but a yes is a no. */
export async function askYes(context: CliContext, question: string): Promise<boolean> {
  const answer = await askText(context, question, {preset: 'y/N'});
  return /^y(es)?$/i.test(answer.trim());
}
