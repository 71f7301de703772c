import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {protocolLimits} from './limits.ts';
import {readStrictJson} from './strict-json.ts';

function read(text: string): unknown {
  return readStrictJson(text, {stage: 'transport', what: 'message'}).value;
}

const documents = fc.jsonValue({maxDepth: 6});

function readData(text: string): unknown {
  return readStrictJson(text, {stage: 'request', what: 'data', foldedLevels: 0}).value;
}

describe('reading strict JSON', () => {
  test('whatever JSON.stringify writes is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(documents, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(readData(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('capitals make another key only below the levels that are folded', () => {
    const text = '{"data":{"PATH":1,"path":2}}';
    expect(() => read(text)).toThrow(/comes twice/);
    expect(readStrictJson(text, {stage: 'request', what: 'body', foldedLevels: 1}).value).toEqual(JSON.parse(text));
    expect(() => readStrictJson('{"data":1,"Data":2}', {stage: 'request', what: 'body', foldedLevels: 1})).toThrow(
      /comes twice/,
    );
  });

  test('a text either parses or ends in our own error, as JSON.parse would', () => {
    const pieces = fc.array(
      fc.constantFrom('{', '}', '[', ']', '"', '\\', '\\"', ':', ',', '1', '.', 'e', 'true', 'null', ' ', 'a'),
    );
    fc.assert(
      fc.property(pieces, (list) => {
        const text = list.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(() => read(text)).toThrow(expect.objectContaining({code: 'ERR_JSON_INVALID'}));
          return;
        }
        try {
          expect(read(text)).toEqual(expected);
        } catch (error) {
          expect(String(error)).toContain('comes twice');
        }
      }),
    );
  });

  test.each([
    ['{"a":1,"a":2}'],
    ['{"a":{"b":1,"c":[{"d":1,"d":2}]}}'],
    ['{"a":1,"\\u0061":2}'],
    ['{"\\"":1,"\\"":2}'],
    ['{"a":"x","b":{},"a":[]}'],
    ['{"__proto__":1,"__proto__":2}'],
    // Readers of other programs take no notice of capitals, nor of the letters that stand for s and k in old texts.
    ['{"agent":"a","AGENT":"b"}'],
    ['{"Caller":1,"caller":2}'],
    ['{"message":1,"me\u017fsage":2}'],
    ['{"tokenk":1,"token\\u212a":2}'],
  ])('%s names a key twice', (text) => {
    expect(() => read(text)).toThrow(/comes twice/);
  });

  test.each([
    ['{"a":{"a":1},"b":{"a":1}}'],
    ['[{"a":1},{"a":2}]'],
    ['{"a":"a","b":"a"}'],
    ['{"a":"{\\"a\\":1,\\"a\\":2}"}'],
  ])('%s names no key twice', (text) => {
    expect(read(text)).toEqual(JSON.parse(text));
  });

  test('depth is counted, not length', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(read(nested(protocolLimits.jsonDepthMax))).toBeInstanceOf(Array);
    expect(() => read(nested(protocolLimits.jsonDepthMax + 1))).toThrow(/nests deeper/);
    expect(read(`[${'[],'.repeat(1_000)}[]]`)).toHaveLength(1_001);
  });

  test('keys whose numbers are no integers are told', () => {
    const {fractionKeys} = readStrictJson('{"a":1.0,"b":1e3,"c":1,"d":"1.5","e":true}', {
      stage: 'request',
      what: 'request',
    });
    expect([...fractionKeys]).toEqual(['a', 'b']);
  });
});
