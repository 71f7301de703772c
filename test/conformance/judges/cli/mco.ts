/**
 * Judges the name `mco` in the style of the client that each case was captured from. What nodes sent, columns, marks and exit codes count
 * to the letter; of lists and pages of help the applications and options; of failures what they say.
 */
import {copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Lab, LabRunResult} from '../../../support/lab.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {type ClientCase, runInLab} from './_client.ts';
import {compareRun} from './_compare.ts';
import {programVersions, sharedLab} from './_lab.ts';
import {alignMessages, dropWarnings, saysTheSame} from './_messages.ts';

interface McoCase extends ClientCase {
  readonly client?: string;
}

type Problem = string | undefined;

/** Applications of playbooks and Puppet tasks come with their own part. */
const laterApplications: readonly string[] = ['playbook', 'tasks'];
/** Making packages of plugins is no part of this program; the options of that are not asked for. */
const packageOptions =
  /^--(?:name|n|postinstall|preinstall|revision|iteration|vendor|pluginpath|mcname|mcversion|dependency|format|sign|template|description|author|license|pluginversion|url|timeout|actions|outputs|keep-artifacts|module-template)$/;

/** The configuration and certificates of the Ruby clients, under every name that a case uses. */
function prepare(lab: Lab, cases: readonly McoCase[]): void {
  const root = lab.files.lab;
  const ssl = join(root, 'pssl2');
  for (const folder of ['certs', 'private_keys']) mkdirSync(join(ssl, folder), {recursive: true});
  const copies: readonly (readonly [string, string])[] = [
    ['ca.pem', 'certs/ca.pem'],
    ['rip.mcollective.pem', 'certs/rip.mcollective.pem'],
    ['rip.mcollective.key', 'private_keys/rip.mcollective.pem'],
  ];
  for (const [from, to] of copies) copyFileSync(join(root, 'ssl', from), join(ssl, to));
  const config = readFileSync(join(root, 'mco', 'client.cfg'), 'utf8');
  for (const {argv, client} of cases) {
    const path = argv[argv.indexOf('--config') + 1];
    if (path === undefined || !path.startsWith('/lab/mco/')) continue;
    const style = client?.startsWith('mcollective 2') === true ? 'plugin.choria.mco_style = classic\n' : '';
    writeFileSync(join(root, path.slice('/lab/'.length)), `${config}\n${style}`);
  }
}

// --- lists and pages -------------------------------------------------------------------------------------------------

function applications(text: string): readonly string[] {
  const named = [...text.matchAll(/^ {2}([a-z_]+) +\S/gm)].map((match) => match[1] ?? '');
  const columns = [...text.matchAll(/^ {3}((?:[a-z_]+ *){1,3})$/gm)].flatMap((match) =>
    (match[1] ?? '').trim().split(/ +/),
  );
  return [...named, ...columns];
}

function listProblem(wanted: string, found: string): Problem {
  const ours = applications(found);
  const lost = applications(wanted).find((name) => !laterApplications.includes(name) && !ours.includes(name));
  if (lost !== undefined) return `a list without ${lost}`;
  return /version \d/.test(found) ? undefined : 'a list without the version';
}

/** Every name of every option of a page. */
function optionNames(text: string): ReadonlySet<string> {
  const rows = [...text.matchAll(/^ {4}(?: {4}|-\S, )?(--[\w-]+(?:, --?[\w-]+)*)/gm)].map((match) => match[0]);
  return new Set(rows.flatMap((row) => [...row.matchAll(/(?<=[ ,])(--?[\w-]+)/g)].map((match) => match[1] ?? '')));
}

function pageProblem(item: McoCase, found: string): Problem {
  const isPlugin = item.argv.includes('plugin');
  const ours = optionNames(found);
  const lost = [...optionNames(item.stdout ?? '')].find(
    (name) => !ours.has(name) && !(isPlugin && (packageOptions.test(name) || name === '-n')),
  );
  if (lost !== undefined) return `a page without ${lost}`;
  const headings = [...(item.stdout ?? '').matchAll(/^((?:RPC|Common) Options|Host Filters)$/gm)].map(
    (match) => match[1] ?? '',
  );
  const heading = headings.find((title) => !found.includes(title));
  return heading === undefined ? undefined : `a page without the section ${heading}`;
}

// --- transcripts -----------------------------------------------------------------------------------------------------

const variable: readonly (readonly [RegExp, string])[] = [
  [/hosts in [\d.]+ ms/g, 'hosts in <ms>'],
  [/in [\d.]+ seconds/g, 'in <seconds>'],
  [/in [\d.]+ms for message [0-9a-zA-Z]+/g, 'in <ms> for message <id>'],
  [/((?:Discovery|Agent|Total) Time: )[\d.]+ms/g, '$1<ms>'],
  [/(Start Time: ).*/g, '$1<time>'],
  [/(Client Config File: ).*/g, '$1<path>'],
  [/((?:MCollective|Choria) Version: ).*/g, '$1<version>'],
  [/(Facter Command: ).*/g, '$1<command>'],
  [/(Facter Domain: ?).*/g, '$1<domain>'],
  [/(Total Processor Time|System Time): .*/g, '$1: <seconds>'],
  // What the Ruby client logs about its own connector.
  // eslint-disable-next-line no-control-regex
  [/^\u001b\[33mwarn\u001b\[0m .*\n/gm, ''],
  [/^time="[^"]*" level=(?:warning|info) .*\n/gm, ''],
];

/** The sentences above the settings are each program's own. */
function withoutSentences(text: string): string {
  return text.replace(/^(Active Choria configuration:\n\n)[\s\S]*?(?=\nMCollective related:)/, '$1<sentences>\n');
}

/** Colons end in one column, whichever block they stand in. */
function withoutMargins(text: string): string {
  return text.startsWith('Active Choria') ? text.replace(/^ +/gm, ' ').replace(/ +$/gm, '') : text;
}

/** Blocks of one result each, by name; a bar keeps where it ended. */
function ordered(text: string): string {
  const folded = text
    // eslint-disable-next-line no-control-regex
    .replace(
      /(?:\r (?:\u001b\[3[12]m)?[|/\\*-](?:\u001b\[0m)? \[ =*> *\] \d+ \/ \d+)+/g,
      (bar) => `<bar to ${bar.slice(bar.lastIndexOf('\r') + 1)}>`,
    )
    .replace(/(?:\r\d+ \/ \d+)+/g, (bar) => `<count to ${bar.slice(bar.lastIndexOf('\r') + 1)}>`);
  return folded.replace(/(?:^[\w.-]+ {2,}.*\n(?:^ {3,}\S.*\n)*\n)+/gm, (all) =>
    all
      .split(/\n\n/)
      .filter(Boolean)
      .toSorted()
      .map((block) => `${block}\n\n`)
      .join(''),
  );
}

/** Collectives of the same size come in any order. */
function orderedSizes(text: string): string {
  return text.replace(/(?:^ {3}\S+ +\d+\n)+/gm, (rows) =>
    rows
      .trimEnd()
      .split('\n')
      .toSorted((a, b) => Number(a.split(/ +/)[2]) - Number(b.split(/ +/)[2]) || (a < b ? -1 : 1))
      .map((row) => `${row}\n`)
      .join(''),
  );
}

function rewrite(text: string): string {
  const plain = variable.reduce(
    (out, [pattern, replacement]) => out.replace(pattern, replacement),
    text.replaceAll('\r\n', '\n'),
  );
  return ordered(orderedSizes(withoutMargins(withoutSentences(plain))));
}

// eslint-disable-next-line no-control-regex
const failure = /^\nThe (\u001b\[1m\w+\u001b\[0m) application failed to run(?:[^:]*): \u001b\[31m([\s\S]*)\u001b\[0m\n/;

/** The text found with a failure that says the same in other words replaced by the one wanted. */
function alignFailure(wanted: string, found: string): string {
  const [a, b] = [failure.exec(wanted), failure.exec(found)];
  if (a === null || b === null || a[1] !== b[1]) return found;
  return saysTheSame((a[2] ?? '').replace("Can't", 'Cannot'), b[2] ?? '') ? found.replace(b[0], () => a[0]) : found;
}

/** The reference hands a page to another program and loses the configuration on the way; ours shows the page. */
function losesConfig(item: McoCase): boolean {
  return (
    item.argv.includes('--config') &&
    /could not parse configuration: open \/etc\/puppetlabs/.test(item.stderr ?? '') &&
    item.argv.includes('plugin')
  );
}

function judgeRun(item: McoCase, result: LabRunResult, versions: readonly string[]): CaseResult {
  const {name, argv} = item;
  const verdict = (problem: Problem): CaseResult =>
    problem === undefined ? {name, passed: true} : {name, passed: false, expected: 'what the case says', got: problem};
  if (losesConfig(item)) {
    return verdict(result.exit === 0 && result.stdout !== '' ? undefined : `exit ${result.exit}: ${result.stderr}`);
  }
  const words = argv.slice(1).filter((word, index, all) => word !== '--config' && all[index - 1] !== '--config');
  const exit =
    result.exit === item.exit ? undefined : `exit ${result.exit}: ${result.stdout}${result.stderr}${result.output}`;
  const isList = words.length === 0 || (words[0] === 'help' && words.length === 1);
  if (isList) return verdict(exit ?? listProblem(item.stdout ?? '', result.stdout));
  if (words[0] === 'help') return verdict(exit ?? pageProblem(item, result.stdout));
  if (words[0] === 'completion') {
    const wanted = (item.stdout ?? '')
      .split('\n')
      .filter((line) => !laterApplications.includes(line.split(':')[0] ?? ''));
    const ours = result.stdout.split('\n');
    const lost = wanted.find((line) => !ours.includes(line));
    return verdict(exit ?? (lost === undefined ? undefined : `a list without ${lost}`));
  }
  const stderr = (item.stderr ?? '').includes('level=warn') ? result.stderr : dropWarnings(result.stderr);
  const got = {
    ...result,
    stdout: alignMessages(item.stdout ?? '', result.stdout),
    stderr: alignFailure(item.stderr ?? '', alignMessages(item.stderr ?? '', stderr)),
    output: item.output === undefined ? result.output : dropWarnings(result.output),
  };
  return compareRun(item, got, {versions, rewrite});
}

const judge: Judge = async function* ({data, vectorsDirectory}) {
  const lab = await sharedLab(vectorsDirectory);
  const cases = data as readonly McoCase[];
  if (!existsSync(join(lab.files.lab, 'mco', 'client.cfg'))) throw new Error('There is no "cli/lab/mco/client.cfg"');
  prepare(lab, cases);
  const versions = [...programVersions(vectorsDirectory), '2.12.5', '2.24.1'];
  // Several at a time: most of the time is waiting for windows to close.
  const width = 6;
  const runs: Promise<LabRunResult>[] = [];
  const start = (index: number): void => {
    const item = cases[index];
    if (item !== undefined && runs[index] === undefined) runs[index] = runInLab(item, lab);
  };
  for (const [index, item] of cases.entries()) {
    for (let ahead = index; ahead < index + width; ahead++) start(ahead);
    const result = await runs[index];
    if (result === undefined) continue;
    const judged = judgeRun(item, result, versions);
    const later = item.argv.find((word) => laterApplications.includes(word));
    yield judged.passed || later === undefined ? judged : {...judged, waitsFor: `the application ${later}`};
  }
};

export default judge;
