import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {Filter} from '../types.ts';
import {
  compileFilter,
  createFilterMatcher,
  type FilterNodeSource,
  isEmptyFilter,
  matchCompiledFilter,
  parseCombinedFilter,
  parseFactFilter,
} from './index.ts';

const none: Filter = {facts: [], classes: [], agents: [], identities: [], compounds: []};

describe('filters', () => {
  test('one that holds only an agent is not empty', () => {
    expect(isEmptyFilter(none)).toBe(true);
    expect(isEmptyFilter({...none, agents: ['rpcutil']})).toBe(false);
  });

  test('facts are found by the rightmost operator', () => {
    expect(parseFactFilter('x.#(y==1).z=2')).toEqual({fact: 'x.#(y==1).z', operator: '==', value: '2'});
    expect(() => parseFactFilter('a~b')).toThrow('could not parse fact a~b it does not appear to be in a valid format');
  });

  test('words of a combined filter are facts or classes', () => {
    expect(parseCombinedFilter('apache country=mt apache')).toEqual({
      facts: [{fact: 'country', operator: '==', value: 'mt'}],
      classes: ['apache'],
    });
  });

  test('a fact filter that was written reads as itself', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_.]{0,8}$/);
    const value = fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,8}$/);
    fc.assert(
      fc.property(
        name,
        fc.constantFrom('==', '!=', '=~', '<', '<=', '>', '>=' as const),
        value,
        (fact, operator, text) => {
          expect(parseFactFilter(`${fact}${operator}${text}`)).toEqual({fact, operator, value: text});
        },
      ),
    );
  });

  test.each([
    ['include(fact("roles"), "web")', false],
    ['not include(fact("roles"), "web")', true],
    ['fact(fact("roles")) == nil', true],
    ['toJSON(facts) contains "\\"country\\": \\"mt\\""', true],
  ])('a node without the fact answers to %s', async (expr, matched) => {
    const node: FilterNodeSource = {
      identity: 'n1',
      agents: () => [],
      classes: async () => [],
      factsJson: async () => '{"country":"mt"}',
    };
    const matcher = createFilterMatcher();
    expect((await matcher.match({...none, compounds: [[{expr}]]}, node)).matched).toBe(matched);
  });

  test('facts and classes are read only for filters that ask for them', async () => {
    const reads: string[] = [];
    const node: FilterNodeSource = {
      identity: 'n1',
      agents: () => ['discovery'],
      classes: async () => {
        reads.push('classes');
        return ['apache'];
      },
      factsJson: async () => {
        reads.push('facts');
        return '{"country":"mt"}';
      },
    };
    const matcher = createFilterMatcher();
    expect((await matcher.match({...none, identities: ['n1'], agents: ['discovery']}, node)).matched).toBe(true);
    expect((await matcher.match({...none, identities: ['n2'], classes: ['apache']}, node)).matched).toBe(false);
    expect(reads).toEqual([]);
    expect((await matcher.match({...none, classes: ['apache']}, node)).matched).toBe(true);
    expect(reads).toEqual(['classes']);
    expect((await matcher.match({...none, compounds: [[{expr: 'fact("country") == "mt"'}]]}, node)).matched).toBe(true);
    expect(reads).toEqual(['classes', 'classes', 'facts']);
  });

  test.each([
    ['country', '==', 'MT', true],
    ['country', '==', 'uk', false],
    ['country', '!=', 'uk', true],
    ['country', '!=', 'MT', false],
    ['country', '=~', '^M', true],
    ['country', '<', 'n', true],
    ['country', '<', 'mt', false],
    ['country', '<=', 'mt', true],
    ['country', '>', 'mt', false],
    ['country', '>', 'ms', true],
    ['country', '>=', 'mt', true],
    ['cores', '==', '8', true],
    ['cores', '==', '9', false],
    ['cores', '!=', '9', true],
    ['cores', '!=', '8', false],
    ['cores', '<', '9', true],
    ['cores', '<', '8', false],
    ['cores', '<=', '8', true],
    ['cores', '>', '7', true],
    ['cores', '>', '8', false],
    ['cores', '>=', '8', true],
    ['load', '==', '1.5', true],
    ['load', '!=', '1.5', false],
    ['load', '<', '1.6', true],
    ['load', '<', '1.5', false],
    ['load', '>=', '1.6', false],
    ['virtual', '==', 'true', true],
    ['virtual', '==', 'false', false],
    ['nosuch', '!=', 'x', false],
  ] as const)(
    'on a node with country mt, 8 cores, load 1.5 and virtual, %s %s %s is %s',
    async (fact, operator, value, matched) => {
      const verdict = await matchCompiledFilter(compileFilter({...none, facts: [{fact, operator, value}]}), {
        identity: 'n1',
        agents: [],
        classes: [],
        factsJson: '{"country":"mt","cores":8,"load":1.5,"virtual":true}',
      });
      expect(verdict.matched).toBe(matched);
    },
  );

  test('a verdict says what did not match', async () => {
    const compiled = compileFilter({...none, facts: [{fact: 'country', operator: '==', value: 'uk'}]});
    const verdict = await matchCompiledFilter(compiled, {
      identity: 'n1',
      agents: [],
      classes: [],
      factsJson: '{"country":"mt"}',
    });
    expect(verdict).toEqual({matched: false, reason: 'fact "country" does not match with == "uk"'});
  });
});
