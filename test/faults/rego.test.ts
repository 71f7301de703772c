/** Faults 40 and 41 at Rego policies: whatever goes wrong with them, the answer is no. What needs the real opa is in test/peers. */
import {gzipSync} from 'node:zlib';
import {describe, expect, test} from 'vitest';
import {
  authzLimits,
  createOpaCompiler,
  createRegoEngine,
  createRegoPolicy,
  createTokenPolicy,
  judgeAgentList,
  type RegoRunner,
  serverQuery,
} from '../../src/authz/index.ts';
import {AuthzError} from '../../src/authz/errors.ts';
import type {FakeProgram} from '../support/fake-platform.ts';
import {createFakePlatform} from '../support/fake-platform.ts';
import {systemError} from '../support/fake-files.ts';
import {createRecordingLogger} from '../support/recording-logger.ts';

const directory = '/etc/choria/policies/rego';
const policyPath = `${directory}/puppet.rego`;
const node = {factsJson: async () => Buffer.from('{}'), classes: async () => []};
const request = {agent: 'puppet', action: 'status', callerId: 'choria=bob', requestId: 'r1', rawData: {}};

/** A tar file with one member, as opa packs it. */
function bundleOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return gzipSync(Buffer.concat([header, content, padding, Buffer.alloc(1024)]));
}

function world(
  options: {
    readonly files?: Readonly<Record<string, string | Uint8Array>>;
    readonly opa?: FakeProgram;
    readonly value?: () => Promise<unknown>;
    readonly cacheDirectory?: string;
  } = {},
) {
  const fake = createFakePlatform({
    env: {PATH: '/usr/bin'},
    files: {[policyPath]: 'package io.choria.mcorpc.authpolicy\n', '/usr/bin/env': '', ...options.files},
    ...(options.opa === undefined ? {} : {programs: {'/usr/bin/opa': options.opa}}),
  });
  if (options.opa !== undefined) void fake.files.writeAtomic('/usr/bin/opa', 'x', {mode: 0o755});
  const asked: string[] = [];
  const runner: RegoRunner = {
    evaluate: (evaluation) => {
      asked.push(Buffer.from(evaluation.wasm).toString());
      return (options.value ?? (async () => true))();
    },
    close: async () => undefined,
  };
  const {cacheDirectory} = options;
  const compiler = createOpaCompiler({
    platform: fake.platform,
    ...(cacheDirectory === undefined ? {} : {cacheDirectory}),
  });
  const engine = createRegoEngine({compiler, runner, clock: fake.clock});
  const logger = createRecordingLogger();
  const policy = createRegoPolicy({files: fake.files, logger, directory, engine});
  return {...fake, asked, engine, logger, policy};
}

/** Plays opa: knows its functions, and puts a bundle where it was asked to. */
function playOpa(files: () => {put(path: string, data: Uint8Array): void}): FakeProgram {
  return ({args, cwd}) => {
    if (args[0] === 'capabilities') return {stdoutText: '{"builtins":[{"name":"http.send"},{"name":"count"}]}'};
    files().put(`${cwd}/bundle.tar.gz`, bundleOf('/policy.wasm', Buffer.from('compiled')));
    return {};
  };
}

describe('fault 40: a Rego policy that cannot be judged denies', () => {
  test('fault 40: without opa the message says what to do', async () => {
    const {policy, logger} = world();
    const verdict = await policy.authorize(request, node);
    expect(verdict.allowed).toBe(false);
    expect(verdict.reason).toContain('install opa 1.0 or newer');
    expect(verdict.reason).toContain('plugin.regopolicy.opa');
    expect(logger.lines.map(({level}) => level)).toEqual(['error']);
  });

  test.each<[string, FakeProgram]>([
    ['does not start', () => ({exitCode: 1, stderrText: 'Segmentation fault'})],
    ['knows no capabilities', () => ({stdoutText: 'opa 0.12'})],
    [
      'does not end',
      ({args}) => (args[0] === 'build' ? {exitCode: null, timedOut: true} : {stdoutText: '{"builtins":[]}'}),
    ],
    ['refuses the text', ({args}) => (args[0] === 'build' ? {exitCode: 1, stderrText: '1 error'} : {stdoutText: '{}'})],
    ['writes no bundle', () => ({stdoutText: '{"builtins":[]}'})],
  ])('fault 40: an opa that %s denies', async (_what, opa) => {
    expect((await world({opa}).policy.authorize(request, node)).allowed).toBe(false);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['is undefined', async () => undefined],
    ['is a text', async () => 'true'],
    ['is a number', async () => 1],
    ['is a list', async () => [true]],
    ['is null', async () => null],
    ['took too long', () => Promise.reject(new AuthzError('ERR_REGO_LIMIT', 'too long'))],
    ['failed', () => Promise.reject(new Error('unreachable'))],
  ])('fault 40: an answer that %s denies', async (_what, value) => {
    const {policy} = world({files: {[`${directory}/puppet.wasm`]: 'compiled'}, value});
    expect((await policy.authorize(request, node)).allowed).toBe(false);
  });

  test('fault 40: a missing policy denies, an unreadable one does not fall back to the default', async () => {
    const {policy, files} = world({files: {[`${directory}/default.wasm`]: 'compiled'}});
    expect((await policy.authorize({...request, agent: 'other'}, node)).allowed).toBe(true);
    files.fault = (_operation, path) => (path === policyPath ? systemError('EACCES', path) : undefined);
    expect((await policy.authorize(request, node)).allowed).toBe(false);
    const empty = world({files: {[policyPath]: new Uint8Array([0xff, 0xfe])}});
    expect((await empty.policy.authorize(request, node)).allowed).toBe(false);
  });

  test('fault 40: a policy is compiled without functions that reach out, once for each text', async () => {
    const built: string[] = [];
    const opa: FakeProgram = (run) => {
      if (run.args[0] === 'build') built.push(made.files.text(`${run.cwd}/capabilities.json`) ?? '');
      return playOpa(() => made.files)(run);
    };
    const made = world({opa});
    for (let count = 0; count < 3; count++) expect((await made.policy.authorize(request, node)).allowed).toBe(true);
    expect(built).toEqual(['{"builtins":[{"name":"count"}]}']);
    made.files.put(policyPath, 'package io.choria.mcorpc.authpolicy\n# changed\n');
    await made.policy.authorize(request, node);
    expect(built.length).toBe(2);
  });

  test('fault 40: a compiled policy on disk that others can write is not believed', async () => {
    const opa: FakeProgram = (run) => playOpa(() => made.files)(run);
    const made = world({opa, cacheDirectory: '/var/lib/choria/rego'});
    await made.policy.authorize(request, node);
    const [entry] = await made.files.list('/var/lib/choria/rego');
    const path = `/var/lib/choria/rego/${entry?.name ?? ''}`;
    await made.files.writeAtomic(path, 'forged', {mode: 0o666});
    const other = createOpaCompiler({platform: made.platform, cacheDirectory: '/var/lib/choria/rego'});
    const {wasm} = await other.compile('package io.choria.mcorpc.authpolicy\n', serverQuery);
    expect(Buffer.from(wasm).toString()).toBe('compiled');
  });

  test('fault 40: input beyond the limit denies', async () => {
    const {policy} = world({files: {[`${directory}/puppet.wasm`]: 'compiled'}});
    const rawData = {text: 'x'.repeat(authzLimits.regoInputBytesMax)};
    expect((await policy.authorize({...request, rawData}, node)).allowed).toBe(false);
  });
});

describe('fault 40: policies of tokens', () => {
  const claims = {purpose: 'choria_client_id'};
  test.each<[string, Readonly<Record<string, unknown>> | undefined]>([
    ['no claims', undefined],
    ['no policy', claims],
    ['both kinds', {...claims, agents: ['*'], opa_policy: 'package x'}],
    ['another purpose', {purpose: 'choria_server', agents: ['*']}],
    ['a list of nonsense', {...claims, agents: [1, null, {}]}],
    ['agents that are no list', {...claims, agents: '*'}],
    [
      'more agents than are judged',
      {...claims, agents: Array.from({length: authzLimits.tokenAgentsMax + 1}, () => '*')},
    ],
  ])('fault 40: %s denies', async (_what, held) => {
    const {engine, logger} = world();
    const policy = createTokenPolicy({engine, site: 'server', logger});
    const verdict = await policy.authorize({...request, ...(held === undefined ? {} : {claims: held})});
    expect(verdict.allowed).toBe(false);
  });

  test('an entry that fits counts before a bad one, a bad one before denies', () => {
    expect(judgeAgentList(['puppet.status', 'bad'], request)).toBe(true);
    expect(() => judgeAgentList(['bad', 'puppet.status'], request)).toThrow('invalid agent policy');
  });
});

describe('fault 41: an agent name never leads outside the directory of Rego policies', () => {
  test.each(['../../../tmp/evil', '/tmp/evil', '.', '..', '', 'evil\0', 'x'.repeat(5_000), 'a\\..\\b'])(
    'fault 41: %j',
    async (agent) => {
      const {policy, files} = world({files: {'/tmp/evil.wasm': 'compiled', '/tmp/evil.rego': 'x'}});
      const reads: string[] = [];
      files.fault = (_operation, path) => {
        reads.push(path);
        return undefined;
      };
      expect((await policy.authorize({...request, agent}, node)).allowed).toBe(false);
      expect(reads).toEqual([`${directory}/default.wasm`, `${directory}/default.rego`]);
    },
  );
});

test('a trace tells the lines that held and never what they were given', async () => {
  const {files, logger, engine} = world();
  const lines: (readonly number[] | Error)[] = [[3, 4], [], new Error('no opa here')];
  const traced = createRegoPolicy({
    files,
    logger,
    directory,
    isTracing: true,
    engine: {
      ...engine,
      decide: async () => true,
      coveredLines: async () => {
        const next = lines.shift();
        if (next instanceof Error || next === undefined) throw next;
        return next;
      },
    },
  });
  const secret = {...request, rawData: {password: 'hunter2'}};
  for (let count = 0; count < 3; count++) expect(await traced.authorize(secret, node)).toMatchObject({allowed: true});
  expect(logger.lines.map(({level, message}) => `${level} ${message}`)).toEqual([
    `info Policy trace: allowed by ${policyPath}; lines that held: 3, 4`,
    `info Policy trace: allowed by ${policyPath}; lines that held: none`,
    `info Policy trace: allowed by ${policyPath}; its lines are not known: no opa here`,
  ]);
  expect(JSON.stringify(logger.lines)).not.toContain('hunter2');
});
