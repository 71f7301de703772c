/**
 * Every way in which a node can fail a request, told with its reason: at the command line in text and JSON, and by `choria why` for the
 * request and for the node. Real processes are killed and stopped, a real policy denies, real clocks are wrong.
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {loadConfig} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {agentDdlJson, defineAction, defineAgent, type DefinedAgent} from '../../src/rpc/index.ts';
import {createServer} from '../../src/server/index.ts';
import {startAnsweringNodes} from '../support/answering-nodes.ts';
import {startTestBroker, type TestBroker} from '../support/broker.ts';
import {runCliForTest} from '../support/cli.ts';
import {createOrganization, type Organization} from '../support/organization.ts';

const pki = fileURLToPath(new URL('../fixtures/pki/', import.meta.url));
const program = fileURLToPath(new URL('../fixtures/programs/plain-server.ts', import.meta.url));
const platform = createNodePlatform();
type Entries = Readonly<Record<string, string>>;

function workAgent(
  version: string,
  actions: Readonly<Record<string, () => Promise<object>>>,
  timeoutSeconds = 2,
): DefinedAgent {
  const entries = Object.entries(actions).map(([name, run]) => {
    return [name, defineAction({description: `Does ${name}`, inputs: {}, outputs: {}, run})] as const;
  });
  return defineAgent({
    name: 'work',
    description: 'Works',
    author: 'Test',
    license: 'Apache-2.0',
    version,
    url: 'https://example.net',
    timeoutSeconds,
    actions: Object.fromEntries(entries),
  });
}

const done = (): Promise<object> => Promise.resolve({});
const never = (): Promise<object> => new Promise(() => undefined);
const current = workAgent('2.0.0', {run: done, extra: done});

describe('a request to nodes that all fail in another way', () => {
  let directory: string;
  let broker: TestBroker;
  let organization: Organization;
  const stops: (() => Promise<unknown>)[] = [];

  const security = (name: string): Entries => ({
    'plugin.choria.use_srv': 'false',
    'plugin.choria.middleware_hosts': broker.url,
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': `${pki}${name}.pem`,
    'plugin.security.file.key': `${pki}${name}.key`,
    'plugin.security.file.ca': `${pki}ca.pem`,
  });
  const write = (path: string, text: string): string => {
    const full = join(directory, path);
    mkdirSync(join(full, '..'), {recursive: true});
    writeFileSync(full, text);
    return full;
  };
  const configFile = (name: string, entries: Entries): string => {
    const lines = Object.entries(entries).map(([key, value]) => `${key} = ${value}\n`);
    return write(`${name}/server.conf`, lines.join(''));
  };
  const nodeEntries = (name: string, more: Entries = {}): Entries => ({
    identity: `${name}.example.net`,
    collectives: 'mcollective',
    main_collective: 'mcollective',
    rpcauthorization: '0',
    ...security('node1'),
    ...more,
  });

  async function node(
    name: string,
    options: {readonly entries?: Entries; readonly agent?: DefinedAgent; readonly platform?: Platform} = {},
  ): Promise<void> {
    const own = options.platform ?? platform;
    const path = configFile(name, nodeEntries(name, options.entries));
    const config = await loadConfig({platform: own, mode: 'server', path});
    const server = await createServer({
      config,
      platform: own,
      memory: 'memory',
      agents: [options.agent ?? current],
      agentProviders: [],
    });
    await server.start();
    stops.push(() => server.stop({graceMs: 0}));
  }

  /** A node in a process of its own, once it is up. */
  async function childNode(name: string): Promise<{
    readonly child: ChildProcess;
    readonly line: (text: string) => Promise<void>;
  }> {
    const child = spawn(process.execPath, ['--import', 'tsx', program, configFile(name, nodeEntries(name))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    const waiting = new Set<() => void>();
    child.stdout?.on('data', (data: Buffer) => {
      output += data.toString();
      for (const look of waiting) look();
    });
    stops.push(async () => {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
    });
    const line = (text: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!output.includes(`${text}\n`)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    await line('ready');
    return {child, line};
  }

  async function killed(child: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** A server is up a moment before the broker has all its subscriptions: stopped then, it would count as not connected. */
  async function blocked(node: {readonly child: ChildProcess}): Promise<void> {
    let heard = '';
    while (!heard.includes('blocked.example.net')) heard = (await cli(['ping', '-I', 'blocked.example.net'])).stdout;
    node.child.kill('SIGSTOP');
  }

  function cli(argv: readonly string[], config = 'client.conf') {
    return runCliForTest({
      argv: ['choria', ...argv, '--config', `${directory}/${config}`],
      env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective'},
      mounts: [directory, pki].map((path) => ({virtual: path.replace(/\/$/, ''), real: path.replace(/\/$/, '')})),
    });
  }

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'choria-reasons-'));
    // Everybody comes in, with certificates and with tokens; only nodes decide in this test.
    broker = await startTestBroker({
      tls: true,
      accounts: ['choria'],
      authenticator: {
        isNonceNeeded: true,
        isAnnounced: false,
        authenticate: () => ({isAdmitted: true, account: 'choria', user: 'anybody'}),
      },
    });
    organization = createOrganization();
    write('lib/choria/agent/work.json', agentDdlJson(current));
    const entries = {
      identity: 'client.example.net',
      libdir: `${directory}/lib`,
      loglevel: 'error',
      // With the agent's 2 s a request lasts 4 s: the word of a node that is done after 2 has its time on a busy machine too.
      discovery_timeout: '2',
      'plugin.choria.client.state_directory': `${directory}/state`,
      ...security('alice'),
    };
    const writeClient = (name: string, changes: Entries): string =>
      write(
        name,
        Object.entries({...entries, ...changes})
          .map(([key, value]) => `${key} = ${value}\n`)
          .join(''),
      );
    writeClient('client.conf', {});
    // Requests of a quarter of an hour: only what is known, and never their time, ends them in a test.
    writeClient('patient.conf', {discovery_timeout: '900'});
    const shift = (ms: number): Platform => ({
      ...platform,
      clock: {
        nowMs: () => platform.clock.nowMs() + ms,
        monotonicMs: () => platform.clock.monotonicMs(),
        setTimer: (callback, delayMs, options) => platform.clock.setTimer(callback, delayMs, options),
      },
    });
    const tokens = await organization.server('tokens.example.net');
    write('denied/policies/work.policy', 'policy default deny\nallow choria=bob.mcollective * * *\n');
    const started = [
      childNode('killed').then(({child}) => killed(child)),
      childNode('blocked').then(blocked),
      node('well'),
      node('denied', {entries: {rpcauthorization: '1', rpcauthprovider: 'action_policy'}}),
      node('ahead', {platform: shift(120_000)}),
      node('behind', {platform: shift(-120_000)}),
      node('slow', {agent: workAgent('2.0.0', {run: done, extra: never}, 30)}),
      node('endless', {agent: workAgent('2.0.0', {run: done, extra: never})}),
      node('old', {agent: workAgent('1.0.0', {run: done})}),
      node('tokens', {entries: {...organization.entries(tokens), 'plugin.security.choria.sign_replies': 'false'}}),
      startAnsweringNodes({
        url: broker.url,
        names: ['stranger.example.net'],
        agents: ['discovery', 'work'],
        answer: () => undefined,
      }).then((nodes) => stops.push(() => nodes.stop())),
    ];
    await Promise.all(started);
  }, 60_000);

  afterAll(async () => {
    await Promise.all(stops.map((stop) => stop()));
    await broker[Symbol.asyncDispose]();
    organization[Symbol.dispose]();
    rmSync(directory, {recursive: true, force: true});
  });

  const silent: Readonly<Record<string, readonly [reason: string, words: RegExp]>> = {
    killed: ['not-connected', /is not connected to the broker/],
    blocked: ['unresponsive', /connected and gave no sign: stopped, blocked or overloaded/],
    ahead: ['expired', /its clock is 1(?:19|20|21) s ahead of this one/],
    behind: ['expired', /its clock is 1(?:19|20|21) s behind this one/],
    slow: ['running', /was still running the action when the time was over/],
    endless: ['timed-out', /did not end the action in the time that the agent has/],
    tokens: ['protocol', /speaks another version of the protocol/],
    stranger: ['other-version', /runs another program or version/],
  };
  const answering: Readonly<Record<string, readonly [reason: string, words: RegExp]>> = {
    denied: ['denied', /denied the request by its policy/],
    old: ['other-agent-version', /in a version that does not know the action/],
  };
  const names = ['well', ...Object.keys(silent), ...Object.keys(answering)];
  const request = ['req', 'work', 'extra', ...names.flatMap((name) => ['-I', `${name}.example.net`]), '--verbose'];

  test('each is named with its own reason, in JSON, in text, and afterwards', async () => {
    const [json, text] = await Promise.all([cli([...request, '--json']), cli([...request, '--np'])]);
    expect(json.exit, json.stdout).toBe(0);
    const {request_stats: stats, replies} = JSON.parse(json.stdout) as {
      readonly request_stats: {
        readonly requestid: string;
        readonly no_responses: readonly string[];
        readonly no_response_reasons: readonly {sender: string; reason: string; description: string}[];
      };
      readonly replies: readonly {sender: string; statuscode: number}[];
    };
    expect(Object.fromEntries(replies.map(({sender, statuscode}) => [sender, statuscode]))).toEqual({
      'well.example.net': 0,
      'denied.example.net': 1,
      'old.example.net': 2,
    });
    const told = Object.fromEntries(stats.no_response_reasons.map((item) => [item.sender, item]));
    for (const [name, [reason, words]] of Object.entries(silent)) {
      const sender = `${name}.example.net`;
      expect(told[sender], sender).toMatchObject({reason, description: expect.stringMatching(words) as string});
      expect(text.stdout).toMatch(new RegExp(`^    ${sender.replaceAll('.', '\\.')} .*${words.source}`, 'm'));
    }
    expect(stats.no_responses.toSorted()).toEqual(Object.keys(told).toSorted());
    expect(Object.keys(told)).toHaveLength(Object.keys(silent).length);

    const why = await cli(['why', stats.requestid]);
    for (const [name, [, words]] of Object.entries({...silent, ...answering})) {
      expect(why.stdout).toMatch(new RegExp(`^    ${name}\\.example\\.net .*${words.source}`, 'm'));
    }
    const model = JSON.parse((await cli(['why', stats.requestid, '--json'])).stdout) as {
      readonly nodes: readonly {sender: string; reason: string}[];
    };
    expect(Object.fromEntries(model.nodes.map(({sender, reason}) => [sender.split('.')[0], reason]))).toEqual(
      Object.fromEntries(Object.entries({...silent, ...answering}).map(([name, [reason]]) => [name, reason])),
    );
  }, 40_000);

  test.each<[string, RegExp]>([
    ['killed', /^killed\.example\.net is not connected to the broker\n/],
    ['ahead', /^ahead\.example\.net took the request for too old.*1\d\d s ahead of this one\n/],
    ['behind', /^behind\.example\.net took the request for too old.*1\d\d s behind this one\n/],
    ['tokens', /^tokens\.example\.net speaks another version of the protocol/],
    [
      'denied',
      /^denied\.example\.net denied the request by its policy[^]*In earlier requests it:[^]*denied the request by its policy/,
    ],
    ['slow', /^slow\.example\.net answers[^]*was still running the action/],
    ['old', /^old\.example\.net answers[^]*work: version 1\.0\.0 there, the description here is of version 2\.0\.0/],
    ['well', /^well\.example\.net answers, in \d+ ms\n$/],
  ])('why tells what is known of %s now and before', async (name, words) => {
    const {stdout, exit} = await cli(['why', `${name}.example.net`]);
    expect(exit).toBe(0);
    expect(stdout).toMatch(words);
  });

  test('a request ends when all that it waits for were killed while they worked, and names them', async () => {
    const dying = await Promise.all(['dying1', 'dying2'].map((name) => childNode(name)));
    const nodes = ['dying1', 'dying2', 'well'].flatMap((name) => ['-I', `${name}.example.net`]);
    const asked = cli(['req', 'work', 'extra', ...nodes, '--json', '--verbose'], 'patient.conf');
    await Promise.all(dying.map(({line}) => line('running')));
    await Promise.all(dying.map(({child}) => killed(child)));
    const {request_stats: stats} = JSON.parse((await asked).stdout) as {
      readonly request_stats: {
        readonly requestid: string;
        readonly ok: number;
        readonly no_response_reasons: readonly {sender: string; reason: string; description: string}[];
      };
    };
    expect(stats.ok).toBe(1);
    expect(Object.fromEntries(stats.no_response_reasons.map(({sender, reason}) => [sender, reason]))).toEqual({
      'dying1.example.net': 'lost',
      'dying2.example.net': 'lost',
    });
    const why = await cli(['why', stats.requestid]);
    expect(why.stdout).toMatch(/^    dying1\.example\.net was lost mid-request/m);
  }, 60_000);
});
