/**
 * Plants one deliberate mistake after the other into a copy of the program, and shows what finds it: the simulator, the tests.
 *
 *     npm run planted [-- ID...] [--json FILE]
 *
 * The mistakes are in `test/planted/bugs.json`: a file, a text in it that stands there once, and what to put in its place. A mistake counts as found
 * when a run that passes without it fails with it. Exit code: 0 at most two were missed, 1 more were, 2 wrong arguments.
 */
import {spawnSync} from 'node:child_process';
import {cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

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
const runTimeoutMs = 240_000;
const simulation = ['--seed', '1', '--seeds', '6', '--minutes', '6', '--nodes', '6'];

interface Bug {
  readonly id: string;
  readonly what: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

interface Finding {
  readonly id: string;
  readonly what: string;
  readonly bySimulator: boolean;
  readonly byTests: boolean;
}

function readBugs(): readonly Bug[] {
  return JSON.parse(readFileSync(join(root, 'test', 'planted', 'bugs.json'), 'utf8')) as readonly Bug[];
}

/** Passes is exit code 0 in time; a run that hangs has failed. */
function passes(directory: string, command: readonly string[]): boolean {
  const [program = '', ...args] = command;
  const result = spawnSync(join(root, 'node_modules', '.bin', program), args, {
    cwd: directory,
    stdio: 'ignore',
    timeout: runTimeoutMs,
    killSignal: 'SIGKILL',
    env: {...process.env, NODE_ENV: 'test'},
  });
  return result.status === 0;
}

const simulate = (directory: string): boolean => passes(directory, ['tsx', 'tools/sim.ts', ...simulation]);
const runTests = (directory: string, paths: readonly string[]): boolean =>
  passes(directory, ['vitest', 'run', '--bail', '1', '--exclude', 'test/planted/**', ...paths]);

function judge(bug: Bug, directory: string): Finding {
  const path = join(directory, bug.file);
  const original = readFileSync(path, 'utf8');
  try {
    writeFileSync(
      path,
      original.replace(bug.find, () => bug.replace),
    );
    const area = bug.file.split('/').slice(0, 2).join('/');
    const bySimulator = !simulate(directory);
    const byTests =
      !runTests(directory, [area]) ||
      !runTests(directory, ['test/faults', 'src/server', 'src/rpc', 'src/client', 'src/broker']);
    return {id: bug.id, what: bug.what, bySimulator, byTests};
  } finally {
    writeFileSync(path, original);
  }
}

function main(): number {
  const {values, positionals} = parseArgs({options: {json: {type: 'string'}}, allowPositionals: true});
  const bugs = readBugs().filter((bug) => positionals.length === 0 || positionals.includes(bug.id));
  if (bugs.length === 0) {
    console.error(`There is no planted mistake "${positionals.join(', ')}": see test/planted/bugs.json`);
    return 2;
  }
  const directory = mkdtempSync(join(tmpdir(), 'choria-planted-'));
  try {
    for (const name of copied) {
      if (existsSync(join(root, name))) cpSync(join(root, name), join(directory, name), {recursive: true});
    }
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    if (!simulate(directory)) {
      console.error('Cannot judge: the simulator fails without any planted mistake');
      return 1;
    }
    const findings: Finding[] = [];
    for (const bug of bugs) {
      const finding = judge(bug, directory);
      findings.push(finding);
      const by = [finding.bySimulator ? 'simulator' : '', finding.byTests ? 'tests' : '']
        .filter((name) => name !== '')
        .join(' and ');
      console.log(`${by === '' ? 'MISSED' : 'found '}  ${bug.id.padEnd(24)} ${(by || '-').padEnd(20)} ${bug.what}`);
    }
    const missed = findings.filter((finding) => !finding.bySimulator && !finding.byTests);
    console.log(
      `${findings.length - missed.length} of ${findings.length} found; ${findings.filter((finding) => finding.bySimulator).length} by the simulator, ${findings.filter((finding) => finding.byTests).length} by tests`,
    );
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({findings}, null, 2)}\n`);
    return missed.length <= missedMax ? 0 : 1;
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

process.exit(main());
