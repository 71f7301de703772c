/**
 * Judges help, mistakes, cheat sheets and completion: pages of help by content (`_help.ts`), the text of each class of mistake to the
 * letter, lists by what they name, sheets by the commands and flags they show, scripts by what the shells themselves make of them.
 */
import {spawnSync} from 'node:child_process';
import type {LabRunResult} from '../../../support/lab.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {runInLab, type ClientCase} from './_client.ts';
import {compareRun} from './_compare.ts';
import {helpProblem, isLater, laterPart, readHelp} from './_help.ts';
import {programVersions, sharedLab} from './_lab.ts';
import {alignMessages, dropWarnings} from './_messages.ts';

type Problem = string | undefined;

/** Words that the program adds to help with a typo. */
const suggestion = /, did you mean '[^']*'\?/;

function pageProblem(item: ClientCase, result: LabRunResult): Problem {
  const wanted = item.stderr ?? '';
  const [start, ours] = [wanted.indexOf('usage: '), result.stderr.indexOf('usage: ')];
  const head = result.stderr.slice(0, Math.max(0, ours)).replace(suggestion, '');
  if (head !== wanted.slice(0, start)) return `first ${JSON.stringify(head)}`;
  const columns = Number(item.env?.['COLUMNS'] ?? 80);
  return helpProblem(wanted.slice(start), result.stderr.slice(ours), columns);
}

/** The commands and flags that a sheet shows; values and sentences are each program's own. */
function shownUses(sheet: string): ReadonlySet<string> {
  const uses = new Set<string>();
  for (const line of sheet.split('\n').filter((text) => text.startsWith('choria '))) {
    const words = line.split(/\s+/);
    uses.add(words[1] ?? '');
    for (const word of words.slice(2)) if (/^--?[a-z]/i.test(word)) uses.add(`${words[1]} ${word.split('=')[0]}`);
  }
  return uses;
}

function sheetProblem(item: ClientCase, result: LabRunResult): Problem {
  const uses = shownUses(result.stderr);
  const lost = [...shownUses(item.stderr ?? '')].find((use) => !uses.has(use));
  return lost === undefined ? undefined : `a sheet that does not show ${lost}`;
}

function listProblem(wanted: readonly string[], found: readonly string[], prefix = ''): Problem {
  const needed = wanted.filter((name) => !isLater(`${prefix}${name.trim()}`));
  const lost = needed.find((name) => !found.includes(name));
  if (lost !== undefined) return `a list without ${lost}`;
  const kept = found.filter((name) => needed.includes(name));
  return kept.join('\n') === needed.join('\n') ? undefined : `the order ${kept.join(' ')}`;
}

function scriptProblem(item: ClientCase, result: LabRunResult): Problem {
  const shell = item.argv.includes('--zsh') || item.argv.includes('--completion-script-zsh') ? 'zsh' : 'bash';
  const check = spawnSync(shell, ['-n'], {input: result.stdout, encoding: 'utf8'});
  if (check.status !== 0) return `a script that ${shell} cannot read: ${check.stderr}`;
  const mark = shell === 'zsh' ? '#compdef choria' : 'complete -F';
  return result.stdout.includes(mark) ? undefined : `a script without "${mark}"`;
}

/** Names of our library's agents are its own; descriptions of what the lab holds count to the letter. */
function namesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

function problemOf(item: ClientCase, result: LabRunResult): Problem {
  const {argv} = item;
  if (item.exit !== result.exit) return `exit ${result.exit}: ${result.stdout}${result.stderr}`;
  const [first] = argv.slice(1);
  if (first === 'cheat') {
    const labels = /^Available Cheats:\n\n/;
    if (!labels.test(item.stderr ?? '')) return sheetProblem(item, result);
    if (!labels.test(result.stderr)) return result.stderr;
    return listProblem(namesOf(item.stderr ?? '').slice(1), namesOf(result.stderr).slice(1));
  }
  const isScript =
    /--completion-script-(bash|zsh)/.test(argv.join(' ')) || (first === 'completion' && !argv.includes('--list'));
  if (isScript) return scriptProblem(item, result);
  if (first === '--completion-bash') {
    const words = argv.slice(2).filter((word) => /^[a-z]/.test(word));
    const prefix = words.length > 0 ? `${words.join(' ')} ` : '';
    return listProblem(
      namesOf(item.stdout ?? ''),
      namesOf(result.stdout),
      argv.some((word) => word.startsWith('-') && word !== first) ? '' : prefix,
    );
  }
  return readHelp((item.stderr ?? '').replace(/^error: .*\n\n/, '')) === undefined
    ? undefined
    : pageProblem(item, result);
}

/** Whether the whole transcript is compared, because no part of it is the program's own words. */
function isLiteral(item: ClientCase): boolean {
  const {argv} = item;
  if (argv[1] === 'cheat' || /--completion-/.test(argv.join(' '))) return false;
  if (argv[1] === 'completion' && !argv.includes('--list')) return false;
  return !(item.stderr ?? '').includes('usage: ');
}

async function* judgeAll(cases: readonly ClientCase[], vectorsDirectory: string): AsyncIterable<CaseResult> {
  const lab = await sharedLab(vectorsDirectory);
  const versions = programVersions(vectorsDirectory);
  for (const item of cases) {
    const result = await runInLab(item, lab);
    const problem = problemOf(item, result);
    if (problem !== undefined) {
      const waitsFor = laterPart(item.argv.slice(1));
      const waits = waitsFor === undefined ? {} : {waitsFor};
      yield {name: item.name, passed: false, expected: 'what the case shows, by content', got: problem, ...waits};
    } else if (isLiteral(item)) {
      const stderr = (item.stderr ?? '').includes('level=warn') ? result.stderr : dropWarnings(result.stderr);
      const aligned = {
        ...result,
        stdout: alignMessages(item.stdout ?? '', result.stdout),
        stderr: alignMessages(item.stderr ?? '', stderr).replace(suggestion, ''),
      };
      const verdict = compareRun(item, aligned, {versions});
      const waitsFor = verdict.passed ? undefined : laterPart(item.argv.slice(1));
      yield waitsFor === undefined ? verdict : {...verdict, waitsFor};
    } else {
      yield {name: item.name, passed: true};
    }
  }
}

const judge: Judge = ({data, vectorsDirectory}) => judgeAll(data as readonly ClientCase[], vectorsDirectory);

export default judge;
