import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {firstJsonValue, jsonDepthMax, jsonSyntaxError} from './json-syntax.ts';

describe('jsonSyntaxError', () => {
  test.each([
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['"abc', 'unexpected end of JSON input'],
    ['not json', "invalid character 'o' in literal null (expecting 'u')"],
    ['{not json', "invalid character 'n' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} trailing', "invalid character 't' after top-level value"],
    ['\uFEFF{}', "invalid character 'ï' looking for beginning of value"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1ex', "invalid character 'x' in exponent of numeric literal"],
    ['"\\q"', "invalid character 'q' in string escape code"],
    ['"\\u12x4"', "invalid character 'x' in \\u hexadecimal character escape"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['01', "invalid character '1' after top-level value"],
  ])('says what is wrong with %j', (text, problem) => {
    expect(jsonSyntaxError(text)).toBe(problem);
  });

  test('accepts whatever JSON.stringify writes', () => {
    fc.assert(fc.property(fc.json(), (text) => jsonSyntaxError(text) === undefined));
  });

  test('agrees with the host parser on what is JSON', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '1',
      '-',
      '.',
      'e',
      'null',
      'true',
      ' ',
      '"a"',
      '0',
    );
    fc.assert(
      fc.property(fc.array(piece, {maxLength: 12}), (pieces) => {
        const text = pieces.join('');
        let accepted = true;
        try {
          JSON.parse(text);
        } catch {
          accepted = false;
        }
        return (jsonSyntaxError(text) === undefined) === accepted;
      }),
    );
  });

  test('depth is bounded by a number and not by the stack', () => {
    expect(jsonSyntaxError('['.repeat(jsonDepthMax + 1))).toBe('exceeded max depth');
    expect(jsonSyntaxError('['.repeat(jsonDepthMax) + ']'.repeat(jsonDepthMax))).toBeUndefined();
  });
});

test('firstJsonValue ends behind the first value and ignores the rest', () => {
  expect(firstJsonValue(Buffer.from('  {"a":[1]} {"b"'))).toEqual({end: 11});
  expect(firstJsonValue(Buffer.from('nope'))).toEqual({
    problem: "invalid character 'o' in literal null (expecting 'u')",
  });
});
