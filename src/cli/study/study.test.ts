import {describe, expect, test} from 'vitest';
import {planFleet} from './plan.ts';
import {htmlReport} from './report-html.ts';
import {markdownReport, missedGoals} from './report-text.ts';
import {countAnswers, failuresOf, histogramOf, median, percentilesOf, type StudyReport} from './results.ts';
import {parsePing, parseRequest, repeat} from './scenarios.ts';

describe('the plan of a fleet', () => {
  test.each([
    [1000, {engine: 'embedded', brokers: 1, processes: 1}],
    [8000, {engine: 'embedded', brokers: 1, processes: 2}],
    [50_000, {engine: 'nats-server', brokers: 3, processes: 3}],
  ])('of %d servers has what their open files demand', (servers, plan) => {
    expect(planFleet({servers, isTls: true})).toEqual({servers, isTls: true, ...plan});
  });

  test('of several brokers is a cluster, whatever its size', () => {
    expect(planFleet({servers: 300, brokers: 3, isTls: true})).toMatchObject({engine: 'nats-server', brokers: 3});
  });

  test.each([
    [{servers: 0}, 'a fleet of 0 servers'],
    [{servers: 10, brokers: 2, engine: 'embedded' as const}, 'embedded brokers form no cluster'],
    [{servers: 10, processes: 11}, '11 emulator processes: expected 1 to 10'],
  ])('that cannot be is refused with what can: %j', (options, message) => {
    expect(() => planFleet({isTls: true, ...options})).toThrow(message);
  });
});

describe('reading what clients say', () => {
  test('a ping gives each answer with its time, doubles included', () => {
    const text =
      'node-1.example.net          time=12 ms\nnode-2.example.net   time=1300 ms\nnode-1.example.net   time=14 ms\n\n\n---- ping statistics ----\n3 replies max: 1.3s\n';
    const {names, times} = parsePing(text);
    expect(times).toEqual([12, 1300, 14]);
    expect(countAnswers(names, 3)).toEqual({expected: 3, answered: 2, lost: 1, doubled: 1});
  });

  test.each([
    ['Finished processing 998 / 1000 hosts in 1.25s', {answered: 998, asked: 1000, ms: 1250}],
    ['Finished processing 10 / 10 hosts in 97ms', {answered: 10, asked: 10, ms: 97}],
    ['Finished processing 9 / 10 hosts in 1m6.5s', {answered: 9, asked: 10, ms: 66_500}],
    ['choria: error: no broker', {answered: 0, asked: 0}],
  ])('a request ends with %j', (text, result) => {
    expect(parseRequest(`Discovering nodes\n\n${text}\n`)).toMatchObject(result);
  });
});

test('a scenario that takes too long begins no further run, and says so', async () => {
  let nowMs = 0;
  const words: string[] = [];
  const pace = {runs: 5, nowMs: () => nowMs, say: (text: string) => void words.push(text)};
  const outcome = await repeat(pace, async () => {
    nowMs += 200_000;
    return {seconds: 200, expected: 2, answered: 2, lost: 0, doubled: 0};
  });
  expect(outcome.runs).toHaveLength(3);
  expect(outcome.failures).toEqual(['3 of 5 runs were made in 420 s']);
  expect(words).toHaveLength(3);
});

describe('figures', () => {
  test('percentiles are answers that were given', () => {
    const times = Array.from({length: 100}, (_, index) => index + 1);
    expect(percentilesOf(times)).toEqual({p50: 50, p90: 90, p99: 99, max: 100});
    expect(percentilesOf([7])).toEqual({p50: 7, p90: 7, p99: 7, max: 7});
    expect(percentilesOf([])).toBeUndefined();
  });

  test('a histogram counts every answer once', () => {
    const histogram = histogramOf([0, 5, 10, 99, 100], 10);
    expect(histogram).toMatchObject({spanMs: 10});
    expect(histogram?.counts.reduce((sum, count) => sum + count, 0)).toBe(5);
  });

  test('the middle of the runs counts', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  test('one lost or doubled answer in any run fails the scenario', () => {
    const good = {seconds: 1, expected: 2, answered: 2, lost: 0, doubled: 0};
    expect(failuresOf([good, good])).toEqual([]);
    expect(failuresOf([good, {...good, answered: 1, lost: 1}])).toEqual(['1 answers were lost in 1 of 2 runs']);
    expect(failuresOf([{...good, doubled: 3}])).toEqual(['3 answers came twice']);
  });
});

describe('reports', () => {
  const run = {seconds: 0.3, expected: 1000, answered: 1000, lost: 0, doubled: 0};
  const report: StudyReport = {
    version: 1,
    program: 'choria 1.0.0',
    startedAt: '2026-11-21T12:00:00.000Z',
    machine: {cpus: 2, platform: 'linux x64', node: 'v20.20.2'},
    sizes: [
      {
        plan: planFleet({servers: 1000, isTls: true}),
        kilobytesPerServer: 100,
        brokerKilobytesPerServer: 50,
        scenarios: [
          {
            name: 'ping',
            title: 'choria ping, last answer <b>',
            runs: [{...run, percentiles: {p50: 100, p90: 200, p99: 290, max: 300}}],
            histogram: {spanMs: 10, counts: [1, 2, 3]},
            parts: [{part: 'broker 1', cpuSeconds: 0.5, rssMegabytes: 100}],
            goalSeconds: 0.25,
            notes: ['a remark'],
            failures: [],
          },
        ],
      },
    ],
    passed: true,
  };

  test('Markdown has the figures, the goal and the remarks', () => {
    const text = markdownReport(report);
    expect(text).toContain('## 1,000 servers in 1 processes, the embedded broker, mutual TLS, signed requests');
    expect(text).toContain('| 0.300 s | 0.300 s | 0.100 s, 0.200 s, 0.290 s | 1000 of 1000 | 0, 0 | 0.25 s: missed |');
    expect(text).toContain('broker 1: 0.50 s, 100 MB');
    expect(text).toContain('- ping: a remark');
  });

  test('missed goals are told one by one', () => {
    expect(missedGoals(report)).toEqual([
      'choria ping, last answer <b>, 1000 servers: 0.300 s, expected at most 0.25 s',
    ]);
  });

  test('HTML draws the answers and lets nothing from outside become markup', () => {
    const html = htmlReport(report);
    expect(html.match(/<svg /g)).toHaveLength(2);
    expect(html).toContain('choria ping, last answer &lt;b&gt;');
    expect(html).not.toContain('<b>');
    expect(html).not.toContain('<script');
  });
});
