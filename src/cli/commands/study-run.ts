/** Studies fleets and writes what was found. 0 when everybody answered, once, in every run; 1 otherwise. */
import {join} from 'node:path';
import {htmlReport} from '../study/report-html.ts';
import {markdownReport, missedGoals} from '../study/report-text.ts';
import {runsMax, sizesMax, stopTimeoutMs} from '../study/limits.ts';
import {planFleet, type StudyEngine} from '../study/plan.ts';
import type {StudyReport} from '../study/results.ts';
import {runStudy} from '../study/study.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {isGiven, numberFlag, textFlag} from './network.ts';

const defaultServers = 1_000;

export async function runStudyCommand(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, stdout, stderr, signal} = context;
  const sizes = numbers(parsed.flags['servers']);
  const runs = numberFlag(parsed, 'runs') ?? 1;
  if (runs < 1 || runs > runsMax) throw new CliError('ERR_CLI_VALUE', `--runs is ${runs}, expected 1 to ${runsMax}`);
  if (sizes.length > sizesMax) {
    throw new CliError('ERR_CLI_VALUE', `--servers is given ${sizes.length} times, expected at most ${sizesMax}`);
  }
  const isJson = isGiven(parsed, 'json');
  const engine = textFlag(parsed, 'engine') as StudyEngine | undefined;
  const output = textFlag(parsed, 'output') ?? '';
  const {files} = platform;
  if (output !== '') await files.makeDirectory(output, {mode: 0o755, recursive: true});
  const save = async (found: StudyReport): Promise<void> => {
    const write = (name: string, text: string): Promise<void> =>
      files.writeAtomic(join(output, name), text, {mode: 0o644});
    await write('report.json', `${JSON.stringify(found, null, 1)}\n`);
    await write('report.md', markdownReport(found));
    await write('report.html', htmlReport(found));
  };
  // A study that is interrupted ends its brokers and emulators first.
  context.limitShutdown?.(2 * stopTimeoutMs);
  const report = await runStudy({
    platform,
    plans: (sizes.length === 0 ? [defaultServers] : sizes).map((servers) =>
      planFleet({
        servers,
        engine,
        brokers: numberFlag(parsed, 'brokers'),
        processes: numberFlag(parsed, 'processes'),
        isTls: parsed.flags['tls'] !== false,
        isHugePages: isGiven(parsed, 'huge-pages'),
      }),
    ),
    scenarios: texts(parsed.flags['scenario']),
    runs,
    signal,
    say: (text) => (isJson ? stderr : stdout).write(`${text}\n`),
    ...(output === '' ? {} : {save}),
  });
  const missed = isGiven(parsed, 'goals') ? missedGoals(report) : [];
  if (isJson) stdout.write(`${JSON.stringify(report)}\n`);
  else {
    stdout.write(`\n${markdownReport(report)}`);
    for (const goal of missed) stdout.write(`Missed: ${goal}\n`);
  }
  return report.passed && missed.length === 0 ? 0 : 1;
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
