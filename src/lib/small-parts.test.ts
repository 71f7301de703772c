import {describe, expect, test} from 'vitest';
import {createSeededRandom} from '../../test/support/fake-platform.ts';
import {newRequestId, newUuid} from './ids.ts';
import {parseIpAddress} from './ip-address.ts';
import {compileRegex, createRegexCache, RegexError} from './regex.ts';
import {validateEnum, validateMaxLength, validateRegex, validateShellSafe} from './validators.ts';

describe('identifiers', () => {
  const random = createSeededRandom(7);

  test('a UUID is of version 4', () => {
    expect(newUuid(random)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(newRequestId(random)).toMatch(/^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
  });
});

test.each<[string, number | undefined]>([
  ['1.2.3.4', 4],
  ['::ffff:1.2.3.4', 4],
  ['::ffff:102:304', 4],
  ['::', 16],
  ['1::', 16],
  ['1:2:3:4:5:6:7:8', 16],
  ['1:2:3:4:5:6:7::', 16],
  ['1:2:3:4:5:6:1.2.3.4', 16],
  ['1:2:3:4:5:6:7:8::', undefined],
  ['1:2:3:4:5:6:7:1.2.3.4', undefined],
  ['::1::', undefined],
  [':::', undefined],
  ['1:', undefined],
  [':1', undefined],
  ['12345::', undefined],
  ['1.2.3.4:80', undefined],
  ['1.2.3.04', undefined],
  ['1.2.3.4 ', undefined],
  ['1.2.3.4::', undefined],
  ['', undefined],
])('address "%s"', (text, length) => expect(parseIpAddress(text)?.length).toBe(length));

describe('patterns', () => {
  test('every match is found, empty ones included', () => {
    expect(
      compileRegex('a(b)?')
        .matchAll('ab a')
        .map((match) => [match.start, match.groups]),
    ).toEqual([
      [0, ['ab', 'b']],
      [3, ['a', undefined]],
    ]);
    expect(compileRegex('x*').matchAll('axa')).toHaveLength(4);
  });

  test('a pattern that compiles to too much is refused', () => {
    const large = Array.from({length: 40}, () => '(?:[a-z]{900})').join('');
    expect(() => compileRegex(large)).toThrow(RegexError);
  });

  test('a cache keeps the patterns used last', () => {
    const cache = createRegexCache(2);
    const first = cache.get('a');
    cache.get('b');
    expect(cache.get('a')).toBe(first);
    cache.get('c');
    expect(cache.get('a')).toBe(first);
    expect(cache.get('a', {ignoreCase: true})).not.toBe(first);
  });
});

describe('validators', () => {
  test('lengths are bytes of texts and items of lists', () => {
    expect(validateMaxLength('\u00e9\u00e9', 3)).toBe('4 characters, max allowed 3');
    expect(validateMaxLength(['a', 'b'], 1)).toBe('2 values, max allowed 1');
  });

  test('every item of a list must be allowed', () => {
    expect(validateEnum(['a', 'x'], ['a', 'b'])).toBe("'x' is not in the allowed list: a, b");
    expect(validateEnum([], ['a'])).toBeUndefined();
  });

  test('the first offender in the order of the rules is named', () => {
    expect(validateShellSafe('a > b; `c`')).toBe("may not contain '`'");
  });

  test('a pattern matches anywhere and comes from a cache when there is one', () => {
    const cache = createRegexCache();
    expect(validateRegex('foo1', '\\d', {compile: (pattern) => cache.get(pattern)})).toBeUndefined();
    expect(validateRegex('x', '(')).toBe("invalid regex '('");
  });
});
