import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {InterestAnswer, NodeNote, NoteReason} from '../../protocol/index.ts';
import {RollCall} from './roll-call.ts';

const listening = (identities: readonly string[], changes: Partial<InterestAnswer> = {}): InterestAnswer => ({
  collective: 'mcollective',
  servers: identities.length,
  identities,
  complete: true,
  truncated: false,
  brokers: 1,
  ...changes,
});

const note = (identity: string, reason: NoteReason, clockMs = 0): NodeNote => ({
  identity,
  reason,
  requestId: 'r',
  clockMs,
});

describe('a roll call', () => {
  test('is over when everybody who listens answered or said that it will not', () => {
    const call = new RollCall();
    call.answered('a');
    call.expect(listening(['a', 'b', 'c']));
    call.noted(note('b', 'filtered'), 0);
    expect(call.isOver).toBe(false);
    call.answered('c');
    expect(call.isOver).toBe(true);
    expect(call.outcome()).toEqual({isKnown: true, complete: true, listening: 3, missing: [], unnamedMissing: 0});
  });

  test('is never over while nobody says who listens', () => {
    const call = new RollCall();
    call.answered('a');
    call.expect(undefined);
    expect(call.isOver).toBe(false);
    expect(call.outcome()).toMatchObject({isKnown: false, complete: false, missing: []});
  });

  test('does not trust a broker that knows only a part', () => {
    const call = new RollCall();
    call.expect(listening(['a'], {complete: false}));
    call.answered('a');
    expect(call.isOver).toBe(false);
  });

  test('counts where the list of listeners was too long', () => {
    const call = new RollCall();
    const {identities: _left, ...counted} = listening([], {servers: 2, truncated: true});
    call.expect(counted);
    call.answered('a');
    call.answered('a');
    expect(call.isOver).toBe(false);
    expect(call.outcome()).toMatchObject({complete: false, unnamedMissing: 1});
    expect(call.takeRecount()).toBe(false);
    call.answered('b');
    expect(call.isOver).toBe(false);
    expect(call.takeRecount()).toBe(true);
    expect(call.takeRecount()).toBe(false);
    call.recounted(counted);
    expect(call.isOver).toBe(true);
    expect(call.outcome()).toMatchObject({complete: true, unnamedMissing: 0});
  });

  test('does not end at a number that was too low, and counts again when the higher one is reached', () => {
    const call = new RollCall();
    const {identities: _left, ...counted} = listening([], {servers: 1, truncated: true});
    call.expect(counted);
    call.answered('answered and left before it was counted');
    expect(call.takeRecount()).toBe(true);
    call.recounted({...counted, servers: 2});
    expect(call.isOver).toBe(false);
    expect(call.takeRecount()).toBe(false);
    call.answered('b');
    expect(call.takeRecount()).toBe(true);
    call.recounted({...counted, servers: 2});
    expect(call.isOver).toBe(true);
  });

  test('waits for its time, and asks no more, when the number cannot be counted again', () => {
    for (const answer of [undefined, listening([], {complete: false})]) {
      const call = new RollCall();
      const {identities: _left, ...counted} = listening([], {servers: 1, truncated: true});
      call.expect(counted);
      call.answered('a');
      expect(call.takeRecount()).toBe(true);
      call.recounted(answer);
      call.answered('b');
      expect(call.takeRecount()).toBe(false);
      expect(call.isOver).toBe(false);
      expect(call.outcome()).toMatchObject({isKnown: true, complete: false, missing: [], unnamedMissing: 0});
    }
  });

  test('names who is missing, with the reason that is known', () => {
    const call = new RollCall();
    call.expect(listening(['a', 'b', 'c', 'd']));
    call.answered('a');
    call.noted(note('b', 'expired', 125_000), 5_000);
    call.noted(note('c', 'running'), 0);
    expect(call.isOver).toBe(false);
    expect(call.outcome().missing).toEqual([
      {identity: 'b', reason: 'expired', clockAheadMs: 120_000},
      {identity: 'c', reason: 'running'},
      {identity: 'd', reason: 'unresponsive'},
    ]);
  });

  test('a note never takes an answer back', () => {
    const call = new RollCall();
    call.expect(listening(['a']));
    call.answered('a');
    call.noted(note('a', 'expired'), 0);
    expect(call.outcome()).toMatchObject({complete: true, missing: []});
  });

  test('whatever the order of events, over means that every listener answered or spoke', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const events = fc.array(
      fc.oneof(
        fc.record({kind: fc.constant('answer' as const), name: fc.constantFrom(...names, 'stranger')}),
        fc.record({kind: fc.constant('filtered' as const), name: fc.constantFrom(...names, 'stranger')}),
        fc.record({kind: fc.constant('running' as const), name: fc.constantFrom(...names)}),
        fc.record({kind: fc.constant('expect' as const), name: fc.constant('')}),
      ),
      {maxLength: 30},
    );
    fc.assert(
      fc.property(events, (list) => {
        const call = new RollCall();
        const done = new Set<string>();
        let isKnown = false;
        for (const {kind, name} of list) {
          if (kind === 'answer') call.answered(name);
          else if (kind === 'expect') call.expect(listening(names));
          else call.noted(note(name, kind), 0);
          if (kind === 'answer' || kind === 'filtered') done.add(name);
          isKnown ||= kind === 'expect';
          expect(call.isOver).toBe(isKnown && names.every((item) => done.has(item)));
        }
      }),
    );
  });
});
