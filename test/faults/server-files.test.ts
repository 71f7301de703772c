/** Each file that a server reads while it lives, in every state that a file can be in: the server goes on, and says so. */
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createServer} from '../../src/server/index.ts';
import {createRecordingLogger} from '../support/recording-logger.ts';
import {
  HandHeldConnection,
  openPublished,
  replyTo,
  signedRequest,
  testIdentity,
  testProvider,
} from '../support/test-server.ts';

const platform = createNodePlatform();
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'choria-files-'));
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

/** Puts something in the place of a file. */
const states: readonly (readonly [string, (path: string) => void])[] = [
  ['missing', () => undefined],
  ['empty', (path) => writeFileSync(path, '')],
  ['half written', (path) => writeFileSync(path, '{"country": "m')],
  ['binary', (path) => writeFileSync(path, Buffer.from([0, 255, 254, 128, 10, 0]))],
  [
    'huge',
    (path) => {
      writeFileSync(path, 'x');
      truncateSync(path, 2 ** 31);
    },
  ],
  ['a FIFO', (path) => execFileSync('mkfifo', [path])],
  ['a directory', (path) => mkdirSync(path)],
  ['a link to a device without end', (path) => symlinkSync('/dev/zero', path)],
  ['a link to itself', (path) => symlinkSync(path, path)],
];

/** Names relative to the configuration's directory, and the setting that names them. */
const files: readonly (readonly [string, string, string])[] = [
  ['facts', 'facts.json', 'plugin.yaml'],
  ['classes', 'classes.txt', 'classesfile'],
  ['the policy of the agent', 'policies/rpcutil.policy', ''],
  ['the file to register', 'register.json', 'plugin.choria.registration.file_content.data'],
  ['the spool of submissions', 'spool', 'plugin.choria.submission.spool'],
  ['the spool of jobs', 'jobs', 'plugin.choria.executor.spool'],
  ['the status file', 'status.json', 'plugin.choria.status_file_path'],
];

const goodPolicy = 'policy default deny\nallow\tchoria=alice.mcollective\tping\t*\t*\n';

async function startServer(name: string, setting: string) {
  const connection = new HandHeldConnection();
  const logger = createRecordingLogger();
  const isPolicy = setting === '';
  mkdirSync(join(directory, 'policies'), {recursive: true});
  if (!isPolicy) writeFileSync(join(directory, 'policies', 'rpcutil.policy'), goodPolicy);
  const entries = {
    identity: testIdentity,
    collectives: 'mcollective',
    rpcauthorization: '1',
    rpcauthprovider: 'action_policy',
    'plugin.choria.executor.enabled': '1',
    ...(setting.includes('registration')
      ? {registration: 'file_content', registerinterval: '1', registration_splay: '0'}
      : {}),
    ...(isPolicy ? {} : {[setting]: join(directory, name)}),
  };
  const config = await configFromEntries(entries, {platform, mode: 'server', path: join(directory, 'server.conf')});
  const server = await createServer({
    config,
    platform,
    logger,
    provider: testProvider('node1', testIdentity),
    memory: 'memory',
    agentProviders: [],
    connect: () => Promise.resolve(connection),
  });
  await server.start();
  return {server, connection, logger};
}

async function ping(
  connection: HandHeldConnection,
): Promise<{readonly statuscode: number; readonly statusmsg: string}> {
  const before = connection.published.length;
  const message = await signedRequest({agent: 'rpcutil', body: '{"agent":"rpcutil","action":"ping","data":{}}'});
  connection.subjects.get(`mcollective.node.${testIdentity}`)?.handler({
    subject: `mcollective.node.${testIdentity}`,
    replyTo: undefined,
    headers: undefined,
    payload: message,
  });
  const answer = () => connection.published.slice(before).find(({subject}) => subject === replyTo);
  await expect.poll(answer, {timeout: 10_000, interval: 5}).toBeDefined();
  const published = answer();
  if (published === undefined) throw new Error('no answer');
  return JSON.parse(openPublished(published).body.toString('utf8')) as {statuscode: number; statusmsg: string};
}

describe.each(files)('fault 80: %s', (_what, name, setting) => {
  test.each(states)('%s', async (_state, put) => {
    const path = join(directory, name);
    mkdirSync(dirname(path), {recursive: true});
    put(path);
    const {server, connection, logger} = await startServer(name, setting);
    try {
      // What is read at each use is read here, and bounded in time by the test.
      expect(JSON.parse((await server.node.factsJson()).toString('utf8'))).toEqual({});
      await server.node.classes();
      const {statuscode, statusmsg} = await ping(connection);
      // A policy that cannot be read allows nothing; everything else does not matter to a ping.
      expect([statuscode, statusmsg]).toEqual(
        setting === '' ? [1, 'You are not authorized to call this agent or action'] : [0, 'OK'],
      );
      expect(server.state).toBe('running');
    } finally {
      await server.stop({graceMs: 0});
    }
    expect(logger.lines.filter((line) => line.level === 'fatal')).toEqual([]);
  });
});

test('fault 80: a fact file that cannot be read is told, with its name', async () => {
  execFileSync('mkfifo', [join(directory, 'facts.json')]);
  const {server, logger} = await startServer('facts.json', 'plugin.yaml');
  await server.node.factsJson();
  await server.stop({graceMs: 0});
  expect(JSON.stringify(logger.lines)).toContain('facts.json');
});
