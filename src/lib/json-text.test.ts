import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {compactJson, escapeJsonLikeGo, indentJson, jsonMembers} from './json-text.ts';

describe('JSON as text', () => {
  test('members keep their numbers, spaces and the last of doubled keys', () => {
    const members = jsonMembers('{ "a" : 12345678901234567890 , "b":[1, {"}":"]"}],"a":"x\\"y", "n":null}');
    expect([...members]).toEqual([
      ['a', '"x\\"y"'],
      ['b', '[1, {"}":"]"}]'],
      ['n', 'null'],
    ]);
  });

  test('what is no object has no members', () => {
    for (const text of ['[1]', '"{}"', '1', 'null', '{}', ' { } ']) expect(jsonMembers(text).size).toBe(0);
  });

  test('indenting keeps long numbers and empty containers on one line', () => {
    expect(indentJson('{"a":[],"b":{"c":12345678901234567890}}', {indent: '   '})).toBe(
      '{\n   "a": [],\n   "b": {\n      "c": 12345678901234567890\n   }\n}',
    );
  });

  test('any value is the same after indenting and compacting', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(indentJson(text, {indent: '  '})).toBe(JSON.stringify(value, null, 2));
        expect(compactJson(indentJson(text, {indent: '  '}))).toBe(text);
      }),
    );
  });

  test('members of any object are the texts of its values', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const members = jsonMembers(JSON.stringify(value, null, 1));
        for (const [key, text] of members) expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value[key])));
        expect(members.size).toBe(Object.keys(value).length);
      }),
    );
  });

  test('deep nesting costs no stack', () => {
    const text = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(jsonMembers(text).get('a')?.length).toBe(400_000);
  });

  test('escapes are those of Go', () => {
    expect(escapeJsonLikeGo('"<a&b>\u2028"')).toBe('"\\u003ca\\u0026b\\u003e\\u2028"');
  });
});
