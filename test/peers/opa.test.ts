/** Rego in the real engine, compiled by the real opa. Needs `opa` on the PATH or in Go's directory of programs. */
import {afterAll, describe, expect, test} from 'vitest';
import {
  createLocalRegoEngine,
  createOpaCompiler,
  createRegoEngine,
  createRegoRunner,
  serverQuery,
  tokenQuery,
} from '../../src/authz/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createJudgeEngine, platformWithOpa} from '../conformance/judges/security/_rego.ts';

const platform = platformWithOpa(createNodePlatform());
const engine = createJudgeEngine();
afterAll(() => engine.close());

const server = (body: string): string => `package io.choria.mcorpc.authpolicy\n\ndefault allow := false\n\n${body}\n`;
const token = (body: string): string => `package io.choria.aaasvc\n\ndefault allow = false\n\n${body}\n`;

describe('rego', () => {
  test('fault 40: a policy that does not come to an end is denied in time, and the next one is judged', async () => {
    const bounded = createRegoEngine({
      compiler: createOpaCompiler({platform}),
      runner: createRegoRunner({clock: platform.clock, evaluateMs: 100, pagesMax: 32_768}),
      clock: platform.clock,
    });
    const loop = server(
      'allow if { some a in numbers.range(1, 3000); some b in numbers.range(1, 3000); some c in numbers.range(1, 3000); (a * b) * c == -1 }',
    );
    const [looped, other] = await Promise.allSettled([
      bounded.decide(loop, {query: serverQuery, input: {}}),
      bounded.decide(server('allow if { input.a == 1 }'), {query: serverQuery, input: {a: 1}}),
    ]);
    expect(looped).toMatchObject({status: 'rejected', reason: {code: 'ERR_REGO_LIMIT'}});
    expect(other).toEqual({status: 'fulfilled', value: true});
    await bounded.close();
  });

  test('fault 40: a policy that wants all memory is denied', async () => {
    const bounded = createRegoEngine({
      compiler: createOpaCompiler({platform}),
      runner: createRegoRunner({clock: platform.clock, pagesMax: 64}),
      clock: platform.clock,
    });
    const greedy = server('allow if { count([x | some x in numbers.range(1, 10000000)]) > 0 }');
    await expect(bounded.decide(greedy, {query: serverQuery, input: {}})).rejects.toThrow('Cannot judge the request');
    await bounded.close();
  });

  test.each([
    ['is not there', createLocalRegoEngine({platform: {...platform, env: {PATH: '/nowhere'}}}), 'install opa'],
    ['is another file', createLocalRegoEngine({platform, program: '/nowhere/opa'}), 'was not found'],
  ])('fault 40: an opa that %s denies', async (_what, broken, text) => {
    await expect(broken.decide(server(''), {query: serverQuery, input: {}})).rejects.toThrow(text);
    await broken.close();
  });

  test('policies of tokens may be written in the old syntax, those of servers may not', async () => {
    expect(await engine.decide(token('allow { input.a == 1 }'), {query: tokenQuery, input: {a: 1}})).toBe(true);
    await expect(engine.decide(server('allow { true }'), {query: serverQuery, input: {}})).rejects.toThrow(
      'rego_parse_error',
    );
  });

  test('the lines of a policy that hold for an input can be told', async () => {
    const text = server('allow if {\n  input.a == 1\n}\n\nallow if { input.b == 1 }');
    const covered = (input: object) => engine.coveredLines(text, {query: serverQuery, input});
    expect(await covered({b: 1})).toEqual([9]);
    expect(await covered({a: 2})).toEqual([3]);
  });

  test.each([
    ['time.clock(time.parse_rfc3339_ns(input.time))[0] >= 3', true],
    ['time.weekday(time.parse_rfc3339_ns(input.time)) in {"Monday", "Friday"}', false],
    ['time.date(time.parse_rfc3339_ns(input.time)) == [2026, 11, 21]', true],
    ['startswith(input.data.version, "1.")', true],
    ['regex.match(`^1[.]`, input.data.version)', true],
    ['semver.compare(input.data.version, "1.3.0") < 0', true],
    ['net.cidr_contains("10.0.0.0/8", "10.1.2.3")', true],
    ['regex.replace("a-b", "-", "+") == "a+b"', true],
    ['1 / (input.ttl - 60) > 0', false],
    ['input.nope.nope', false],
  ])('%s is %s', async (condition, expected) => {
    const input = {time: '2026-11-21T03:30:00Z', ttl: 60, data: {version: '1.2.0'}};
    expect(await engine.decide(server(`allow if { ${condition} }`), {query: serverQuery, input})).toBe(expected);
  });

  test.each([
    'http.send({"method": "get", "url": "http://127.0.0.1"})',
    'opa.runtime().env',
    'net.lookup_ip_addr("a")',
  ])('fault 40: a policy cannot reach out with %s', async (call) => {
    await expect(
      engine.decide(server(`allow if { x := ${call}; x != 1 }`), {query: serverQuery, input: {}}),
    ).rejects.toThrow('undefined function');
  });
});
