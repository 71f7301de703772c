/** What may happen to a server's process and disk (faults 28, 53, 54, 55, 57). */
import {spawn} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';
import {configFromEntries} from '../../src/config/index.ts';
import {openConnection} from '../../src/connect/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import type {Agent} from '../../src/rpc/types.ts';
import {createServer} from '../../src/server/index.ts';
import {startTestBroker} from '../support/broker.ts';
import {createRecordingLogger} from '../support/recording-logger.ts';
import {
  countingAgent,
  HandHeldConnection,
  newId,
  replyTo,
  signedRequest,
  testIdentity,
  testProvider,
} from '../support/test-server.ts';

const pki = (name: string): string => fileURLToPath(new URL(`../fixtures/pki/${name}`, import.meta.url));

function temporaryDirectory(): {readonly path: string} & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'choria-fault-'));
  return {path, [Symbol.dispose]: () => rmSync(path, {recursive: true, force: true})};
}

/** A server with its real files, on a connection that the test holds. */
async function startOnDisk(options: {readonly directory: string; readonly agent: Agent; readonly platform?: Platform}) {
  const platform = options.platform ?? createNodePlatform();
  const connection = new HandHeldConnection();
  const logger = createRecordingLogger();
  const config = await configFromEntries(
    {identity: testIdentity, 'plugin.choria.server.state_directory': options.directory},
    {platform, mode: 'server'},
  );
  const server = await createServer({
    config,
    platform,
    logger,
    provider: testProvider('node1', testIdentity),
    connect: () => Promise.resolve(connection),
    builtinAgents: false,
    agents: [options.agent],
  });
  await server.start();
  const deliver = (message: Buffer): void => {
    const subject = `mcollective.node.${testIdentity}`;
    connection.subjects.get(subject)?.handler({subject, replyTo: undefined, headers: undefined, payload: message});
  };
  return {server, logger, deliver, counts: () => server.node.statistics()};
}

describe('a request and the life of a server', () => {
  test('fault 28: the same bytes run once, also after a restart, and each refusal is counted', async () => {
    using directory = temporaryDirectory();
    const agent = countingAgent();
    const request = await signedRequest();
    const first = await startOnDisk({directory: directory.path, agent});
    first.deliver(request);
    first.deliver(request);
    await expect.poll(() => first.counts()).toMatchObject({validated: 2, replies: 1, replayed: 1});
    await first.server.stop();

    const second = await startOnDisk({directory: directory.path, agent});
    second.deliver(request);
    await expect.poll(() => second.counts()).toMatchObject({validated: 1, replayed: 1});
    second.deliver(await signedRequest());
    await expect.poll(() => second.counts().replies).toBe(1);
    expect(second.logger.lines.some((line) => line.message.includes('it was already accepted once'))).toBe(true);
    await second.server.stop();
    expect(agent.calls()).toBe(2);
  });

  test('fault 28: a request signed anew under the same id does not run again', async () => {
    using directory = temporaryDirectory();
    const agent = countingAgent();
    const node = await startOnDisk({directory: directory.path, agent});
    const id = newId();
    node.deliver(await signedRequest({id}));
    node.deliver(await signedRequest({id, body: '{"other":1}'}));
    await expect.poll(() => node.counts()).toMatchObject({replies: 1, replayed: 1});
    await node.server.stop();
    expect(agent.calls()).toBe(1);
  });

  test('fault 55: a disk that cannot remember a request means that it does not run, and the next may', async () => {
    using directory = temporaryDirectory();
    const agent = countingAgent();
    const platform = createNodePlatform();
    let full = false;
    const files: Platform['files'] = {
      ...platform.files,
      async openAppend(path, options) {
        const handle = await platform.files.openAppend(path, options);
        return {
          ...handle,
          append: (data) =>
            full
              ? Promise.reject(Object.assign(new Error('ENOSPC: no space left'), {code: 'ENOSPC'}))
              : handle.append(data),
          sync: () => handle.sync(),
          close: () => handle.close(),
        };
      },
    };
    const node = await startOnDisk({directory: directory.path, agent, platform: {...platform, files}});
    full = true;
    node.deliver(await signedRequest());
    await expect.poll(() => node.counts()).toMatchObject({refused: 1});
    full = false;
    node.deliver(await signedRequest());
    await expect.poll(() => node.counts()).toMatchObject({replies: 1});
    await node.server.stop();
    expect(agent.calls()).toBe(1);
  });

  test('fault 57: a second server of the same identity is refused, and a stale lock is not', async () => {
    using directory = temporaryDirectory();
    const agent = countingAgent();
    const first = await startOnDisk({directory: directory.path, agent});
    await expect(startOnDisk({directory: directory.path, agent})).rejects.toMatchObject({
      code: 'ERR_SERVER_ALREADY_RUNNING',
      message: expect.stringContaining(String(process.pid)) as string,
    });
    first.deliver(await signedRequest());
    await expect.poll(() => first.counts().replies).toBe(1);
    await first.server.stop();
    expect(readdirSync(directory.path).filter((name) => name.endsWith('.lock'))).toEqual([]);

    // A line of a process that is long gone, one of our own number at another start time, and half a line.
    writeFileSync(
      join(directory.path, `server-${testIdentity}.lock`),
      `4194304 1 0123456789abcdef\n${process.pid} 1 0123456789abcdee\n99`,
    );
    const second = await startOnDisk({directory: directory.path, agent});
    await second.server.stop();
  });

  test('a state directory that cannot be made is an error that names the setting', async () => {
    using directory = temporaryDirectory();
    writeFileSync(join(directory.path, 'file'), '');
    const starting = startOnDisk({directory: join(directory.path, 'file', 'state'), agent: countingAgent()});
    await expect(starting).rejects.toThrow('plugin.choria.server.state_directory');
  });
});

/** Runs in a process of its own: connects, runs one action that says so and then hangs. */
const victim = fileURLToPath(new URL('../support/victim-server.ts', import.meta.url));

function startVictim(options: {readonly directory: string; readonly url: string}) {
  const child = spawn(process.execPath, ['--import', 'tsx', victim, options.directory, options.url, pki('')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    child,
    ended,
    output: () => output,
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}

describe('kill -9', () => {
  test('fault 28, 54: a server killed while an action runs does not run it again; what is new runs', async () => {
    // The side we choose: a request is written down before it runs. After a crash in between it has run at most once.
    using directory = temporaryDirectory();
    await using broker = await startTestBroker();
    const platform = createNodePlatform();
    await using caller = await openConnection({
      platform,
      name: 'alice',
      servers: [broker.url],
      inboxPrefix: 'mcollective.reply',
      attemptsMax: 1,
    });
    const ran = (): number => readFileSync(join(directory.path, 'ran'), 'utf8').trim().split('\n').length;
    const subject = `mcollective.node.${testIdentity}`;
    const request = await signedRequest({body: '{"hang":true}'});

    using first = startVictim({directory: directory.path, url: broker.url});
    await expect.poll(first.output, {timeout: 30_000}).toContain('ready');
    caller.publish(subject, request);
    await expect.poll(first.output, {timeout: 10_000}).toContain('running');
    first.child.kill('SIGKILL');
    await first.ended;
    expect(ran()).toBe(1);

    using second = startVictim({directory: directory.path, url: broker.url});
    await expect.poll(second.output, {timeout: 30_000}).toContain('ready');
    const replies: string[] = [];
    caller.subscribe(replyTo, (message) => replies.push(message.subject));
    caller.publish(subject, request);
    caller.publish(subject, await signedRequest({body: '{"hang":false}'}));
    await expect.poll(() => replies.length, {timeout: 10_000}).toBe(1);
    expect(ran()).toBe(2);
    second.child.kill('SIGTERM');
    second.child.kill('SIGTERM');
    second.child.kill('SIGINT');
    await second.ended;
    // fault 57: a storm of signals ends in one clean stop.
    expect(second.output().match(/stopped/g)).toHaveLength(1);
  });
});
