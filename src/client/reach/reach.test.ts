import {describe, expect, test} from 'vitest';
import {FakeFleet, requestOptions, settle} from '../../../test/support/fake-fleet.ts';
import {createFakePlatform} from '../../../test/support/fake-platform.ts';
import {type Config, configFromEntries} from '../../config/index.ts';
import type {ActionDdl, AgentDdl} from '../../ddl/types.ts';
import {runRequest} from '../../rpc/index.ts';
import {createRequestRecords, type RequestRecord} from '../request-record.ts';
import {ceilingFor} from './ceiling.ts';
import {mayChange} from './changes.ts';
import {planRamp, quorumOf} from './ramp.ts';
import {loadRamp, type RampRecord, saveRamp} from './ramp-file.ts';
import {runRamp} from './run-ramp.ts';

const {platform} = createFakePlatform();

function configOf(entries: Readonly<Record<string, string>>): Promise<Config> {
  return configFromEntries({identity: 'client.example.net', ...entries}, {platform, mode: 'user'});
}

describe('ceilings', () => {
  const callerId = 'choria=alice.mcollective';

  test('without any setting there is none', async () => {
    expect(ceilingFor(await configOf({}), {callerId, maxNodes: undefined})).toBeUndefined();
  });

  test('the lowest of flag, general setting and the own entry counts', async () => {
    const config = await configOf({
      'plugin.choria.client.max_nodes': '50',
      'plugin.choria.client.ceilings': '/^choria=ops-/:500, choria=alice.mcollective:20, /./:1',
    });
    expect(ceilingFor(config, {callerId, maxNodes: undefined})).toMatchObject({nodes: 20});
    expect(ceilingFor(config, {callerId, maxNodes: 5})).toEqual({nodes: 5, source: '--max-nodes'});
    expect(ceilingFor(config, {callerId: 'choria=ops-1.mcollective', maxNodes: undefined})).toMatchObject({nodes: 50});
    expect(ceilingFor(config, {callerId: 'choria=bob.mcollective', maxNodes: undefined})).toMatchObject({nodes: 1});
  });

  test.each(['choria=alice.mcollective', 'choria=alice.mcollective:many', '/[/:5'])(
    'the entry %j is an error, because it must not mean no ceiling',
    async (text) => {
      const config = await configOf({'plugin.choria.client.ceilings': text});
      expect(() => ceilingFor(config, {callerId, maxNodes: undefined})).toThrow('plugin.choria.client.ceilings');
    },
  );
});

describe('what may change things', () => {
  const action = (name: string): ActionDdl => ({
    name,
    description: '',
    display: 'always',
    inputs: new Map(),
    outputs: new Map(),
    aggregates: [],
  });
  const agent = (name: string, actions: readonly object[] = []): AgentDdl => ({
    metadata: {
      name,
      description: '',
      author: '',
      license: '',
      version: '1.0.0',
      url: '',
      timeoutSeconds: 1,
      provider: '',
      service: false,
    },
    actions: [],
    document: {actions},
  });

  test.each([
    ['rpcutil', 'ping', false],
    ['choria_util', 'anything', false],
    ['package', 'install', true],
    ['package', 'status', false],
    ['service', 'restart', true],
    ['puppet', 'last_run_summary', true],
    ['users', 'get_shell', false],
    ['users', 'getaway', true],
  ])('%s#%s: %s', (agentName, name, expected) => {
    expect(mayChange(agent(agentName), action(name))).toBe(expected);
  });

  test('a description has the last word', () => {
    const said = agent('package', [
      {action: 'status', changes: true},
      {action: 'install', changes: false},
      {action: 'purge', changes: 'no'},
    ]);
    expect(mayChange(said, action('status'))).toBe(true);
    expect(mayChange(said, action('install'))).toBe(false);
    expect(mayChange(said, action('purge'))).toBe(true);
  });
});

describe('a quorum', () => {
  test('rounds up, so that it is never less than it says', () => {
    expect(quorumOf('90%', 2)).toBe(2);
    expect(quorumOf('50%', 3)).toBe(2);
    expect(quorumOf('100%', 7)).toBe(7);
    expect(() => quorumOf('5', 7)).toThrow('expected a percentage');
  });
});

describe('the file of a ramp', () => {
  const record: RampRecord = {
    agent: 'rpcutil',
    action: 'ping',
    collective: 'mcollective',
    startedAtMs: 1,
    plan: planRamp(['a', 'b', 'c', 'd'], {ramp: '1,2,100%', stopOnFailures: '50%'}),
    asked: 0,
  };

  test('comes back as it was written', async () => {
    const {files} = createFakePlatform();
    await saveRamp(files, '/state/ramps/x.json', {...record, asked: 2});
    expect(await loadRamp(files, '/state/ramps/x.json')).toEqual({...record, asked: 2});
  });

  test('is written before each step, and removed when all were asked', async () => {
    const {files} = createFakePlatform();
    const fleet = new FakeFleet();
    const path = '/state/ramps/x.json';
    const seen: number[] = [];
    const running = runRamp(record, {
      files,
      path,
      request: async (targets) => {
        seen.push((await loadRamp(files, path)).asked);
        const request = runRequest(fleet.messenger(), requestOptions({targets}));
        await settle();
        for (const target of targets) fleet.answer(target, {request: `id${seen.length}`});
        return request;
      },
    });
    const {state, statistics} = await running;
    expect(seen).toEqual([1, 2, 4]);
    expect(state).toEqual({asked: 4, ok: 4, failures: 0, status: 'finished'});
    expect(statistics).toMatchObject({requestId: 'id1', discovered: 4, responses: 4, noResponses: []});
    await expect(loadRamp(files, path)).rejects.toThrow('Cannot resume');
  });

  test('stays when the ramp stops', async () => {
    const {files} = createFakePlatform();
    const fleet = new FakeFleet();
    const path = '/state/ramps/x.json';
    const {state} = await runRamp(record, {
      files,
      path,
      request: async (targets) => {
        const request = runRequest(fleet.messenger(), requestOptions({targets}));
        await settle();
        for (const target of targets) fleet.answer(target, {body: {statuscode: 5, statusmsg: 'no', data: {}}});
        return request;
      },
    });
    expect(state).toMatchObject({status: 'stopped', asked: 1, failures: 1});
    expect(await loadRamp(files, path)).toMatchObject({asked: 1});
  });
});

describe('the record of requests', () => {
  const record = (index: number): RequestRecord => ({
    requestId: index.toString(16).padStart(32, '0'),
    agent: 'rpcutil',
    action: 'ping',
    collective: 'mcollective',
    startedAtMs: 1_700_000_000_000 + index,
    targets: 1,
    ok: 0,
    failed: 0,
    knowsConnected: true,
    troubles: [{identity: 'n1', reason: 'lost', words: 'lost its connection'}],
    troubleCount: 1,
  });

  test('keeps the last ones, newest first', async () => {
    const {files} = createFakePlatform();
    const records = createRequestRecords({files, directory: '/state'});
    expect(await records.list()).toEqual([]);
    for (let index = 0; index < 60; index++) await records.save(record(index));
    const list = await records.list();
    expect(list).toHaveLength(50);
    expect(list[0]).toEqual(record(59));
    expect(await records.find(record(20).requestId)).toEqual(record(20));
    expect(await records.find(record(5).requestId)).toBeUndefined();
  });

  test('a damaged file explains nothing and hides nothing', async () => {
    const {files} = createFakePlatform({
      files: {'/state/requests/1700000000000-00.json': '{', '/state/requests/x': ''},
    });
    const records = createRequestRecords({files, directory: '/state'});
    await records.save(record(1));
    expect(await records.list()).toEqual([record(1)]);
  });
});
