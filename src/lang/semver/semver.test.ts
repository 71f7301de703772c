import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {LangError} from '../errors.ts';
import {compareVersions, parseConstraint, parseVersion, satisfies} from './index.ts';

const check = (version: string, constraint: string): boolean =>
  satisfies(parseVersion(version), parseConstraint(constraint));

describe('version constraints', () => {
  test.each([
    ['1.2.3', '>= 1.2.0', true],
    ['1.2.3', '> 1.2', false],
    ['1.3.0', '> 1.2', true],
    ['1.2.9', '<= 1.2', true],
    ['1.3.0', '<= 1.2', false],
    ['1.2.3', '1.x', true],
    ['2.0.0', '1.x', false],
    ['1.2.3', '~1.2', true],
    ['1.3.0', '~1.2', false],
    ['1.9.0', '~1', true],
    ['1.9.0', '^1.2', true],
    ['2.0.0', '^1.2', false],
    ['0.2.5', '^0.2.3', true],
    ['0.3.0', '^0.2.3', false],
    ['0.0.4', '^0.0.3', false],
    ['1.3.5', '1.2 - 1.4', true],
    ['1.5.0', '1.2 - 1.4', false],
    ['1.2.3', '>= 1, < 2', true],
    ['1.2.3', '>= 1 < 2', true],
    ['3.1.0', '1.x || 3.x', true],
    ['1.2.3', '!= 1.2.3', false],
    ['1.2.3', '=> 1.2.3', true],
    ['1.2.3', '*', true],
    ['v1.2', '=1.2.0', true],
    ['1.2.3-beta.1', '>= 1.2.0', false],
    ['1.2.3-beta.1', '>= 1.2.3-alpha', true],
  ])('%s against %s', (version, constraint, matched) => {
    expect(check(version, constraint)).toBe(matched);
  });

  test.each(['', '>>1', '1..2', 'abc', '>', '1,,2', '1.2.3.4', `>${'1'.repeat(500)}`])(
    '%j is refused',
    (constraint) => {
      expect(() => parseConstraint(constraint)).toThrow(LangError);
    },
  );

  test.each(['', 'x', '1.2.3.4', '1.2.3-', '1.2.3-01', 'nonsense'])('%j is no version', (version) => {
    expect(() => parseVersion(version)).toThrow(LangError);
  });

  test('pre-releases order by their parts', () => {
    const order = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
    ];
    expect(order.toReversed().toSorted((a, b) => compareVersions(parseVersion(a), parseVersion(b)))).toEqual(order);
  });

  test('comparing is consistent for any three versions', () => {
    const version = fc
      .tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.constantFrom('', '-a', '-1', '-a.1'))
      .map(([a, b, c, pre]) => parseVersion(`${a}.${b}.${c}${pre}`));
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(compareVersions(a, b)).toBe(0 - compareVersions(b, a));
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
