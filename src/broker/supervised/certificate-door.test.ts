import {assert, property, uint8Array} from 'fast-check';
import {expect, test} from 'vitest';
import {markConnect} from './certificate-door.ts';

const mark = (text: string): string | undefined => markConnect(Buffer.from(text, 'latin1'))?.toString('latin1');

test.each([
  ['CONNECT {"verbose":false}\r\n', 'CONNECT {"sig":"-","verbose":false}\r\n'],
  ['connect  { "a":1}\r\nPING\r\n', 'connect  { "sig":"-","a":1}\r\nPING\r\n'],
  ['CONNECT {}\r\n', 'CONNECT {"sig":"-"}\r\n'],
])('%j gets a mark in the place of a signature', (before, after) => {
  expect(mark(before)).toBe(after);
});

test('a signature of the client’s own comes later and so is the one that counts', () => {
  const marked = mark('CONNECT {"sig":"real"}\r\n') ?? '';
  expect(JSON.parse(marked.slice('CONNECT '.length))).toEqual({sig: 'real'});
});

test.each(['', 'CONN', 'CONNECT', 'CONNECT ', 'CONNECT {', 'CONNECT {  '])('%j is waited for', (text) => {
  expect(mark(text)).toBeUndefined();
});

test.each(['PING\r\n', 'CONNECTED {}', `CONNECT ${' '.repeat(300)}{}`, '\u0016\u0003\u0001'])(
  '%j goes to the server as it is',
  (text) => {
    expect(mark(text)).toBe(text);
  },
);

test('bytes are never lost, and any beginning ends in a decision', () => {
  assert(
    property(uint8Array({maxLength: 400}), (bytes) => {
      const head = Buffer.concat([Buffer.from(bytes), Buffer.alloc(300, 'x')]);
      const marked = markConnect(head);
      expect(marked === undefined ? -1 : marked.length).toBeGreaterThanOrEqual(head.length);
    }),
  );
});
