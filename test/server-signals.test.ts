/** A server that operators run: hangups, log rotation, configurations that change, and one that cannot be used. */
import {existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {runServer} from '../src/cli/commands/server-run-run.ts';
import type {CliContext} from '../src/cli/types.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {startTestBroker} from './support/broker.ts';

const pki = (name: string): string => fileURLToPath(new URL(`fixtures/pki/${name}`, import.meta.url));
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'choria-signals-'));
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

function writeConfig(broker: string, more: Readonly<Record<string, string>> = {}): string {
  const path = join(directory, 'server.conf');
  const settings = {
    identity: 'n1.example.net',
    logfile: join(directory, 'server.log'),
    loglevel: 'info',
    collectives: 'mcollective',
    'plugin.choria.middleware_hosts': broker,
    'plugin.choria.use_srv': 'false',
    'plugin.choria.server.state_directory': join(directory, 'state'),
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': pki('node1.pem'),
    'plugin.security.file.key': pki('node1.key'),
    'plugin.security.file.ca': pki('ca.pem'),
    ...more,
  };
  writeFileSync(
    path,
    `${Object.entries(settings)
      .map(([key, value]) => `${key} = ${value}`)
      .join('\n')}\n`,
  );
  return path;
}

/** The command as the terminal starts it, its signals in the test's hands. */
function startServer(path: string) {
  const controller = new AbortController();
  const errors: string[] = [];
  let hangup = (): void => undefined;
  const platform = createNodePlatform();
  const sink = {isTerminal: false, columns: undefined};
  const context: CliContext = {
    platform: {
      ...platform,
      processes: {
        run: (request) => platform.processes.run(request),
        start: (request) => platform.processes.start(request),
      },
    },
    stdout: {...sink, write: () => undefined},
    stderr: {...sink, write: (text) => void errors.push(text)},
    stdin: {isTerminal: false, isPiped: false, readAll: () => Promise.resolve(Buffer.alloc(0))},
    signal: controller.signal,
    startedAtMs: platform.clock.nowMs(),
    onHangup: (action) => {
      hangup = action;
      return () => undefined;
    },
  };
  const ended = runServer(context, {command: [], arguments: {}, flags: {config: path, 'disable-tls': true}} as never);
  return {
    ended,
    errors,
    hangup: () => hangup(),
    stop: () => controller.abort(),
    log: () => (existsSync(join(directory, 'server.log')) ? readFileSync(join(directory, 'server.log'), 'utf8') : ''),
  };
}

const times = (text: string, words: string): number => text.split(words).length - 1;
const wait = {timeout: 15_000};

test('fault 57: SIGHUP opens the log again, takes a good configuration over and leaves a bad one alone', async () => {
  await using broker = await startTestBroker();
  const path = writeConfig(broker.url);
  const server = startServer(path);
  await expect.poll(() => times(server.log(), 'Choria Server version'), wait).toBe(1);
  await expect.poll(server.log, wait).toContain('Connected to');

  // As logrotate does it: the name goes away, then the signal comes, here many times.
  renameSync(join(directory, 'server.log'), join(directory, 'server.log.1'));
  for (let count = 0; count < 50; count++) server.hangup();
  await expect.poll(server.log, wait).toContain('the configuration is as it was');
  expect(times(server.log(), 'Opened the log again')).toBe(1);

  writeConfig(broker.url, {registerinterval: '77'});
  server.hangup();
  await expect.poll(server.log, wait).toContain('Changed settings: registerinterval.');
  await expect.poll(() => times(server.log(), 'Choria Server version'), wait).toBe(1);
  await expect.poll(() => times(server.log(), 'Connected to'), wait).toBe(1);

  // It parses, and no server can be made of it.
  writeConfig(broker.url, {'plugin.security.provider': 'nonsense'});
  server.hangup();
  await expect.poll(() => server.errors.join(''), wait).toContain('the earlier one is used');
  await expect.poll(() => times(server.log(), 'Connected to'), wait).toBe(2);

  rmSync(path);
  server.hangup();
  await expect.poll(server.log, wait).toContain('the earlier one stays');
  server.stop();
  expect(await server.ended).toBe(0);
}, 60_000);

test('a server that looks for the wrong broker takes the right one from SIGHUP', async () => {
  await using broker = await startTestBroker();
  const server = startServer(writeConfig('nats://127.0.0.1:1'));
  await expect.poll(server.log, wait).toContain('Initial connection to the Broker failed');
  writeConfig(broker.url);
  server.hangup();
  await expect.poll(server.log, wait).toContain('Connected to');
  server.stop();
  expect(await server.ended).toBe(0);
}, 60_000);
