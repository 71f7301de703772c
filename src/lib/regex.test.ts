import {describe, expect, test} from 'vitest';
import {compileRegex, RegexError, regexPatternLengthMax} from './regex.ts';

describe('compileRegex', () => {
  test('matches anywhere unless anchored', () => {
    expect(compileRegex('b').test('abc')).toBe(true);
    expect(compileRegex('^b').test('abc')).toBe(false);
  });

  test('a dollar sign means the very end, not before a last newline', () => {
    expect(compileRegex('^[a-z]+$').test('abc\n')).toBe(false);
  });

  test('counts code points, not units', () => {
    expect(compileRegex('^.{2}$').test('日本')).toBe(true);
    expect(compileRegex('^.$').test('😀')).toBe(true);
  });

  test('ignores case on request', () => {
    expect(compileRegex('^web', {ignoreCase: true}).test('WEB1')).toBe(true);
  });

  test('gives groups and where the match is', () => {
    expect(compileRegex('(?P<key>\\w+)=(x)?').match('a b=')).toEqual({
      start: 2,
      end: 4,
      groups: ['b=', 'b', undefined],
      named: {key: 'b'},
    });
    expect(compileRegex('z').match('abc')).toBeUndefined();
  });

  test.each(['(unclosed', '^(?=a)', '(a)\\1', '(?<!a)b', '\\Z', 'a{1001}', '['])('refuses %j', (pattern) => {
    expect(() => compileRegex(pattern)).toThrow(RegexError);
  });

  test('a pattern beyond the limit is refused before it is compiled', () => {
    expect(() => compileRegex('a'.repeat(regexPatternLengthMax + 1))).toThrow(/at most/);
  });
});
