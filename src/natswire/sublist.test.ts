import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {hasWildcard, isPublishSubject, isSubscribeSubject, isWithin, overlaps} from './subject.ts';
import {Sublist} from './sublist.ts';

/** The rule, written as plainly as possible. */
function matchesPlainly(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  if (tokens.includes('')) return false;
  for (const [index, token] of wanted.entries()) {
    if (token === '>' && index === wanted.length - 1) return tokens.length > index;
    if (index >= tokens.length || (token !== '*' && token !== tokens[index])) return false;
  }
  return tokens.length === wanted.length;
}

const token = fc.constantFrom('a', 'b', 'c', 'ab', '*');
const subjectArbitrary = fc.array(token, {minLength: 1, maxLength: 4}).map((tokens) => tokens.join('.'));
const patternArbitrary = fc
  .tuple(fc.array(token, {maxLength: 3}), fc.constantFrom('a', 'b', '*', '>'))
  .map(([tokens, last]) => [...tokens, last].join('.'));

describe('subjects', () => {
  test.each([
    ['foo', true, true],
    ['foo.bar', true, true],
    ['foo.*.bar', true, true],
    ['foo.>', true, true],
    ['>', true, true],
    ['foo.>.bar', true, false],
    ['foo>', true, true],
    ['>foo.a', true, true],
    ['a*b', true, true],
    ['\u00e9.x', true, true],
    ['', false, false],
    ['.foo', false, false],
    ['foo.', false, false],
    ['foo..bar', false, false],
    ['a b', false, false],
    ['a\tb', false, false],
    ['a\nb', false, false],
  ])('%j may be published to: %s, subscribed to: %s', (subject, publish, subscribe) => {
    expect(isPublishSubject(subject)).toBe(publish);
    expect(isSubscribeSubject(subject)).toBe(subscribe);
  });

  test.each([
    ['foo.bar', 'foo.*', true],
    ['foo.*', 'foo.*', true],
    ['foo.>', 'foo.*', false],
    ['foo.>', 'foo.>', true],
    ['foo.*.>', 'foo.>', true],
    ['foo', 'foo.>', false],
    ['*', '>', true],
    ['>', '>', true],
    ['>', '*', false],
    ['*.bar', 'foo.bar', false],
    ['foo.bar', 'foo', false],
    ['foo', 'foo.bar', false],
    ['a.bar.*.x', '*.bar.*.x', true],
  ])('%s is within %s: %s', (subject, pattern, expected) => {
    expect(isWithin(subject, pattern)).toBe(expected);
  });

  test('being within means that everything the one matches the other matches', () => {
    fc.assert(
      fc.property(patternArbitrary, patternArbitrary, subjectArbitrary, (left, right, subject) => {
        if (isWithin(left, right) && matchesPlainly(left, subject)) expect(matchesPlainly(right, subject)).toBe(true);
        if (matchesPlainly(left, subject) && matchesPlainly(right, subject)) expect(overlaps(left, right)).toBe(true);
        if (!hasWildcard(subject)) expect(isWithin(subject, left)).toBe(matchesPlainly(left, subject));
      }),
      {numRuns: 1000},
    );
  });
});

describe('a subject list', () => {
  test('reaches exactly the matching subscriptions, whatever was added and removed before', () => {
    const step = fc.record({
      add: fc.boolean(),
      pattern: patternArbitrary,
      id: fc.nat(5),
      queue: fc.option(fc.constantFrom('q1', 'q2'), {nil: undefined}),
      subject: subjectArbitrary,
      /** A removal takes out this one of those that are there, and what may never have been there when it is left out. */
      leaving: fc.option(fc.nat(40)),
    });
    fc.assert(
      fc.property(fc.array(step, {maxLength: 40}), (steps) => {
        const list = new Sublist<string>();
        const model = new Map<string, {pattern: string; item: string; queue: string | undefined}>();
        for (const {add, leaving, subject, ...drawn} of steps) {
          const there = add || leaving === null ? undefined : [...model.values()][leaving % (model.size || 1)];
          const {pattern, queue} = there ?? drawn;
          const item = there?.item ?? `${pattern}#${drawn.id}#${queue}`;
          if (add) list.insert(pattern, item, queue);
          else expect(list.remove(pattern, item, queue)).toBe(model.has(item));
          if (add) model.set(item, {pattern, item, queue});
          else model.delete(item);
          const expected = [...model.values()].filter((entry) => matchesPlainly(entry.pattern, subject));
          const match = list.match(subject);
          expect([...match.plain].sort()).toEqual(
            expected
              .filter((entry) => entry.queue === undefined)
              .map((entry) => entry.item)
              .sort(),
          );
          const members = match.queues.flatMap((group) => group.members.map((member) => `${group.queue} ${member}`));
          expect(members.sort()).toEqual(
            expected
              .filter((entry) => entry.queue !== undefined)
              .map((entry) => `${entry.queue} ${entry.item}`)
              .sort(),
          );
          expect(list.size).toBe(model.size);
        }
      }),
      {numRuns: 300},
    );
  });

  test.each([
    ['a.b', undefined],
    ['a.*', undefined],
    ['>', undefined],
    ['a.b', 'workers'],
    ['*.b', 'workers'],
  ])('whoever leaves %s (queue %s) is forgotten by what was remembered', (pattern, queue) => {
    const list = new Sublist<number>();
    list.insert(pattern, 1, queue);
    list.insert(pattern, 2, queue);
    const reached = (): readonly number[] => {
      const match = list.match('a.b');
      return [...match.plain, ...match.queues.flatMap((group) => group.members)];
    };
    expect(reached()).toEqual([1, 2]);
    const {generation} = list;
    list.remove(pattern, 1, queue);
    expect(list.generation).toBeGreaterThan(generation);
    expect(reached()).toEqual([2]);
    list.remove(pattern, 2, queue);
    expect(reached()).toEqual([]);
    expect(list.hasInterest('a.b')).toBe(false);
  });

  test('a change to a literal subject keeps what is remembered of others', () => {
    const list = new Sublist<number>();
    list.insert('a.*', 1);
    const before = list.match('a.b');
    const {generation} = list;
    list.insert('x.y', 2);
    expect(list.generation).toBe(generation);
    expect(list.match('a.b')).toBe(before);
    list.insert('a.b', 3);
    expect(list.generation).toBeGreaterThan(generation);
    expect(list.match('a.b').plain).toHaveLength(2);
  });

  test('a removed last subscription leaves no nodes behind', () => {
    const list = new Sublist<number>();
    list.insert('a.b.c.>', 1);
    expect(list.remove('a.b.c.>', 1)).toBe(true);
    expect(list.remove('a.b.c.>', 1)).toBe(false);
    expect(list.match('a.b.c.d').plain).toEqual([]);
    expect(list.size).toBe(0);
  });

  test('remembers no more subjects than its limit', () => {
    const list = new Sublist<number>();
    list.insert('>', 1);
    for (let index = 0; index < 10_000; index += 1) list.match(`s.${index}`);
    expect(list.cacheSize).toBeLessThanOrEqual(4096);
  });

  test('a publish to a wildcard subject is literal', () => {
    const list = new Sublist<string>();
    for (const pattern of ['foo.*', 'foo.>', '>', 'foo.bar']) list.insert(pattern, pattern);
    expect([...list.match('foo.*').plain].sort()).toEqual(['>', 'foo.*', 'foo.>']);
    expect(list.match('foo..a').plain).toEqual([]);
  });
});
