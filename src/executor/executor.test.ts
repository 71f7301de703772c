import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {configFromEntries} from '../config/index.ts';
import {silentLogger} from '../lib/logger.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import {createJob, type JobExit, listJobs, loadJob, type NewJob, startJob, superviseJob} from './index.ts';

const platform = createNodePlatform();
const request = {callerId: 'choria=bob', requestId: 'a'.repeat(32), agent: 'patch', action: 'apply'};
let directory = '';
let spool = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'choria-executor-'));
  spool = join(directory, 'jobs');
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

async function makeJob(job: NewJob, id?: string): Promise<string> {
  const config = await configFromEntries(
    {identity: 'n1.example.net', 'plugin.choria.executor.spool': spool},
    {platform, mode: 'server'},
  );
  const node = {identity: 'n1.example.net', config, platform};
  return createJob({node, request, job, ...(id === undefined ? {} : {id})});
}

interface Outcome {
  readonly exit: JobExit;
  readonly events: readonly {readonly kind: string; readonly payload: string}[];
  readonly id: string;
}

async function runJob(
  job: NewJob,
  options: {readonly signal?: AbortSignal; readonly onEvent?: (kind: string, id: string) => void} = {},
): Promise<Outcome> {
  const id = await makeJob(job);
  const events: {kind: string; payload: string}[] = [];
  const exit = await superviseJob({
    platform,
    logger: silentLogger,
    spool,
    id,
    heartbeatMs: 0,
    trackOutput: job.trackOutput === true,
    submit: async ({subject, payload}) => {
      const start = `choria.executor.${request.requestId}.${id}.`;
      expect(subject.startsWith(start)).toBe(true);
      events.push({kind: subject.slice(start.length), payload: payload.toString('utf8')});
      options.onEvent?.(subject.slice(start.length), id);
    },
    ...(options.signal === undefined ? {} : {signal: options.signal}),
  });
  return {exit, events, id};
}

describe('a supervised job', () => {
  test('leaves its output and how it ended in its directory, and tells of each step', async () => {
    const script = 'echo "$COLOUR $# $1"; echo oops >&2; pwd; exit 3';
    const {exit, events, id} = await runJob({
      command: '/bin/sh',
      args: ['-c', script, 'sh', '$(id); rm -rf'],
      environment: {COLOUR: 'blue'},
      trackOutput: true,
    });
    expect(exit).toEqual({code: 3, error: ''});
    const read = (name: string): string => readFileSync(join(spool, id, name), 'utf8');
    expect(read('stdout')).toBe('blue 1 $(id); rm -rf\n/\n');
    expect(read('stderr')).toBe('oops\n');
    expect(read('exit')).toBe('{"code":3,"error":""}');
    expect(Number(read('pid'))).toBeGreaterThan(1);
    expect(events[0]?.kind).toBe('spec');
    expect(JSON.parse(events[0]?.payload ?? '')).toMatchObject({
      caller: 'choria=bob',
      requestid: request.requestId,
      command: '/bin/sh',
      id,
    });
    expect(events.map((event) => event.kind)).toContain('pid');
    expect(events.at(-1)).toEqual({kind: 'exit', payload: '{"code":3,"error":""}'});
    const lines = (kind: string): string =>
      events
        .filter((event) => event.kind === kind)
        .map((event) => event.payload)
        .join('');
    expect([lines('out.stdout'), lines('out.stderr')]).toEqual(['blue 1 $(id); rm -rf\n/\n', 'oops\n']);
    expect(await loadJob(platform.files, {spool, id})).toMatchObject({isRunning: false, exitCode: 3, stdoutBytes: 23});
  });

  test('that cannot be started has an exit, too', async () => {
    const {exit, id} = await runJob({command: '/nonexistent/program'});
    expect(exit.code).toBe(-1);
    expect(exit.error).toContain('ENOENT');
    expect(await loadJob(platform.files, {spool, id})).toMatchObject({isRunning: false, exitCode: -1});
  });

  test('that is killed says so', async () => {
    const stop = new AbortController();
    const {exit} = await runJob(
      {command: '/bin/sh', args: ['-c', 'sleep 60']},
      {signal: stop.signal, onEvent: (kind) => kind === 'pid' && stop.abort()},
    );
    expect(exit).toEqual({code: -1, error: 'process killed'});
  });

  test('fault 44: keeps a bounded part of endless output', async () => {
    const {exit, id} = await runJob({command: '/bin/sh', args: ['-c', 'head -c 40000000 /dev/zero']});
    expect(exit.code).toBe(0);
    const {stdoutBytes} = await loadJob(platform.files, {spool, id});
    expect(stdoutBytes).toBeGreaterThan(32 * 1024 * 1024);
    expect(stdoutBytes).toBeLessThan(33 * 1024 * 1024);
  });

  test('runs once', async () => {
    const {id} = await runJob({command: '/bin/true'});
    const again = superviseJob({
      platform,
      logger: silentLogger,
      spool,
      id,
      heartbeatMs: 0,
      trackOutput: false,
      submit: () => Promise.resolve(),
    });
    await expect(again).rejects.toThrow('already started');
  });

  test('goes on when nothing can be submitted', async () => {
    const id = await makeJob({command: '/bin/true'});
    const exit = await superviseJob({
      platform,
      logger: silentLogger,
      spool,
      id,
      heartbeatMs: 0,
      trackOutput: true,
      submit: () => Promise.reject(new Error('spool is full')),
    });
    expect(exit.code).toBe(0);
  });
});

describe('the spool of jobs', () => {
  test('lists what is there; an id that is a path is none', async () => {
    await makeJob({command: '/bin/true'}, 'one');
    await expect(makeJob({command: '/bin/true'}, 'one')).rejects.toThrow('Cannot start a job');
    await expect(makeJob({command: '/bin/true'}, '../two')).rejects.toThrow('is no id');
    const jobs = await listJobs(platform.files, {spool, onProblem: () => undefined});
    expect(jobs.map((job) => [job.id, job.isRunning, job.caller])).toEqual([['one', false, 'choria=bob']]);
    await expect(loadJob(platform.files, {spool, id: '../one'})).rejects.toThrow('specification not found');
  });

  test('a process number that another process has now is not a running job', async () => {
    const id = await makeJob({command: '/bin/true'});
    writeFileSync(join(spool, id, 'pid'), String(process.pid));
    expect((await loadJob(platform.files, {spool, id})).isRunning).toBe(true);
    writeFileSync(join(spool, id, 'pid.start'), '1');
    expect((await loadJob(platform.files, {spool, id})).isRunning).toBe(false);
  });
});

describe('an agent', () => {
  test('starts a supervisor that outlives the server', async () => {
    const fake = createFakePlatform();
    const detached: (readonly string[])[] = [];
    const config = await configFromEntries(
      {'plugin.choria.executor.spool': '/var/spool/jobs', 'plugin.choria.executor.enabled': '1'},
      {platform: fake.platform, mode: 'server', path: '/etc/choria/server.conf'},
    );
    const processes = {
      ...fake.platform.processes,
      detach: async ({command, args}: {readonly command: string; readonly args: readonly string[]}) => {
        detached.push([command, ...args]);
        return 99;
      },
    };
    const node = {identity: 'n1', config, platform: {...fake.platform, processes}};
    const id = await startJob({node, request, job: {command: 'apt-get', args: ['upgrade'], heartbeatMs: 30_000}});
    expect(id).toMatch(/^[0-9a-v]{20}$/);
    const words = `/usr/bin/node /opt/choria/bin/choria.js exec-supervisor --config /etc/choria/server.conf --process ${id} --heartbeat 30s`;
    expect(detached).toEqual([words.split(' ')]);
    expect(JSON.parse(fake.files.text(`/var/spool/jobs/${id}/spec.json`) ?? '')).toMatchObject({
      command: 'apt-get',
      pid: '',
      start: '0001-01-01T00:00:00Z',
    });
  });
});
