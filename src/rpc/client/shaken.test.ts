import {describe, expect, test} from 'vitest';
import type {InterestAnswer} from '../../protocol/index.ts';
import {Shaken} from './shaken.ts';

function answer(brokers: number, complete = true): InterestAnswer {
  return {collective: 'mcollective', servers: 0, complete, truncated: false, brokers};
}

function make() {
  const now = {ms: 0};
  const link = {reconnects: 0};
  return {now, link, shaken: new Shaken({monotonicMs: () => now.ms, reconnects: () => link.reconnects})};
}

describe('whether brokers came and went', () => {
  test('a broker fewer than before shakes for ten seconds, one more does not', () => {
    const {now, shaken} = make();
    shaken.told(answer(2));
    shaken.told(answer(3));
    expect(shaken.isShaken).toBe(false);
    shaken.told(answer(2));
    expect(shaken.isShaken).toBe(true);
    now.ms = 10_001;
    shaken.told(answer(2));
    expect(shaken.isShaken).toBe(false);
  });

  test('a member of a cluster that does not answer shakes; a broker that never knew all does not', () => {
    const one = make();
    one.shaken.told(answer(3));
    one.shaken.told(answer(3, false));
    expect(one.shaken.isShaken).toBe(true);
    const silent = make();
    silent.shaken.told(answer(3));
    silent.shaken.told(undefined);
    expect(silent.shaken.isShaken).toBe(true);
    const other = make();
    other.shaken.told(answer(1, false));
    other.shaken.told(answer(1, false));
    expect(other.shaken.isShaken).toBe(false);
  });

  test('many servers fewer shake, where all were counted', () => {
    const {shaken} = make();
    shaken.told({...answer(1), servers: 100}, true);
    shaken.told({...answer(1), servers: 10});
    shaken.told({...answer(1), servers: 98}, true);
    expect(shaken.isShaken).toBe(false);
    shaken.told({...answer(1), servers: 60}, true);
    expect(shaken.isShaken).toBe(true);
  });

  test('so does our own link when it came back', () => {
    const {link, shaken} = make();
    expect(shaken.isShaken).toBe(false);
    link.reconnects = 1;
    expect(shaken.isShaken).toBe(true);
  });
});
