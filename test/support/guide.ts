/**
 * Runs the commands of a guide as they stand in it, in its order. A guide's test says where they run and what they print; a new command
 * runs too, without a word of the test, and fails it when it does not work.
 */
import {spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {homedir} from 'node:os';
import {delimiter, join} from 'node:path';
import {expect} from 'vitest';
import {splitShellWords} from '../../src/discovery/index.ts';
import {type CliTestResult, type CliTestRun, runCliForTest} from './cli.ts';

export const guidesDirectory = join(import.meta.dirname, '..', '..', 'docs', 'guides');

/** Blocks that hold commands, a command a line, `$ ` before it or not. */
const commandLanguages: ReadonlySet<string> = new Set(['', 'console']);

export interface GuideBlock {
  readonly language: string;
  readonly text: string;
}

/** @param name of the guide, without `.md` */
export function guideBlocks(name: string): readonly GuideBlock[] {
  const guide = readFileSync(join(guidesDirectory, `${name}.md`), 'utf8');
  return [...guide.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({language, text}));
}

/** Command lines of the guide, one that ends in a backslash joined with the next. */
export function guideCommands(name: string): readonly string[] {
  return guideBlocks(name)
    .filter(({language}) => commandLanguages.has(language))
    .flatMap(({text}) => text.replaceAll(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.replace(/^\$ /, '').trim())
    .filter((line) => line !== '');
}

/** What a guide's test knows of the command lines that begin so. */
export interface GuideRule {
  readonly starts: string;
  readonly before?: () => unknown;
  /** It runs until the end of the test; the next command waits for this in its output. */
  readonly ready?: RegExp;
  /** It is run again until it prints this. */
  readonly until?: RegExp;
  readonly prints?: RegExp;
  readonly exit?: number;
  /** Put after the command line, as nobody writes it into a guide: where to find a configuration, how long to wait. */
  readonly more?: readonly string[];
  /** Smaller figures than the guide's. */
  readonly instead?: Readonly<Record<string, string>>;
  readonly cli?: Partial<CliTestRun>;
  readonly after?: (result: CliTestResult) => unknown;
}

export interface GuideSetup {
  /** Surroundings of the commands of ours. */
  readonly cli: Omit<CliTestRun, 'argv'>;
  /** Where the other programs run. */
  readonly directory: string;
  readonly rules?: readonly GuideRule[];
  /** Grows with each command line that ends in `&` and has begun its work. */
  readonly begun?: () => number;
}

const attemptsMax = 60;
const readyMsMax = 30_000;

export async function runGuide(name: string, setup: GuideSetup): Promise<void> {
  const commands = guideCommands(name);
  expect(commands.length).toBeGreaterThan(0);
  const unused = new Set((setup.rules ?? []).map(({starts}) => starts));
  const controller = new AbortController();
  const lasting: Promise<CliTestResult>[] = [];
  try {
    for (const command of commands) {
      const rule = ruleOf(command, setup.rules ?? []);
      unused.delete(rule.starts);
      await rule.before?.();
      await runCommand(command, {setup, rule, lasting, signal: controller.signal});
    }
    expect([...unused], 'what the test says of commands that the guide does not have').toEqual([]);
  } finally {
    controller.abort();
    await Promise.allSettled(lasting);
  }
}

/** The longest beginning counts. */
function ruleOf(command: string, rules: readonly GuideRule[]): GuideRule {
  return (
    rules
      .filter(({starts}) => command.startsWith(starts))
      .toSorted((a, b) => b.starts.length - a.starts.length)
      .at(0) ?? {starts: ''}
  );
}

interface CommandRun {
  readonly setup: GuideSetup;
  readonly rule: GuideRule;
  readonly lasting: Promise<CliTestResult>[];
  readonly signal: AbortSignal;
}

async function runCommand(command: string, run: CommandRun): Promise<void> {
  const {setup, rule, lasting, signal} = run;
  const isBackground = command.endsWith(' &');
  const changed = Object.entries(rule.instead ?? {}).reduce(
    (text, [from, to]) => text.replace(from, to),
    command.replace(/ &$/, ''),
  );
  const words = [...splitShellWords(changed), ...(rule.more ?? [])];
  const cli: CliTestRun = {...setup.cli, ...rule.cli, argv: words};
  if (rule.ready !== undefined) {
    const {running} = await startLasting({...cli, signal}, {command, ready: rule.ready});
    lasting.push(running);
    return;
  }
  if (isBackground) {
    const before = setup.begun?.() ?? 0;
    const running = runCliForTest({...cli, signal});
    lasting.push(running.then((result) => checked(result, {command, rule})));
    while ((setup.begun?.() ?? 0) === before) await new Promise((resolve) => setTimeout(resolve, 5));
    return;
  }
  const isOurs = words[0] === 'choria' || words[0] === 'mco';
  const once = (): Promise<CliTestResult> => (isOurs ? runCliForTest(cli) : runOther(changed, setup.directory));
  let result = await once();
  for (let attempt = 1; rule.until?.test(everything(result)) === false && attempt < attemptsMax; attempt += 1) {
    result = await once();
  }
  checked(result, {command, rule});
  await rule.after?.(result);
}

function everything({stdout, stderr, output}: CliTestResult): string {
  return `${stdout}${stderr}${output}`;
}

function checked(result: CliTestResult, {command, rule}: {command: string; rule: GuideRule}): CliTestResult {
  const said = everything(result);
  expect(result.exit, `${command}: ${said}`).toBe(rule.exit ?? 0);
  for (const wanted of [rule.until, rule.prints]) if (wanted !== undefined) expect(said, command).toMatch(wanted);
  return result;
}

/** Gives the running command once it has printed what was waited for; fails when it ends before. */
async function startLasting(
  cli: CliTestRun,
  {command, ready}: {readonly command: string; readonly ready: RegExp},
): Promise<{readonly running: Promise<CliTestResult>}> {
  let said = '';
  let isReady = (): void => undefined;
  const waiting = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const onOutput = (text: string): void => {
    said += text;
    if (ready.test(said)) isReady();
  };
  const running = runCliForTest({...cli, onOutput});
  const ended = running.then((result) => {
    throw new Error(`${command} ended with ${result.exit} before it printed ${String(ready)}: ${everything(result)}`);
  });
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    const told = (): Error => new Error(`${command} did not print ${String(ready)}: ${said}`);
    late = setTimeout(() => reject(told()), readyMsMax);
  });
  try {
    await Promise.race([waiting, ended, tooLate]);
  } finally {
    clearTimeout(late);
    ended.catch(() => undefined);
  }
  return {running};
}

function runOther(command: string, directory: string): Promise<CliTestResult> {
  return new Promise((resolve, reject) => {
    // Go's own directory of programs is seldom on the PATH.
    const path = [process.env['PATH'] ?? '', join(homedir(), 'go', 'bin')].join(delimiter);
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {...process.env, PATH: path},
    });
    const said = {stdout: '', stderr: ''};
    child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({...said, output: '', exit: code ?? -1}));
  });
}
