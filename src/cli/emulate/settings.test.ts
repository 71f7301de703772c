import {describe, expect, test} from 'vitest';
import {FakeFiles} from '../../../test/support/fake-files.ts';
import {createFakePlatform} from '../../../test/support/fake-platform.ts';
import type {ParsedArguments} from '../types.ts';
import {parseSample, prometheusText, statusDocument, sumSamples} from './metrics.ts';
import {hugePagesTunables} from './limits.ts';
import {childSettings, shares, startProcesses} from './processes.ts';
import {readEmulateSettings} from './settings.ts';

const defaults = {
  count: 10,
  first: 0,
  processes: 1,
  identity: 'emulated-{n:5}.example.net',
  tls: true,
  rate: 0,
  'starts-at-once': 64,
  monitor: 0,
};

async function read(flags: Readonly<Record<string, unknown>>, file?: string) {
  const files = new FakeFiles();
  await files.makeDirectory('/etc', {mode: 0o755});
  if (file !== undefined) await files.writeAtomic('/etc/emulate.yaml', file, {mode: 0o600});
  const parsed: ParsedArguments = {
    command: ['emulate'],
    flags: {...defaults, ...(file === undefined ? {} : {file: '/etc/emulate.yaml'}), ...flags},
    arguments: {},
    given: new Set(Object.keys(flags)),
  };
  return readEmulateSettings(parsed, files);
}

describe('settings of the emulator', () => {
  test('come from a file, and a flag that was given wins', async () => {
    const settings = await read(
      {count: 7},
      `
count: 1000
processes: 4
facts: {country: "{pick:mt|de}", cpus: 4}
collectives: 3
tls: false
huge_pages: true
ca_key: authority/ca.key
agents:
  - emulated0
  - {name: slow, delay: 100ms-2s, fail: 5, reply: 1024}
`,
    );
    expect(settings).toMatchObject({
      count: 7,
      processes: 4,
      facts: {country: '{pick:mt|de}', cpus: '4'},
      collectives: ['mcollective', 'collective1', 'collective2'],
      isTls: false,
      isHugePages: true,
      caKey: '/etc/authority/ca.key',
      agents: [
        {name: 'emulated0'},
        {name: 'slow', delayMs: {min: 100, max: 2000}, failureRate: 0.05, replyBytes: 1024},
      ],
    });
  });

  test.each([
    ['3', ['emulated0', 'emulated1', 'emulated2'], {}],
    ['slow:delay=1s', ['slow'], {delayMs: {min: 1000, max: 1000}}],
    ['flaky:fail=2.5%,reply=10', ['flaky'], {failureRate: 0.025, replyBytes: 10}],
  ])('the agent %s is %j', async (text, names, first) => {
    const {agents} = await read({agent: [text]});
    expect(agents.map((agent) => agent.name)).toEqual(names);
    expect(agents[0]).toMatchObject(first);
  });

  test.each([
    ['agent', ['Slow'], 'Cannot use the agent {"name":"Slow"}'],
    ['agent', ['slow:speed=1'], 'at most delay, fail, reply'],
    ['agent', ['slow:delay=2s-1s'], 'The delay of the agent slow is "2s-1s"'],
    ['agent', ['slow:fail=101'], 'expected per cent from 0 to 100'],
    ['count', 0, 'count is 0, expected a whole number from 1'],
    ['processes', 1000, 'processes is 1000'],
  ])('refuses --%s %j and says what is right', async (flag, value, message) => {
    await expect(read({[flag]: value})).rejects.toThrow(message);
  });

  test.each([
    ['cuont: 5', '"cuont" is not one of name, count'],
    ['- 1', 'expected keys and values'],
    ['count: [', 'Cannot read "/etc/emulate.yaml"'],
    ['facts: [1]', 'expected names with their values'],
  ])('refuses the file %j and says what is right', async (text, message) => {
    await expect(read({}, text)).rejects.toThrow(message);
  });
});

describe('several processes', () => {
  test('have all servers, each once, and as even shares as can be', () => {
    expect(shares({count: 10, first: 100, processes: 3})).toEqual([
      {first: 100, count: 3},
      {first: 103, count: 3},
      {first: 106, count: 4},
    ]);
    expect(shares({count: 2, first: 0, processes: 8})).toHaveLength(2);
  });

  test('read their settings as they were given', async () => {
    const settings = await read({agent: ['slow:delay=1s-2s,fail=5,reply=9'], count: 100, rate: 50, tls: false});
    const file = childSettings(settings, {share: {first: 40, count: 20}, workingDirectory: '/srv'});
    const again = await read({}, JSON.stringify(file));
    expect(again).toEqual({...settings, first: 40, count: 20, rate: 10, startsAtOnce: 13});
  });

  test('find the authority that was named relative to where the command was given', async () => {
    const settings = await read({'ca-key': 'authority/ca.key', ca: '/etc/ca.pem'});
    expect(childSettings(settings, {share: {first: 0, count: 1}, workingDirectory: '/srv'})).toMatchObject({
      ca: '/etc/ca.pem',
      ca_key: '/srv/authority/ca.key',
    });
  });
});

describe('memory in huge pages', () => {
  const environments = async (flags: object, env: Readonly<Record<string, string>> = {}) => {
    const {platform, runs} = createFakePlatform({env, programs: {'/usr/bin/node': () => ({})}});
    const settings = await read({count: 4, processes: 2, ...flags});
    const processes = await startProcesses(platform, {settings, configPath: '/etc/server.conf', metricsMs: 1000});
    processes.ended.catch(() => undefined);
    await processes.stop();
    return runs.map((run) => run.env['GLIBC_TUNABLES']);
  };

  test('is asked of the C library of each process, and of none when nobody asked for it', async () => {
    expect(await environments({'huge-pages': true})).toEqual(Array(2).fill(hugePagesTunables));
    expect(await environments({})).toEqual([undefined, undefined]);
  });

  test('leaves settings of the C library alone that somebody made', async () => {
    const own = 'glibc.malloc.check=3';
    expect(await environments({'huge-pages': true}, {GLIBC_TUNABLES: own})).toEqual([own, own]);
  });
});

describe('the figures of an emulator', () => {
  const one = {
    servers: 10,
    connected: 9,
    total: 100,
    passed: 90,
    filtered: 10,
    replies: 90,
    replayed: 0,
    refused: 0,
    rssMegabytes: 100.5,
    heapMegabytes: 20,
    cpuSeconds: 1.5,
    pid: 7,
  };

  test('of several processes are added up', () => {
    expect(sumSamples([one, one], 1)).toMatchObject({
      servers: 20,
      connected: 18,
      rssMegabytes: 201,
      cpuSeconds: 3,
      pid: 1,
    });
    expect(sumSamples([], 1).servers).toBe(0);
  });

  test('are read back from a line, and other lines are none', () => {
    expect(parseSample(JSON.stringify({event: 'metrics', time: 1, ...one}))).toEqual(one);
    for (const line of ['', 'words', '{"event":"started","servers":1}', '{broken'])
      expect(parseSample(line)).toBeUndefined();
  });

  test('are told to Prometheus and in the form of the reference', () => {
    expect(prometheusText(one)).toContain(
      '# TYPE choria_emulator_replies_total counter\nchoria_emulator_replies_total 90\n',
    );
    expect(JSON.parse(statusDocument(one, {name: 'lab', isTls: true}))).toMatchObject({
      name: 'lab',
      config: {pid: 7, TLS: 1},
      memstats: {Sys: 105_381_888},
    });
  });
});
