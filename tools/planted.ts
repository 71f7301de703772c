/**
 * Plants one deliberate mistake after the other into a copy of the program, and shows what finds it: the tests, the simulator.
 *
 *     npm run planted [-- ID...] [--both] [--json FILE]
 *
 * The mistakes are in `test/planted/bugs.json`: a file, a text in it that stands there once, what to put in its place, and the tests that are most likely to find it.
 * Those run first, then the simulator, then the rest of the suite; the first that fails ends the search, unless `--both` asks for tests and simulator each
 * time. Nothing counts that fails without a mistake. Exit code: 0 at most two were missed, 1 more were, 2 wrong arguments.
 */
import {spawnSync} from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {jobArguments, refuseJob} from './arguments.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const copied = [
  'src',
  'test',
  'tools',
  'bench',
  'examples',
  'docs',
  'packaging',
  'bin',
  '.ci',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'vitest.config.ts',
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  '.npmrc',
];
const missedMax = 2;
/** A mistake that makes a run hang has been found, too; a busy machine must not look like one. */
const runTimeoutMs = 1_200_000;
const testTimeoutMs = 60_000;
const simulation = ['--seed', '1', '--seeds', '4', '--minutes', '5', '--nodes', '6'];
/** Tests that show bounds by sheer number take longer than all others together. */
const notSlow = '^(?!.*million)';
/** What is looked at last. */
const rest = ['src', 'test/faults', 'test/sim'];

interface Bug {
  readonly id: string;
  readonly what: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly string[];
}

interface Finding {
  readonly id: string;
  readonly what: string;
  /** The first test that failed; undefined when none did or none was run. */
  readonly byTest?: string;
  /** The rule that the simulator found broken. */
  readonly bySimulator?: string;
}

function readBugs(): readonly Bug[] {
  return JSON.parse(readFileSync(join(root, 'test', 'planted', 'bugs.json'), 'utf8')) as readonly Bug[];
}

/** Undefined when the run passes; else its first complaint. */
function complaint(directory: string, command: readonly string[], pattern: RegExp): string | undefined {
  const [program = '', ...args] = command;
  // A file and not a pipe: a program that a mistake left behind would hold a pipe open, and nobody would see that the run has ended.
  const outputFile = join(directory, 'output.txt');
  const output = openSync(outputFile, 'w');
  try {
    const result = spawnSync(join(root, 'node_modules', '.bin', program), args, {
      cwd: directory,
      stdio: ['ignore', output, output],
      timeout: runTimeoutMs,
      killSignal: 'SIGKILL',
      env: {...process.env, NODE_ENV: 'test', NO_COLOR: '1'},
    });
    if (result.status === 0) return undefined;
    if (result.status === null) return 'it does not end';
  } finally {
    closeSync(output);
  }
  return pattern.exec(readFileSync(outputFile, 'utf8'))?.[1]?.trim() ?? 'it ends with an error';
}

const simulate = (directory: string): string | undefined =>
  complaint(directory, ['tsx', 'tools/sim.ts', ...simulation], /NOT HELD: ([^\n]+)/);

const runTests = (directory: string, paths: readonly string[]): string | undefined =>
  complaint(
    directory,
    [
      'vitest',
      'run',
      '--bail',
      '1',
      '--testTimeout',
      String(testTimeoutMs),
      '--testNamePattern',
      notSlow,
      '--exclude',
      'test/planted/**',
      ...paths,
    ],
    /FAIL\s+([^\n]+)/,
  );

/** Among so many tests one may fail because the machine is busy: what does not fail alone, too, has found nothing. */
function failsTwice(directory: string, paths: readonly string[]): string | undefined {
  const [file] = runTests(directory, paths)?.split(' > ') ?? [];
  return file === undefined ? undefined : runTests(directory, [file]);
}

function judge(bug: Bug, options: {readonly directory: string; readonly both: boolean}): Finding {
  const {directory, both} = options;
  const path = join(directory, bug.file);
  const original = readFileSync(path, 'utf8');
  const {id, what} = bug;
  try {
    writeFileSync(
      path,
      original.replace(bug.find, () => bug.replace),
    );
    const byTest = runTests(directory, bug.tests);
    const bySimulator = byTest === undefined || both ? simulate(directory) : undefined;
    const later = byTest === undefined && bySimulator === undefined ? failsTwice(directory, rest) : byTest;
    return {
      id,
      what,
      ...(later === undefined ? {} : {byTest: later}),
      ...(bySimulator === undefined ? {} : {bySimulator}),
    };
  } finally {
    writeFileSync(path, original);
  }
}

/** The likely tests and the simulator, without a mistake: what fails then says nothing of a mistake. */
function problemWithout(directory: string, bugs: readonly Bug[]): string | undefined {
  return runTests(directory, [...new Set(bugs.flatMap((bug) => bug.tests))]) ?? simulate(directory);
}

function copyProgram(): string {
  const directory = mkdtempSync(join(tmpdir(), 'choria-planted-'));
  for (const name of copied) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(directory, name), {recursive: true});
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}

function report(finding: Finding): void {
  const {id, what, byTest, bySimulator} = finding;
  const isFound = byTest !== undefined || bySimulator !== undefined;
  console.log(`${isFound ? 'found ' : 'MISSED'}  ${id.padEnd(24)} ${what}`);
  if (byTest !== undefined) console.log(`          test: ${byTest}`);
  if (bySimulator !== undefined) console.log(`          simulator: ${bySimulator}`);
}

function main(): number {
  const all = readBugs();
  const {values, positionals} = jobArguments({
    name: 'planted',
    help: 'Plants one deliberate mistake after the other into a copy of the program, and shows what finds it.',
    options: {
      json: {type: 'string', value: 'FILE', help: 'Write the findings to this file'},
      both: {type: 'boolean', default: false, help: 'Ask tests and simulator each time'},
    },
    words: {name: 'ID', help: 'Only these mistakes of test/planted/bugs.json'},
  });
  const unknown = positionals.find((id) => !all.some((bug) => bug.id === id));
  if (unknown !== undefined) refuseJob('planted', `there is no planted mistake "${unknown}" in test/planted/bugs.json`);
  const bugs = all.filter((bug) => positionals.length === 0 || positionals.includes(bug.id));
  const directory = copyProgram();
  try {
    const problem = problemWithout(directory, bugs);
    if (problem !== undefined) {
      console.error(`Cannot judge: without any planted mistake this fails: ${problem}`);
      return 1;
    }
    const findings: Finding[] = [];
    for (const bug of bugs) {
      const finding = judge(bug, {directory, both: values.both});
      findings.push(finding);
      report(finding);
    }
    const byTests = findings.filter((finding) => finding.byTest !== undefined).length;
    const bySimulator = findings.filter((finding) => finding.bySimulator !== undefined).length;
    const missed = findings.filter(
      (finding) => finding.byTest === undefined && finding.bySimulator === undefined,
    ).length;
    console.log(
      `${findings.length - missed} of ${findings.length} found; ${byTests} by tests, ${bySimulator} by the simulator${values.both ? '' : ', which is asked only when the likely tests pass'}`,
    );
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({findings}, null, 2)}\n`);
    return missed <= missedMax ? 0 : 1;
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

process.exit(main());
