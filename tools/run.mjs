#!/usr/bin/env node
/**
 * Runs one of the project's jobs on a clean clone: installs and builds only what is missing or stale, says so, then runs.
 *
 * Plain JavaScript on purpose: it and what it imports have to work before anything is installed. What was installed and
 * built is remembered by content hash in node_modules/.choria-install and dist/.choria-build, so nothing is done twice.
 */
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {jobArguments} from './arguments.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeMajorMinimum = 20;
const lock = join(root, '.preparing');

const jobs = {
  build: () => 0,
  demo: (args) => run(process.execPath, ['bin/choria.js', 'demo', ...args]),
  test: (args) => run(local('vitest'), ['run', ...args]),
  peers: (args) => run(local('vitest'), ['run', '--config', 'test/peers/vitest.config.ts', ...args]),
  conformance: (args) => run(local('tsx'), ['test/conformance/run.ts', ...args]),
  planted: (args) => run(local('tsx'), ['tools/planted.ts', ...args]),
  sim: (args) => run(local('tsx'), ['tools/sim.ts', ...args]),
  soak: (args) => run(local('tsx'), ['tools/soak.ts', ...args]),
  bench: (args) => run(local('tsx'), ['bench/run.ts', ...args]),
  fuzz: (args) => run(local('tsx'), ['tools/fuzz.ts', ...args]),
};

/** The jobs of ours that do not read their words themselves; `test` takes whatever vitest does. */
const checks = {
  build: {name: 'build', help: 'Installs and builds what is missing or stale.', options: {}},
  peers: {
    name: 'peers',
    help: 'Runs the tests against real programs of others.',
    options: {
      testNamePattern: {type: 'string', short: 't', value: 'PATTERN', help: 'Only tests whose name matches'},
      bail: {type: 'string', value: 'N', help: 'End after so many failures'},
      reporter: {type: 'string', multiple: true, value: 'NAME', help: 'How vitest tells what came of them'},
      outputFile: {type: 'string', value: 'FILE', help: 'Where the reporter writes'},
    },
    words: {name: 'PATH', help: 'Only files whose path has this in it'},
  },
};

function local(name) {
  return join(root, 'node_modules', '.bin', name);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {cwd: root, stdio: 'inherit', ...options});
  if (result.error) {
    say(`Cannot run ${relative(root, command) || command}: ${result.error.message}`);
    return 1;
  }
  return result.status ?? 1;
}

function hashFiles(paths) {
  const hash = createHash('sha256');
  for (const path of paths.sort()) {
    hash.update(relative(root, path)).update('\0').update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex');
}

function filesUnder(directory) {
  return readdirSync(directory, {withFileTypes: true, recursive: true})
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function isCurrent(markPath, wanted) {
  return existsSync(markPath) && readFileSync(markPath, 'utf8') === wanted;
}

/**
 * Does what is missing or stale, one process at a time: two jobs that are started together on a fresh clone must not install or build
 * into each other's files. The directory that tells of it holds the number of the process; one that has died is no hindrance.
 */
function prepare(mark, wanted, work) {
  if (isCurrent(mark, wanted)) return 0;
  for (let told = false; ; ) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = lockOwner();
    if (owner === undefined) {
      rmSync(lock, {recursive: true, force: true});
      continue;
    }
    if (!told) say(`Waiting for process ${owner}, which installs or builds here ...`);
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  }
  try {
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return isCurrent(mark, wanted) ? 0 : work();
  } finally {
    rmSync(lock, {recursive: true, force: true});
  }
}

/** The process that prepares now; undefined when it is gone. */
function lockOwner() {
  const path = join(lock, 'pid');
  // Between the two steps of its owner the number is not there yet.
  for (let attempt = 0; attempt < 8 && !existsSync(path); attempt++) {
    if (!existsSync(lock)) return undefined;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  }
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return error.code === 'EPERM' ? 'of another user' : undefined;
  }
}

function install() {
  const wanted = hashFiles([join(root, 'package.json'), join(root, 'package-lock.json')]);
  const mark = join(root, 'node_modules', '.choria-install');
  return prepare(mark, wanted, () => installPackages(mark, wanted));
}

function installPackages(mark, wanted) {
  say('Installing packages (npm install, versions of package-lock.json) ...');
  // Not `npm ci`: it refuses a lock file that lacks another platform's optional packages, and not every registry carries those.
  // The output goes to stderr: stdout belongs to the job, whose last line may be JSON for another program.
  const status = run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], {
    stdio: ['ignore', 2, 2],
  });
  if (status === 0) writeFileSync(mark, wanted);
  return status;
}

function build() {
  const sources = [
    ...filesUnder(join(root, 'src')),
    join(root, 'tsconfig.json'),
    join(root, 'tsconfig.build.json'),
    join(root, 'tools', 'bundle.mjs'),
    join(root, 'tools', 'code-cache.mjs'),
    join(root, 'bin', 'load.cjs'),
    join(root, 'package-lock.json'),
  ];
  const wanted = hashFiles(sources);
  const mark = join(root, 'dist', '.choria-build');
  return prepare(mark, wanted, () => buildProgram(mark, wanted));
}

function buildProgram(mark, wanted) {
  say('Building ...');
  rmSync(join(root, 'dist'), {recursive: true, force: true});
  const quiet = {stdio: ['ignore', 2, 2]};
  const status =
    run(local('tsc'), ['-p', 'tsconfig.build.json'], quiet) || run(process.execPath, ['tools/bundle.mjs'], quiet);
  if (status === 0) {
    mkdirSync(join(root, 'dist'), {recursive: true});
    writeFileSync(mark, wanted);
  }
  return status;
}

function main() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < nodeMajorMinimum) {
    say(`Cannot run on Node ${process.versions.node}: expected Node ${nodeMajorMinimum}.20 or later`);
    return 1;
  }
  const [name, ...args] = process.argv.slice(2);
  const job = jobs[name];
  if (job === undefined) {
    say(`Cannot run "${name ?? ''}": expected one of ${Object.keys(jobs).join(', ')}`);
    return 2;
  }
  if (checks[name] !== undefined) jobArguments(checks[name], args);
  return install() || build() || job(args);
}

process.exitCode = main();
