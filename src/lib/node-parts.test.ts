/** The edge to the real world: files, processes, clock, randomness, and the logger. */
import {spawnSync} from 'node:child_process';
import {chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, test} from 'vitest';
import {createNodeClock} from './node-clock.ts';
import {createNodeFiles} from './node-files.ts';
import {createLogger, LogError, logLevelOf} from './node-logger.ts';
import {logDestinationOf} from './logger.ts';
import {createNodePlatform} from './node-platform.ts';
import {createNodeProcesses} from './node-processes.ts';
import {createNodeRandom} from './node-random.ts';
import type {ProcessRequest} from './platform.ts';

const scratch = mkdtempSync(join(tmpdir(), 'choria-lib-'));
afterAll(() => rmSync(scratch, {recursive: true, force: true}));

describe('files', () => {
  const files = createNodeFiles();

  test('what is no regular file is refused at once', async () => {
    const fifo = join(scratch, 'fifo');
    spawnSync('mkfifo', [fifo]);
    await expect(files.read(fifo, {limitBytes: 10})).rejects.toMatchObject({code: 'EFTYPE'});
    await expect(files.openAppend(fifo, {mode: 0o600})).rejects.toMatchObject({code: 'ENXIO'});
    await expect(files.read('/dev/zero', {limitBytes: 10})).rejects.toMatchObject({code: 'EFTYPE'});
    await expect(files.read(scratch, {limitBytes: 10})).rejects.toMatchObject({code: 'EISDIR'});
    await expect(files.read(join(scratch, 'none'), {limitBytes: 10})).rejects.toMatchObject({code: 'ENOENT'});
  });

  test('what is larger than the limit is refused, also where the size is not told', async () => {
    const path = join(scratch, 'eleven');
    writeFileSync(path, 'x'.repeat(11));
    await expect(files.read(path, {limitBytes: 10})).rejects.toMatchObject({code: 'EFBIG'});
    expect((await files.read(path, {limitBytes: 11})).length).toBe(11);
    expect((await files.read('/proc/self/status', {limitBytes: 100_000})).length).toBeGreaterThan(100);
    await expect(files.read('/proc/self/status', {limitBytes: 10})).rejects.toMatchObject({code: 'EFBIG'});
  });

  test('an atomic write sets the mode, replaces whole files and leaves nothing behind', async () => {
    const directory = join(scratch, 'atomic');
    mkdirSync(directory);
    const path = join(directory, 'state.json');
    await files.writeAtomic(path, 'one', {mode: 0o640});
    await files.writeAtomic(path, 'two', {mode: 0o600});
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    mkdirSync(join(directory, 'taken'));
    writeFileSync(join(directory, 'taken', 'x'), '');
    await expect(files.writeAtomic(join(directory, 'taken'), 'x', {mode: 0o600})).rejects.toThrow();
    // Errors name the file that was asked for.
    const nowhere = join(directory, 'nowhere', 'file');
    await expect(files.writeAtomic(nowhere, 'x', {mode: 0o600})).rejects.toThrow(
      `ENOENT: no such file or directory, open '${nowhere}'`,
    );
    expect(readdirSync(directory).sort()).toEqual(['state.json', 'taken']);
  });

  test('appends keep their order and survive an earlier failure', async () => {
    const path = join(scratch, 'log');
    const handle = await files.openAppend(path, {mode: 0o600});
    await Promise.all(Array.from({length: 50}, (_unused, index) => handle.append(Buffer.from(`${index}\n`))));
    await handle.sync();
    await handle.close();
    expect(readFileSync(path, 'utf8')).toBe(Array.from({length: 50}, (_unused, index) => `${index}\n`).join(''));
  });

  test('only empty directories are removed, unless all is asked for', async () => {
    const directory = join(scratch, 'full');
    await files.makeDirectory(join(directory, 'sub'), {mode: 0o700, recursive: true});
    await expect(files.remove(directory)).rejects.toMatchObject({code: 'ENOTEMPTY'});
    await files.remove(join(directory, 'sub'));
    await files.remove(directory, {recursive: true});
    await expect(files.stat(directory)).rejects.toMatchObject({code: 'ENOENT'});
  });
});

describe('processes', () => {
  const processes = createNodeProcesses();
  const shell = (script: string, changes: Partial<ProcessRequest> = {}): ProcessRequest => ({
    command: '/bin/sh',
    args: ['-c', script],
    env: {PATH: process.env['PATH'] ?? ''},
    cwd: scratch,
    timeoutMs: 20_000,
    outputBytesMax: 1_000_000,
    ...changes,
  });

  test('gives output, input, exit code and lines', async () => {
    const lines: string[] = [];
    const result = await processes.run(
      shell('cat; echo "one\r"; printf two >&2; exit 3', {
        input: Buffer.from('in\n'),
        onLine: (stream, line) => lines.push(`${stream}:${line}`),
      }),
    );
    expect(result).toMatchObject({exitCode: 3, signalName: null, timedOut: false, droppedBytes: 0});
    expect(result.stdout.toString()).toBe('in\none\r\n');
    expect(lines.sort()).toEqual(['stderr:two', 'stdout:in', 'stdout:one']);
  });

  test('rejects when the program can not be started', async () => {
    await expect(processes.run(shell('', {command: '/no/such/program'}))).rejects.toMatchObject({code: 'ENOENT'});
  });

  test('kills the whole group when the time is over', async () => {
    const pidFile = join(scratch, 'child.pid');
    const result = await processes.run(shell(`sleep 600 & echo $! > ${pidFile}; wait`, {timeoutMs: 300}));
    expect(result).toMatchObject({timedOut: true, exitCode: null, signalName: 'SIGTERM'});
    const state = spawnSync('ps', ['-o', 'stat=', '-p', readFileSync(pidFile, 'utf8').trim()], {encoding: 'utf8'});
    expect(state.stdout.trim().replace(/^Z.*/, '')).toBe('');
  });

  test('does not wait for a daemon that holds the pipes', async () => {
    const result = await processes.run(shell('sleep 5 & echo started'));
    expect(result).toMatchObject({exitCode: 0, timedOut: false});
    expect(result.stdout.toString()).toBe('started\n');
  });

  test('counts and drops output beyond the limit', async () => {
    const result = await processes.run(shell('head -c 5000 /dev/zero', {outputBytesMax: 1000}));
    expect(result.stdout.length).toBe(1000);
    expect(result.droppedBytes).toBe(4000);
  });

  test('a child that does not read its input is no failure of ours', async () => {
    const result = await processes.run(shell('exec true', {input: Buffer.alloc(1_000_000)}));
    expect(result.exitCode).toBe(0);
  });

  test('a started program goes on until it is signalled, also through an abort', async () => {
    const {timeoutMs: _timeoutMs, ...request} = shell('exec sleep 600');
    const running = await processes.start(request);
    running.signal('SIGTERM');
    expect((await running.exited).signalName).toBe('SIGTERM');
    running.signal('SIGTERM');
    const controller = new AbortController();
    const second = await processes.start({...request, signal: controller.signal});
    controller.abort();
    expect((await second.exited).signalName).toBe('SIGTERM');
  });
});

describe('clock, randomness and host', () => {
  test('a timer fires once and a cancelled one never', async () => {
    const clock = createNodeClock();
    let fired = 0;
    const cancelled = clock.setTimer(() => fired++, 1);
    cancelled.cancel();
    await new Promise<void>((resolve) => {
      clock.setTimer(resolve, 2);
    });
    expect(fired).toBe(0);
    clock.setTimer(() => fired++, 1e13, {background: true}).cancel();
  });

  test('bytes are never handed out twice', () => {
    const random = createNodeRandom();
    const draws = Array.from({length: 2000}, () => random.bytes(16).toString('hex'));
    expect(new Set(draws).size).toBe(2000);
    expect(random.bytes(10_000).length).toBe(10_000);
    expect(random.bytes(0).length).toBe(0);
    expect(random.float()).toBeLessThan(1);
  });

  test('the platform tells of this process', () => {
    const {host} = createNodePlatform();
    expect(host).toMatchObject({pid: process.pid, workingDirectory: process.cwd(), platform: process.platform});
  });
});

describe('the logger', () => {
  const startedAtMs = Date.UTC(2026, 10, 21, 3, 49, 40);
  const clock = {nowMs: () => startedAtMs + 12_500};
  const logged = (
    options: {color?: boolean; json?: boolean},
    write: (log: ReturnType<typeof createLogger>) => void,
  ) => {
    let text = '';
    const sink = {write: (part: string) => void (text += part)};
    write(createLogger({destination: 'stdout', level: 'info', clock, startedAtMs, sink, ...options}));
    return text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)/g, '<time>');
  };

  test('writes the text form that parsers know', () => {
    expect(logged({}, (log) => log.child({component: 'network', b: 1}).warn('Lost "x"', {a: ''}))).toBe(
      'time="<time>" level=warning msg="Lost \\"x\\"" a= b=1 component=network\n',
    );
  });

  test('writes the form for terminals, padded, with the seconds since the start', () => {
    expect(logged({color: true}, (log) => log.fatal('Could not run Choria: x'))).toBe(
      `\u001b[31mFATA\u001b[0m[0012] ${'Could not run Choria: x'.padEnd(44)} \n`,
    );
  });

  test('writes JSON with sorted keys', () => {
    expect(logged({json: true}, (log) => log.error('<x>', {zone: 1, component: 'a', time: 'mine'}))).toBe(
      '{"component":"a","fields.time":"mine","level":"error","msg":"\\u003cx\\u003e","time":"<time>","zone":1}\n',
    );
  });

  test.each([{}, {color: true}, {json: true}])('nothing in a message or field can forge a line: %j', (options) => {
    const evil = 'x\nlevel=fatal msg=forged\r\u001b[2J\u2028\u202e';
    const text = logged(options, (log) => log.info(evil, {[`k${evil}`]: evil}));
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(text.replaceAll(/\u001b\[(?:0|3\d)m/g, '')).not.toMatch(/[\r\u001b\u2028\u202e]/);
  });

  test('masks secrets that turn up as fields, but shows where they lie', () => {
    const text = logged({}, (log) => log.info('m', {password: 'hunter2', token: 'eyJ.x.y', seed: '/etc/seed'}));
    expect(text).toContain('password="[masked]" seed=/etc/seed token="[masked]"');
  });

  test('survives cycles, huge values, big integers and errors', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const text = logged({}, (log) =>
      log.info('m', {cycle, huge: 'x'.repeat(100_000), big: 1n, error: new Error('no')}),
    );
    expect(text.length).toBeLessThan(50_000);
    expect(text).toContain('big=1');
    expect(text).toContain('error=no');
  });

  test('levels below the one set cost nothing and write nothing', () => {
    expect(logged({}, (log) => log.debug('x'))).toBe('');
  });

  test('appends JSON lines to a file, and says when it can not', () => {
    const path = join(scratch, 'choria.log');
    const log = createLogger({destination: {path}, level: 'info', clock, startedAtMs});
    log.info('one');
    log.close();
    log.info('after close');
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(1);
    chmodSync(path, 0o600);
    const open = (place: string) => () => createLogger({destination: {path: place}, level: 'info', clock, startedAtMs});
    expect(open(scratch)).toThrow(LogError);
    expect(open(join(scratch, 'no', 'such', 'place'))).toThrow('Cannot log to');
  });

  test('a full disk does not stop the program', () => {
    const log = createLogger({destination: {path: '/dev/full'}, level: 'info', clock, startedAtMs});
    expect(() => log.info('lost')).not.toThrow();
    log.close();
  });

  test('settings become destinations and levels as in the reference', () => {
    expect(['STDOUT', 'discard', '', '/x'].map(logDestinationOf)).toEqual([
      'stdout',
      'discard',
      'stdout',
      {path: '/x'},
    ]);
    expect(['debug', 'verbose', 'WARN'].map(logLevelOf)).toEqual(['debug', 'warn', 'warn']);
  });
});
