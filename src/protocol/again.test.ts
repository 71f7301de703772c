import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {decodeAgain, encodeAgain, isResent, resentMark} from './again.ts';
import {openTransport} from './transport.ts';
import {wantsNotes} from './notes.ts';

const block = (headers: Readonly<Record<string, readonly string[]>>): Buffer =>
  Buffer.from(
    `NATS/1.0\r\n${Object.entries(headers)
      .map(([name, [value]]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`,
  );

describe('asking again', () => {
  test('the bytes come back as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 500}), (bytes) => {
        expect(decodeAgain(encodeAgain(Buffer.from(bytes)))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('any other bytes are not wrapped', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 200}), (bytes) => {
        expect(decodeAgain(Buffer.from(bytes))).toBeUndefined();
      }),
    );
    expect(decodeAgain(Buffer.from('{"protocol":"choria:again:1","data":"'))).toBeUndefined();
  });

  test('nobody who does not know it takes it for a request', () => {
    expect(() => openTransport(encodeAgain(Buffer.from('{}')))).toThrow();
  });

  test('an answer that was sent before is marked, and also says that its sender gives reasons', () => {
    expect(isResent(block(resentMark))).toBe(true);
    expect(wantsNotes(block(resentMark))).toBe(true);
    expect(isResent(block({'Choria-Notes': ['1']}))).toBe(false);
    expect(isResent(undefined)).toBe(false);
  });
});
