import type {Lab, LabRunResult} from '../../../support/lab.ts';
import {type ClientCase, clientJudge, runInLab} from './_client.ts';

const nodeName = /\b[\w-]+(?:\.[\w-]+){2,}\b/g;

function distinctNames(text: string): readonly string[] {
  return [...new Set(text.match(nodeName) ?? [])];
}

/**
 * Whether the transcript leaves open which nodes a limit chose: by a seed (ours need not be Go's generator) or, without named
 * targets, by who answered discovery first.
 */
function isChoiceOpen({argv}: ClientCase): boolean {
  return argv.includes('--limit') && (argv.includes('--limit-seed') || !argv.includes('-I'));
}

/** A seed has to choose the same nodes again. */
async function run(item: ClientCase, lab: Lab): Promise<LabRunResult> {
  const result = await runInLab(item, lab);
  if (!item.argv.includes('--limit-seed')) return result;
  const again = await runInLab(item, lab);
  const same = distinctNames(again.stdout).join() === distinctNames(result.stdout).join();
  return same
    ? result
    : {...result, stdout: `${result.stdout}<another run chose ${distinctNames(again.stdout).join()}>`};
}

/** Puts the transcript's names in place of as many other ones that could have been chosen. */
function renameChosen(item: ClientCase, result: LabRunResult): LabRunResult {
  if (!isChoiceOpen(item)) return result;
  const wanted = distinctNames(item.stdout ?? '');
  const found = distinctNames(result.stdout);
  const candidates = item.argv.filter((_word, index) => item.argv[index - 1] === '-I');
  const isPossible = candidates.length === 0 || found.every((name) => candidates.includes(name));
  if (wanted.length !== found.length || !isPossible) return result;
  return {...result, stdout: result.stdout.replace(nodeName, (name) => wanted[found.indexOf(name)] ?? name)};
}

export default clientJudge({adjust: renameChosen, run});
