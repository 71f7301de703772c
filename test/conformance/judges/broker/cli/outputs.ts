/**
 * Runs the commands against a broker and compares the exit status and the layout: lines, labels, tables by their title, headings and shape.
 *
 * Values, times, ids and widths are free. What a command says of streams is left out where the broker has none, and commands about streams wait
 * for the part that brings them.
 */
import {type CliTestResult, runCliForTest} from '../../../../support/cli.ts';
import type {TestBroker} from '../../../../support/broker.ts';
import {pkiFile} from '../../../../support/supervised.ts';
import {type CaseResult, judgeEqual, type JudgeInput} from '../../../judge.ts';
import {hasCommand, helpProblem, readHelp} from '../../cli/_help.ts';
import {startFleetBroker, systemPassword} from '../monitoring/_shape.ts';

interface OutputCase {
  readonly name: string;
  readonly command: string;
  readonly exit: number;
  readonly output: string;
}

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {cases} = input.data as {readonly cases: readonly OutputCase[]};
  await using broker = await startFleetBroker({hasWebSocket: false});
  const results: CaseResult[] = [];
  for (const item of cases) {
    const words = wordsOf(item.command);
    if (!isBuilt(words)) results.push({...judgeEqual(item.name, item.command, 'no such command'), waitsFor: 'streams'});
    else results.push(await judgeOutput(item, await run(broker, words)));
  }
  return results;
}

function wordsOf(command: string): readonly string[] {
  return command.split(' ').slice(1);
}

function isBuilt(words: readonly string[]): boolean {
  const names = words.filter((word) => !word.startsWith('-'));
  // Arguments follow the names of commands: what is a command of one level may be an argument of the next.
  if (!hasCommand(names.slice(0, 2))) return false;
  const isGroup = ['check', 'report', 'request'].includes(names[2] ?? '');
  if (names[1] === 'server' || names[1] === 'account') return hasCommand(names.slice(0, isGroup ? 4 : 3));
  return true;
}

function run(broker: TestBroker, words: readonly string[]): Promise<CliTestResult> {
  const config = [
    'plugin.security.provider = file',
    'plugin.security.file.certificate = /pki/alice.pem',
    'plugin.security.file.key = /pki/alice.key',
    'plugin.security.file.ca = /pki/ca.pem',
    `plugin.choria.middleware_hosts = localhost:${broker.port}`,
    'plugin.choria.network.system.user = system',
    `plugin.choria.network.system.password = ${systemPassword}`,
    '',
  ].join('\n');
  return runCliForTest({
    argv: ['choria', ...words, '--config', '/home/rip/client.conf'],
    files: {'/home/rip/client.conf': config},
    env: {COLUMNS: '80'},
    mounts: [{virtual: '/pki', real: pkiFile('').replace(/\/$/, '')}],
  });
}

async function judgeOutput(item: OutputCase, result: CliTestResult): Promise<CaseResult> {
  const got = `${result.stdout}${result.stderr}`;
  const place = item.output.indexOf('usage: ');
  if (item.output.startsWith('error: ') && place > 0) {
    const ours = got.indexOf('usage: ');
    const problem =
      item.exit === result.exit && got.slice(0, ours) === item.output.slice(0, place)
        ? pageProblem(item.output.slice(place), got.slice(ours))
        : `exit ${result.exit}: ${got}`;
    return problem === undefined
      ? {name: item.name, passed: true}
      : {name: item.name, passed: false, expected: item.output, got: problem};
  }
  return judgeEqual(item.name, [item.exit, layout(item.output)], [result.exit, layout(got)]);
}

/** Which global flags a page shows is one thing in pages of help and another in mistakes; both have their own vectors. */
function pageProblem(wanted: string, found: string): string | undefined {
  const [page, ours] = [readHelp(wanted), readHelp(found)];
  if (page === undefined || ours === undefined) return helpProblem(wanted, found);
  if (page.usage !== ours.usage) return `usage ${ours.usage}`;
  const lost = [...page.flags.keys()].find((name) => !ours.flags.has(name));
  return lost === undefined ? undefined : `no flag --${lost}`;
}

/** Everything that stays when values change. */
function layout(output: string): readonly string[] {
  const lines = withoutStreams(output).trimEnd().split('\n');
  return lines.map((line, index) => {
    if (/^[╭├╰]/.test(line)) return line.replaceAll(/─+/g, '─');
    if (line.startsWith('│')) return tableLine(line, lines[index - 1] ?? '', lines[index + 1] ?? '');
    const label = /^ *([A-Z][\w ]*): (?=\S|$)/.exec(line);
    if (label !== null) return `${label[1]}:`;
    return line
      .replaceAll(/time="[^"]*"/g, 'time=<time>')
      .replaceAll(/\d+(\.\d+)?(µs|ns|ms|s|%)?(?![\w.])/g, '<number>')
      .trim();
  });
}

/** Titles and headings count, rows by how many columns they have. */
function tableLine(line: string, before: string, after: string): string {
  const cells = line
    .split('│')
    .slice(1, -1)
    .map((cell) => cell.trim());
  if (before.startsWith('╭') || /^├.*┬/.test(before)) return cells.join('│').replaceAll(/\d+/g, '<number>');
  return `${cells.length} cells${after.startsWith('├') ? ' and a rule' : ''}`;
}

/** The broker of the capture had streams: `account info` tells of them at its end. */
function withoutStreams(output: string): string {
  const place = output.indexOf('JetStream Account Information');
  return place < 0 ? output : output.slice(0, place);
}
