import type {LabRunResult} from '../../../support/lab.ts';
import {type ClientCase, clientJudge} from './_client.ts';
import {dropInfoLines} from './_compare.ts';

/** How the times fall into a chart differs from run to run; that there is one, in its frame, does not. */
function foldChart(text: string): string {
  return text.replaceAll(/(?:^ +\d+(?:\.\d+)? +[┤┼].*\r?\n)+/gm, '<chart>\n');
}

/** `--expect N` ends after N answers, and a few more may be printed: which ones is chance. */
function chosenNames(item: ClientCase, result: LabRunResult): LabRunResult {
  const at = item.argv.indexOf('--expect');
  const expected = at < 0 ? Number.NaN : Number(item.argv[at + 1]);
  const wanted = item.stdout ?? '';
  const names = result.stdout.split('\n').filter((line) => /^\w[\w.-]*$/.test(line));
  const isEnough = item.argv.includes('--names') && names.length >= expected && new Set(names).size === names.length;
  const isWhole = names.length === result.stdout.trimEnd().split('\n').length;
  return isEnough && isWhole ? {...result, stdout: wanted} : result;
}

export default clientJudge({
  compare: {rewrite: (text) => foldChart(dropInfoLines(text))},
  adjust: chosenNames,
});
