#!/usr/bin/env node
/**
 * What .ci/run is made of: runs a tier and counts it, installs what the peers need, sums up.
 *
 * Plain JavaScript, because it runs before anything is installed.
 *
 *     node tools/ci.mjs tier NAME -- COMMAND...   a test run counts its tests, anything else counts as one
 *     node tools/ci.mjs install                   Debian packages and Go modules that the peers and the Rego judges need
 *     node tools/ci.mjs end                       prints the table and `N passed, N failed`; exits 1 when anything failed
 */
import {spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, appendFileSync, rmSync} from 'node:fs';
import {homedir, tmpdir} from 'node:os';
import {join} from 'node:path';

const statePath = process.env.CHORIA_CI_STATE;

function record(line) {
  appendFileSync(statePath, `${JSON.stringify(line)}\n`);
}

/** vitest's own JSON report, which the test jobs write when this variable names a file. */
function readTestReport(path) {
  if (!existsSync(path)) return undefined;
  const report = JSON.parse(readFileSync(path, 'utf8'));
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  // A test that passed after it had failed needed its second try: it counts as passed and is named at the end.
  const secondTries = report.testResults
    .flatMap((file) => file.assertionResults)
    .filter((test) => test.status === 'passed' && test.failureMessages.length > 0)
    .map((test) => test.fullName);
  // On this project's CI nothing may be skipped: a test that cannot run is a failure.
  const failed = report.numFailedTests + brokenFiles.length + report.numPendingTests;
  return {passed: report.numPassedTests, failed, secondTries};
}

function readClosingLine(output) {
  const match = /^(\d+) passed, (\d+) failed$/m.exec(output.trimEnd().split('\n').at(-1) ?? '');
  return match ? {passed: Number(match[1]), failed: Number(match[2])} : undefined;
}

function tier(name, command) {
  const startedAtMs = Date.now();
  const scratch = mkdtempSync(join(tmpdir(), 'choria-ci-'));
  const reportPath = join(scratch, 'report.json');
  process.stdout.write(`\n== ${name}: ${command.join(' ')}\n`);
  const result = spawnSync(command[0], command.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    env: {...process.env, CHORIA_TEST_REPORT: reportPath},
  });
  process.stdout.write(result.stdout ?? '');
  const exitedWell = result.status === 0;
  const counted = readTestReport(reportPath) ??
    readClosingLine(result.stdout ?? '') ?? {passed: exitedWell ? 1 : 0, failed: 0};
  // Whatever the counts say, a command that ended badly has failed at least once.
  const failed = exitedWell ? counted.failed : Math.max(1, counted.failed);
  rmSync(scratch, {recursive: true, force: true});
  const {passed, secondTries = []} = counted;
  record({name, passed, failed, secondTries, seconds: Math.round((Date.now() - startedAtMs) / 1000)});
}

/** Go programs that the peers tier and the Rego judges talk to; built from their modules, which Go verifies by checksum. */
const goPrograms = [
  {name: 'nats-server', module: 'github.com/nats-io/nats-server/v2@v2.15.2'},
  {name: 'opa', module: 'github.com/open-policy-agent/opa@v1.17.1'},
];

/** Whether a shell finds the program, or a test of ours ends well. */
const succeeds = (script) => spawnSync('sh', ['-c', script], {stdio: 'ignore'}).status === 0;

/** Debian packages that the peers tier talks to or builds with, and how to see that what they bring is there already. */
const debianPackages = [
  {name: 'ruby', has: 'command -v ruby'},
  {name: 'mcollective-client', has: 'command -v mco'},
  {name: 'puppet', has: 'command -v puppet'},
  {name: 'softhsm2', has: 'command -v softhsm2-util'},
  {name: 'opensc', has: 'command -v pkcs11-tool'},
  {name: 'prometheus', has: 'command -v prometheus'},
  {name: 'prometheus-alertmanager', has: 'command -v prometheus-alertmanager'},
  {name: 'chromium', has: 'command -v chromium'},
  {name: 'zsh', has: 'command -v zsh'},
  {name: 'default-jdk-headless', has: 'command -v javac'},
  {name: 'maven', has: 'command -v mvn'},
  {name: 'python3-venv', has: 'python3 -c "import ensurepip, venv"'},
  {name: 'cargo', has: 'command -v cargo'},
];

function installDebianPackages() {
  const missing = debianPackages.filter(({has}) => !succeeds(has)).map(({name}) => name);
  if (missing.length === 0) return;
  process.stdout.write(`\n== install: ${missing.join(' ')}\n`);
  // Only root may install; elsewhere sudo must be there and ask for nothing.
  const asRoot = process.getuid() === 0 ? [] : ['sudo', '-n'];
  const environment = {...process.env, DEBIAN_FRONTEND: 'noninteractive'};
  const run = (command) =>
    spawnSync(command[0], command.slice(1), {stdio: ['ignore', 'ignore', 'inherit'], env: environment});
  run([...asRoot, 'apt-get', 'update']);
  const result = run([...asRoot, 'apt-get', 'install', '-y', '--no-install-recommends', ...missing]);
  if (result.status !== 0) record({name: `install ${missing.join(' ')}`, passed: 0, failed: 1, seconds: 0});
}

function install() {
  installDebianPackages();
  for (const {name, module} of goPrograms) {
    if (existsSync(join(homedir(), 'go', 'bin', name))) continue;
    process.stdout.write(`\n== install: ${module}\n`);
    const result = spawnSync('go', ['install', module], {stdio: 'inherit'});
    if (result.status !== 0) record({name: `install ${name}`, passed: 0, failed: 1, seconds: 0});
  }
}

function end() {
  const lines = readFileSync(statePath, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  process.stdout.write('\n');
  for (const {name, passed, failed, seconds, secondTries = []} of lines) {
    process.stdout.write(`${name}: ${passed} passed, ${failed} failed (${seconds} s)\n`);
    for (const test of secondTries) process.stdout.write(`  passed at its second try: ${test}\n`);
  }
  const passed = lines.reduce((sum, line) => sum + line.passed, 0);
  const failed = lines.reduce((sum, line) => sum + line.failed, 0);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

const [verb, name, , ...command] = process.argv.slice(2);
if (statePath === undefined) {
  process.stderr.write('Cannot run: CHORIA_CI_STATE names no file; use .ci/run\n');
  process.exit(2);
}
if (verb === 'tier') tier(name, command);
else if (verb === 'install') install();
else if (verb === 'end') process.exitCode = end();
