import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {isFinalNote, noteHeaders, noteReasons, notesWanted, readNote, wantsNotes} from './notes.ts';

const block = (headers: Readonly<Record<string, readonly string[]>>): Buffer =>
  Buffer.from(
    `NATS/1.0\r\n${Object.entries(headers)
      .flatMap(([name, values]) => values.map((value) => `${name}: ${value}\r\n`))
      .join('')}\r\n`,
  );

describe('notes', () => {
  test('a note comes back as it was written', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...noteReasons),
        fc.stringMatching(/^[a-z0-9.-]{1,40}$/).filter((name) => !/^\.|\.$|\.\./.test(name)),
        fc.stringMatching(/^[0-9a-f]{32}$/),
        fc.integer({min: 0, max: 4e12}),
        (reason, identity, requestId, clockMs) => {
          const note = {reason, identity, requestId, clockMs};
          expect(readNote(block(noteHeaders(note)))).toEqual(note);
        },
      ),
    );
  });

  test.each([
    ['no headers', undefined],
    ['the broker that says nobody listens', Buffer.from('NATS/1.0 503\r\n\r\n')],
    ['an unknown reason', block({'Choria-Note': ['tired n1 abc 1']})],
    ['a missing word', block({'Choria-Note': ['filtered n1 abc']})],
    ['a word too many', block({'Choria-Note': ['filtered n1 abc 1 2']})],
    ['a name that is no identity', block({'Choria-Note': ['filtered n*1 abc 1']})],
    ['a clock that is no number', block({'Choria-Note': ['filtered n1 abc soon']})],
    ['an id with other letters', block({'Choria-Note': ['filtered n1 a-b 1']})],
    ['more headers than a note has', block({'Choria-Note': ['filtered n1 abc 1'], Rest: ['x'.repeat(3_000)]})],
  ])('%s is no note', (_name, headers) => {
    expect(readNote(headers)).toBeUndefined();
  });

  test('only the header itself is a wish for notes', () => {
    expect(wantsNotes(block(notesWanted))).toBe(true);
    expect(wantsNotes(block({Other: ['1'], ...notesWanted, More: ['2']}))).toBe(true);
    expect(wantsNotes(undefined)).toBe(false);
    expect(wantsNotes(block({'Choria-Notes': ['0']}))).toBe(false);
    expect(wantsNotes(block({'X-Choria-Notes': ['1']}))).toBe(false);
  });

  test('only waiting and running leave hope for an answer', () => {
    expect(noteReasons.filter((reason) => !isFinalNote(reason))).toEqual(['waiting', 'running']);
  });
});
