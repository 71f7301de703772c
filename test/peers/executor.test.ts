/** A background job as a node runs it: its supervisor is the program itself, in a session of its own, and outlives the one who asked. */
import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const program = join(root, 'bin', 'choria.js');
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'choria-executor-'));
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

/** A program that asks for a job and is gone at once, as a server that restarts is. */
const asker = `
  import {configFromEntries, createNodePlatform, loadConfig} from ${JSON.stringify(join(root, 'dist/server/index.js'))};
  import {startJob} from ${JSON.stringify(join(root, 'dist/rpc/agent.js'))};
  const base = createNodePlatform();
  const platform = {...base, host: {...base.host, self: {command: process.execPath, args: [${JSON.stringify(program)}]}}};
  const config = await loadConfig({platform, mode: 'server', path: process.argv[2]});
  const request = {callerId: 'choria=bob', requestId: 'abc', agent: 'patch', action: 'apply'};
  const job = {command: '/bin/sh', args: ['-c', 'sleep 2; echo done; exit 4'], trackOutput: true};
  console.log(await startJob({node: {identity: 'n1.example.net', config, platform}, request, job}));
`;

test('a job goes on when the process that started it is gone, and tells of itself through the spool', async () => {
  const config = join(directory, 'server.conf');
  const spools = {jobs: join(directory, 'jobs'), messages: join(directory, 'messages')};
  writeFileSync(
    config,
    [
      'identity = n1.example.net',
      `logfile = ${join(directory, 'log')}`,
      'plugin.choria.executor.enabled = 1',
      `plugin.choria.executor.spool = ${spools.jobs}`,
      `plugin.choria.submission.spool = ${spools.messages}`,
      '',
    ].join('\n'),
  );
  writeFileSync(join(directory, 'ask.mjs'), asker);
  const id = execFileSync(process.execPath, [join(directory, 'ask.mjs'), config], {encoding: 'utf8'}).trim();
  const exit = join(spools.jobs, id, 'exit');
  expect(existsSync(exit)).toBe(false);
  await expect.poll(() => existsSync(exit), {timeout: 30_000}).toBe(true);
  expect(readFileSync(exit, 'utf8')).toBe('{"code":4,"error":""}');
  expect(readFileSync(join(spools.jobs, id, 'stdout'), 'utf8')).toBe('done\n');
  const subjects = (): readonly string[] =>
    readdirSync(join(spools.messages, 'P1'))
      .toSorted()
      .map((name) => JSON.parse(readFileSync(join(spools.messages, 'P1', name), 'utf8')) as {subject: string})
      .map(({subject}) => subject.replace(`choria.executor.abc.${id}.`, ''));
  await expect.poll(subjects, {timeout: 10_000}).toEqual(['spec', 'pid', 'out.stdout', 'exit']);
}, 60_000);

test('a job that is not there is told', () => {
  const config = join(directory, 'server.conf');
  writeFileSync(config, `identity = n1\nplugin.choria.executor.spool = ${directory}\n`);
  const words = ['exec-supervisor', '--config', config, '--process', 'nothing'];
  const {status, stdout, stderr} = spawnSync(process.execPath, [program, ...words], {encoding: 'utf8'});
  expect(status).toBe(1);
  expect(`${stdout}${stderr}`).toContain('could not start supervisor: specification not found');
});
