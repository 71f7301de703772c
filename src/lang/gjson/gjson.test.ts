import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {LangError} from '../errors.ts';
import {gjsonGet, gjsonValue, matchesWildcard, resultInteger} from './index.ts';

const document = JSON.stringify({
  os: {name: 'CentOS', release: {major: '7', minor: 8}},
  users: [
    {name: 'bob', age: 30, tags: ['a', 'b']},
    {name: 'jill', age: 25, tags: ['b']},
    {name: 'al', age: 30},
  ],
  mixed: [1, '1', true, null, [2], {x: 0}],
  'dotted.key': 'dk',
  'st*r': 'star',
});

describe('GJSON paths', () => {
  test.each([
    ['os.release.minor', '8'],
    ['os.rel*.major', '"7"'],
    ['os.n?me', '"CentOS"'],
    ['dotted\\.key', '"dk"'],
    ['users.#', '3'],
    ['users.1.name', '"jill"'],
    ['users.#.age', '[30,25,30]'],
    ['users.#(age==30).name', '"bob"'],
    ['users.#(age==30)#.name', '["bob","al"]'],
    ['users.#(name%"*l*").age', '25'],
    ['users.#(name!%"*l*").age', '30'],
    ['users.#(tags.#(=="a")).name', '"bob"'],
    ['users.#(tags.#==2).name', '"bob"'],
    ['users.#(nope==~null)#|#', '3'],
    ['mixed.#(==~true)#', '[1,"1",true]'],
    ['mixed.#(>0)', '1'],
    ['users|#', '3'],
    ['users.@reverse.0.name', '"al"'],
    ['users.#.tags|@flatten', '["a","b","b"]'],
    ['os|@keys', '["name","release"]'],
    ['{os.name,"n":users.#}', '{"name":"CentOS","n":3}'],
    ['[os.name,nope,users.0.age]', '["CentOS",30]'],
    ['users.#.@keys|0', '["name","age","tags"]'],
    ['@dig:major', '["7"]'],
    // A colon ends a name here, which a modifier has only after a dot or pipe.
    ['[@reverse:1,os.name]', '["CentOS"]'],
    ['[users.@flatten:{"deep":true}|0.name]', '["bob"]'],
    ['![1,[2,[3,4]]]|@pretty', '[1, [2, [3, 4]]]\n'],
    ['![{"a":1},[2]]|@pretty', '[\n  {\n    "a": 1\n  },\n  [2]\n]\n'],
  ])('%s finds %s', (path, raw) => {
    expect(gjsonGet(document, path).raw).toBe(raw);
  });

  test.each(['', '.', 'nope', 'os.', 'os.nope.x', 'users.-1', 'users.9', 'users.x', 'os.0', 'os.#', 'mixed.0.a'])(
    '%j finds nothing',
    (path) => {
      expect(gjsonGet(document, path).exists).toBe(false);
    },
  );

  test('a number that is read from a text has its shortest digits', () => {
    expect(gjsonGet('{"f":1.50}', 'f.@fromstr').raw).toBe('1.5');
    expect(gjsonGet('{"f":15e21}', 'f.@fromstr').raw).toBe('15000000000000000000000');
    expect(gjsonGet('{"f":-12e-9}', 'f.@fromstr').raw).toBe('-0.000000012');
  });

  test('of two equal keys the first is found', () => {
    expect(gjsonGet('{"a":1,"a":2}', 'a').number).toBe(1);
    expect(gjsonValue(gjsonGet('{"a":1,"a":2}', '@this'))).toEqual(new Map([['a', 1]]));
  });

  test('a null exists', () => {
    expect(gjsonGet('{"a":null}', 'a')).toMatchObject({exists: true, type: 'Null', raw: 'null'});
  });

  test('whole numbers beyond 2^53 keep their digits', () => {
    expect(resultInteger(gjsonGet('{"a":9223372036854775807}', 'a'))).toBe(9223372036854775807n);
    expect(resultInteger(gjsonGet('{"a":-1.9}', 'a'))).toBe(-1n);
  });

  test('keys that mean something to the host are only keys', () => {
    const value = gjsonValue(gjsonGet('{"__proto__":{"x":1},"constructor":2}', '@this'));
    expect(value).toEqual(
      new Map<string, unknown>([
        ['__proto__', new Map([['x', 1]])],
        ['constructor', 2],
      ]),
    );
  });

  test('a path longer than allowed is refused', () => {
    expect(() => gjsonGet('{}', 'a'.repeat(10_000))).toThrow(LangError);
  });

  test('any path on any JSON ends with a result or a refusal', () => {
    const paths = fc.string({unit: fc.constantFrom(...Array.from('ab.|#@*?\\"[]{}():=!~%<>1,')), maxLength: 40});
    fc.assert(
      fc.property(fc.json(), paths, (json, path) => {
        try {
          gjsonValue(gjsonGet(json, path));
        } catch (error) {
          expect(error).toBeInstanceOf(LangError);
        }
      }),
      {numRuns: 500},
    );
  });

  test('a plain key finds what the object holds', () => {
    const key = fc.stringMatching(/^[a-z]{1,6}$/);
    fc.assert(
      fc.property(fc.dictionary(key, fc.integer(), {minKeys: 1, noNullPrototype: true}), (object) => {
        for (const [name, value] of Object.entries(object)) {
          expect(gjsonGet(JSON.stringify(object), name).number).toBe(value);
        }
      }),
    );
  });
});

describe('wildcards', () => {
  test.each([
    ['abc', 'a*', true],
    ['abc', '*c', true],
    ['abc', 'a?c', true],
    ['abc', 'a?', false],
    ['a*c', 'a\\*c', true],
    ['abc', 'a\\*c', false],
    ['', '*', true],
    ['', '?', false],
  ])('%s against %s', (text, pattern, matched) => {
    expect(matchesWildcard(text, pattern)).toBe(matched);
  });

  test('many stars on a long text end', () => {
    expect(matchesWildcard('a'.repeat(20_000), `${'*a'.repeat(200)}b`)).toBe(false);
  });
});
