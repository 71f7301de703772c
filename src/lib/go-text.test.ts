import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {atoi, formatFixed, parseGoFloat, tryAtoi} from './go-number.ts';
import {boolWord, compareBytes, goQuote, splitTrimmed, trimSpace, upperFirst} from './go-text.ts';
import {stringifyGo} from './go-json.ts';

describe('white space and words', () => {
  test('trimming follows Go: NEL and no-break space go, a byte order mark stays', () => {
    expect(trimSpace('\u0085\u00a0\u2003 x \u3000\n')).toBe('x');
    expect(trimSpace('\ufeffx')).toBe('\ufeffx');
    expect(trimSpace(' \t ')).toBe('');
  });

  test('splitting keeps empty items', () => expect(splitTrimmed(' a ,, b,', ',')).toEqual(['a', '', 'b', '']));

  test.each<[string, boolean | undefined]>([
    [' YES ', true],
    ['t', true],
    ['N', false],
    ['on', undefined],
    ['', undefined],
  ])('"%s" is %s', (text, value) => expect(boolWord(text)).toBe(value));

  test('only the first letter is raised, and only when one letter comes of it', () => {
    expect(upperFirst('action_policy')).toBe('Action_policy');
    expect(upperFirst('\u00dfx')).toBe('\u00dfx');
    expect(upperFirst('')).toBe('');
  });

  test('order is that of the UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({unit: 'grapheme'}), fc.string({unit: 'grapheme'}), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
    expect(compareBytes('\uffee', '\u{1f600}')).toBeLessThan(0);
  });

  test('quoting escapes whatever could forge or hide text', () => {
    expect(goQuote('a"b\\\n\u001b\u202e\u00e9\u{e0001}')).toBe('"a\\"b\\\\\\n\\x1b\\u202e\u00e9\\U000e0001"');
  });
});

describe('numbers', () => {
  test.each<[string, number | undefined]>([
    ['+5', 5],
    ['-0', 0],
    ['007', 7],
    ['9223372036854775807', 2 ** 63],
    ['9223372036854775808', undefined],
    ['-9223372036854775808', -(2 ** 63)],
    [' 5', undefined],
    ['5.0', undefined],
    ['', undefined],
    ['0x10', undefined],
  ])('%s as a whole number', (text, value) => expect(tryAtoi(text)).toBe(value));

  test('errors say what Go says', () => {
    expect(() => atoi('x')).toThrow('strconv.Atoi: parsing "x": invalid syntax');
    expect(() => atoi('99999999999999999999')).toThrow('value out of range');
    expect(() => parseGoFloat('1e400')).toThrow('strconv.ParseFloat: parsing "1e400": value out of range');
  });

  test.each<[string, number]>([
    ['1_0.5', 10.5],
    ['.5', 0.5],
    ['5.', 5],
    ['-0x1.8p1', -3],
    ['+Inf', Infinity],
    ['infinity', Infinity],
  ])('%s is a float', (text, value) => expect(parseGoFloat(text)).toBe(value));

  test.each(['', '.', '_1', '1__0', '1e', '0x1', 'e5', '1f', '--1'])('"%s" is no float', (text) => {
    expect(() => parseGoFloat(text)).toThrow('invalid syntax');
  });

  test('fixed decimals equal toFixed but for exact halves', () => {
    fc.assert(
      fc.property(fc.integer({min: -100_000, max: 100_000}), (thousandths) => {
        const value = thousandths / 1000;
        const isHalf = Number.isInteger(value * 8) && !Number.isInteger(value * 4);
        if (!isHalf) expect(Number(formatFixed(value, 2))).toBe(Number(value.toFixed(2)));
      }),
    );
    expect([0.125, 0.375, 2.5, -0.125].map((value) => formatFixed(value, value === 2.5 ? 0 : 2))).toEqual([
      '0.12',
      '0.38',
      '2',
      '-0.12',
    ]);
  });
});

test('JSON is written as Go writes it', () => {
  expect(stringifyGo({b: '<&>\u2028', a: [1n, undefined, {}]}, {sortKeys: true})).toBe(
    '{"a":[1,null,{}],"b":"\\u003c\\u0026\\u003e\\u2028"}',
  );
  expect(stringifyGo({a: [1, {b: []}]}, {indent: '  '})).toBe(
    '{\n  "a": [\n    1,\n    {\n      "b": []\n    }\n  ]\n}',
  );
});
