import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {isJsonObject, jsonField, jsonFieldFolded, JsonError, parseJson} from './json.ts';

function object(text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text);
  if (!isJsonObject(value)) throw new Error('not an object');
  return value;
}

describe('JSON from outside', () => {
  test('is read like the host reads it, also when big integers are kept', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(text)).toEqual(JSON.parse(text));
        // Longer integers are what the other reader is for.
        fc.pre(!/[0-9]{16}/.test(text));
        const exact = parseJson(`{"value":${text},"big":90071992547409931}`, {bigIntegers: true});
        expect(exact).toEqual({value: JSON.parse(text), big: 90071992547409931n});
      }),
    );
  });

  test('no bytes make it fail in another way than by its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.boolean(), (bytes, bigIntegers) => {
        try {
          parseJson(bytes, {bigIntegers});
        } catch (error) {
          expect(error).toBeInstanceOf(JsonError);
        }
      }),
    );
  });

  test('integers beyond 2^53 keep their digits when asked, in depth too', () => {
    expect(parseJson('[[9007199254740993,-12345678901234567890,1e20,1.5]]', {bigIntegers: true})).toEqual([
      [9007199254740993n, -12345678901234567890n, 1e20, 1.5],
    ]);
  });

  test('depth is bounded before anything recursive runs', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(() => parseJson(deep)).toThrow(expect.objectContaining({code: 'ERR_JSON_TOO_DEEP'}));
    expect(parseJson('[["[[[["]]', {depthMax: 2})).toEqual([['[[[[']]);
    expect(() => parseJson('[[[1]]]', {depthMax: 2})).toThrow(expect.objectContaining({code: 'ERR_JSON_TOO_DEEP'}));
    expect(parseJson('["\\"[[["]', {depthMax: 1})).toEqual(['"[[[']);
  });

  test('size is bounded', () => {
    expect(() => parseJson(Buffer.alloc(11, 0x20), {bytesMax: 10})).toThrow(
      expect.objectContaining({code: 'ERR_JSON_TOO_LARGE'}),
    );
  });

  test('a prototype can not be smuggled in, and the last duplicate wins', () => {
    for (const bigIntegers of [false, true]) {
      const value = parseJson('{"__proto__":{"admin":true},"a":1,"a":2,"n":12345678901234567890}', {bigIntegers});
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect((value as {admin?: unknown}).admin).toBeUndefined();
      expect((value as {a: number}).a).toBe(2);
    }
    expect(jsonField(object('{}'), 'constructor')).toBeUndefined();
  });

  test('members are found as Go finds the fields of a struct', () => {
    expect(jsonFieldFolded(object('{"TTL":1,"Ttl":2}'), 'ttl')).toBe(2);
    expect(jsonFieldFolded(object('{"TTL":1,"ttl":3,"Ttl":2}'), 'ttl')).toBe(3);
    expect(jsonFieldFolded(object('{"mes\u017fage":4}'), 'Message')).toBe(4);
    expect(jsonFieldFolded(object('{}'), 'toString')).toBeUndefined();
  });

  test('the error never quotes the document', () => {
    try {
      parseJson('{"password":"hunter2"');
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain('hunter2');
    }
  });
});
