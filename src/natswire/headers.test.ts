import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {decodeHeaders, encodeHeaders} from './headers.ts';
import {encodePublish, encodeSubscribe} from './writer.ts';

describe('headers', () => {
  test('come back as they were given, in order and with their case', () => {
    const key = fc.stringMatching(/^[A-Za-z-]{1,10}$/);
    const value = fc.stringMatching(/^[ -~]{0,20}$/).map((text) => text.trim());
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(key, fc.array(value, {minLength: 1, maxLength: 3})), {selector: ([name]) => name}),
        (entries) => {
          const decoded = decodeHeaders(encodeHeaders(new Map(entries)));
          expect([...decoded.values]).toEqual(entries);
        },
      ),
    );
  });

  test('carry a status with and without words', () => {
    expect(decodeHeaders(Buffer.from('NATS/1.0 503\r\n\r\n'))).toMatchObject({status: 503});
    expect(decodeHeaders(Buffer.from('NATS/1.0 503\r\nNats-Subject: a\r\n\r\n')).values.get('Nats-Subject')).toEqual([
      'a',
    ]);
    expect(decodeHeaders(Buffer.from('NATS/1.0 100 Idle Heartbeat\r\n\r\n'))).toMatchObject({
      status: 100,
      description: 'Idle Heartbeat',
    });
  });

  test('cannot be broken out of', () => {
    expect(() => encodeHeaders(new Map([['A', ['x\r\nB: y']]]))).toThrow('its value has a line break');
    expect(() => encodeHeaders(new Map([['A: b\r\nC', ['x']]]))).toThrow('expected a name');
  });

  test('that are none, or too many, are an error', () => {
    expect(() => decodeHeaders(Buffer.from('HTTP/1.0\r\n\r\n'))).toThrow('expected "NATS/1.0"');
    expect(() => decodeHeaders(Buffer.from(`NATS/1.0\r\n${'a: b\r\n'.repeat(10_000)}\r\n`))).toThrow('at most 4096');
    expect(() => decodeHeaders(Buffer.from('NATS/1.0\r\nno colon\r\n\r\n'))).toThrow('no name before a colon');
  });
});

describe('operations to send', () => {
  test('refuse subjects that would break the line', () => {
    for (const subject of ['', 'a b', 'a\r\nPUB b 0', 'a..b', '.a']) {
      expect(() => encodePublish(subject, Buffer.alloc(0))).toThrow('Cannot publish to');
      expect(() => encodePublish('ok', Buffer.alloc(0), {replyTo: subject})).toThrow('Cannot publish to');
      expect(() => encodeSubscribe(subject, {sid: 1})).toThrow('Cannot subscribe to');
    }
    expect(() => encodeSubscribe('a', {sid: 1, queue: 'a b'})).toThrow('Cannot publish to');
  });

  test('carry headers, replies and UTF-8 subjects', () => {
    const block = encodeHeaders(new Map([['A', ['1']]]));
    expect(encodePublish('s\u00e9', Buffer.from('hi'), {replyTo: 'r', headerBlock: block}).toString()).toBe(
      'HPUB s\u00e9 r 18 20\r\nNATS/1.0\r\nA: 1\r\n\r\nhi\r\n',
    );
  });
});
