/** Faults 35 to 38, 71 and 78: filters from the network, judged before any authorisation. */
import {describe, expect, test} from 'vitest';
import {compileExpression, evaluateExpression, gjsonGet, LangError} from '../../src/lang/index.ts';
import {
  compileFilter,
  emptyFilter,
  type Filter,
  type FilterNode,
  matchCompiledFilter,
} from '../../src/protocol/index.ts';

const node: FilterNode = {
  identity: 'node1.example.net',
  agents: ['discovery', 'rpcutil'],
  classes: ['apache', 'role::web'],
  factsJson: JSON.stringify({country: 'mt', long: 'a'.repeat(50_000), list: [1, 2, 3], nested: {a: {b: 1}}}),
};

async function verdict(parts: Partial<Filter>): Promise<boolean> {
  return (await matchCompiledFilter(compileFilter({...emptyFilter, ...parts}), node)).matched;
}

const expression = (expr: string): Promise<boolean> => verdict({compounds: [[{expr}]]});

describe('fault 35: patterns that make a backtracking engine hang', () => {
  test.each(['(a+)+$', '(a|a)*$', '(?:a?){1000}a{1000}$', '^(([a-z])+.)+[A-Z]([a-z])+$'])(
    'fault 35: %s on 50,000 letters ends with a verdict',
    async (pattern) => {
      const value = `/${pattern}b/`;
      expect(await verdict({facts: [{fact: 'long', operator: '=~', value}]})).toBe(false);
      expect(await verdict({identities: [value], classes: [value], agents: [value]})).toBe(false);
      expect(await expression(`fact("long") matches ${JSON.stringify(`${pattern}b`)}`)).toBe(false);
    },
  );

  test('fault 35: a pattern that compiles to too much matches nothing', async () => {
    expect(await verdict({identities: ['/((a{100}){100}){100}/']})).toBe(false);
    expect(await verdict({identities: [`/${'(n|o)?'.repeat(2_000)}/`]})).toBe(false);
  });
});

describe('fault 36: what RE2 does not know is refused, what it knows means the same', () => {
  test.each(['(?=node)', '(?<=n)ode', '(n)\\1', 'node(?!2)'])('fault 36: %s matches nothing', async (pattern) => {
    expect(await verdict({identities: [`/${pattern}/`]})).toBe(false);
  });

  test('fault 36: flags, anchors and classes are those of RE2', async () => {
    expect(await verdict({identities: ['/(?i)NODE1/']})).toBe(true);
    expect(await verdict({identities: ['/^node\\d\\./']})).toBe(true);
    expect(await verdict({identities: ['/(?P<host>node1)/']})).toBe(true);
  });
});

describe('fault 37: expressions cannot leave their sandbox or cost without end', () => {
  test.each([
    'fact("country").constructor.constructor("return process")()',
    'with.constructor("return 1")()',
    '$env.constructor',
    '{}.__proto__.polluted == nil ? facts.constructor : false',
    '[].map.constructor("return 1")() == 1',
    'agents.__proto__',
    '"".constructor',
    'toString()',
    'hasOwnProperty("with")',
    'valueOf == nil ? false : true',
    'with("apache").toString() == "true"',
  ])('fault 37: %s matches nothing', async (source) => {
    expect(await expression(source)).toBe(false);
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  test.each([
    'len(1..100000000) > 0',
    'len(repeat("a", 100000000)) > 0',
    'all(1..1000, all(1..1000, all(1..1000, # > 0)))',
    'len(reduce(1..100, #acc + #acc, "aaaaaaaaaa")) > 0',
    'len(map(1..2000, 1..2000)) > 0',
    'any(1..100000, repeat("ab", 1000) matches "(a*)*c")',
    'len(string(map(1..1000, repeat("a", 900)))) > 0',
  ])('fault 37: %s stops at its budget', async (source) => {
    expect(await expression(source)).toBe(false);
  });

  test('fault 37: sources of a million parts or levels are refused', () => {
    for (const source of [
      `${'('.repeat(20_000)}1${')'.repeat(20_000)}`,
      Array.from({length: 30_000}, () => '1').join('+'),
      '!'.repeat(30_000),
      '['.repeat(5_000),
      `true${' ? true : false'.repeat(5_000)}`,
      'a'.repeat(100_000),
    ]) {
      expect(() => compileExpression(source, {})).toThrow(LangError);
    }
  });

  test('fault 37: names of the host are only names', () => {
    const value = evaluateExpression(compileExpression('[__proto__, constructor, toString, {"__proto__": 1}]', {}), {});
    expect(value).toEqual([null, null, null, new Map([['__proto__', 1n]])]);
  });

  test('fault 37: path bombs are refused, and no value is built for them', () => {
    const json = JSON.stringify(Array.from({length: 2_000}, (_item, index) => ({a: index})));
    const nested = `${'#('.repeat(200)}a${')'.repeat(200)}`;
    for (const path of [
      'a.'.repeat(5_000),
      nested,
      '@this|'.repeat(300),
      `${'['.repeat(300)}a`,
      '@dig:@dig:@dig:@dig:a',
    ]) {
      try {
        expect(gjsonGet(json, path).raw.length).toBeLessThan(5_000_000);
      } catch (error) {
        expect(error).toBeInstanceOf(LangError);
      }
    }
  });
});

describe('fault 38: no filter ever widens', () => {
  test('fault 38: only a filter without any entry selects every node', async () => {
    expect(await verdict({})).toBe(true);
  });

  test.each<[string, Partial<Filter>]>([
    ['an empty identity', {identities: ['']}],
    ['a blank identity', {identities: [' ']}],
    ['an empty class', {classes: ['']}],
    ['an empty agent', {agents: ['']}],
    ['a broken pattern', {identities: ['/[/']}],
    ['a pattern without its end', {identities: ['/node1']}],
    ['a fact without a name', {facts: [{fact: '', operator: '==', value: 'mt'}]}],
    ['a fact without a value', {facts: [{fact: 'nope', operator: '!=', value: ''}]}],
    ['an unknown operator', {facts: [{fact: 'country', operator: '~' as '==', value: 'mt'}]}],
    ['an empty expression', {compounds: [[{expr: ''}]]}],
    ['a blank expression', {compounds: [[{expr: '  '}]]}],
    ['a compound entry without an expression', {compounds: [[]]}],
    ['a compound entry of two', {compounds: [[{expr: 'true'}, {expr: 'true'}]]}],
    ['an inherited expression', {compounds: [[Object.create({expr: 'true'}) as Record<string, string>]]}],
    ['too many expressions', {compounds: Array.from({length: 100}, () => [{expr: 'true'}])}],
  ])('fault 38: %s matches nothing', async (_name, parts) => {
    expect(await verdict(parts)).toBe(false);
  });
});

describe('fault 71: every judgement has a budget', () => {
  test('fault 71: a data plugin that fails, or is asked too often, ends in no match', async () => {
    let calls = 0;
    const data = {
      functions: {slow: {takesQuery: true}},
      call: async (_name: string, query: string | undefined) => {
        calls += 1;
        if (query === 'fail') throw new Error('no such thing');
        return {query};
      },
    };
    const judge = async (expr: string): Promise<boolean> =>
      (await matchCompiledFilter(compileFilter({...emptyFilter, compounds: [[{expr}]]}), {...node, data})).matched;
    expect(await judge('slow("fail").query == "fail"')).toBe(false);
    expect(await judge('slow("a").query == "a" and slow("a").query == "a"')).toBe(true);
    calls = 0;
    expect(await judge('all(1..1000, slow(string(#)).query != "")')).toBe(false);
    expect(calls).toBeLessThan(100);
  });

  test('fault 71: patterns beyond their number match nothing', async () => {
    const identities = Array.from({length: 1_000}, (_item, index) => `/^other${index}$/`);
    expect(await verdict({identities: [...identities, '/node1/']})).toBe(false);
  });
});
