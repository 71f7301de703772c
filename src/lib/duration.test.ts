import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {
  DurationError,
  durationNsMax,
  formatGoDuration,
  formatGoDurationMs,
  msToNs,
  nsToMs,
  parseCliDuration,
  parseExtendedDuration,
  parseGoDuration,
  renderDuration,
  roundDuration,
} from './duration.ts';

const hour = 3_600_000_000_000n;

describe('Go durations', () => {
  test.each<[string, bigint]>([
    ['0', 0n],
    ['1h30m', (hour * 3n) / 2n],
    ['-1.5s', -1_500_000_000n],
    ['.5s', 500_000_000n],
    ['1.s', 1_000_000_000n],
    ['+3ms', 3_000_000n],
    ['1\u00b5s1\u03bcs1us', 3_000n],
    ['9223372036854775807ns', durationNsMax],
    ['-9223372036854775808ns', -durationNsMax - 1n],
  ])('%s is read', (text, ns) => expect(parseGoDuration(text)).toBe(ns));

  test.each([
    ['', 'time: invalid duration ""'],
    ['-', 'time: invalid duration "-"'],
    ['.s', 'time: invalid duration ".s"'],
    ['3', 'time: missing unit in duration "3"'],
    ['3x', 'time: unknown unit "x" in duration "3x"'],
    ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['9223372036854775808ns', 'time: invalid duration "9223372036854775808ns"'],
    ['1"', 'time: unknown unit "\\"" in duration "1\\""'],
    ['1\u00e9', 'time: unknown unit "\\xc3\\xa9" in duration "1\\xc3\\xa9"'],
  ])('%s is refused in Go\u2019s words', (text, message) => {
    expect(() => parseGoDuration(text)).toThrow(new DurationError('ERR_DURATION_INVALID', message));
  });

  test('what is written is read back as the same duration', () => {
    fc.assert(
      fc.property(fc.bigInt({min: -durationNsMax, max: durationNsMax}), (ns) => {
        expect(parseGoDuration(formatGoDuration(ns))).toBe(ns);
      }),
    );
  });

  test('milliseconds become nanoseconds and back without loss below three months', () => {
    fc.assert(
      fc.property(fc.bigInt({min: -7_000_000_000_000_000n, max: 7_000_000_000_000_000n}), (ns) => {
        expect(msToNs(nsToMs(ns))).toBe(ns);
      }),
    );
    expect(formatGoDurationMs(2080)).toBe('2.08s');
  });

  test('no text makes the parsers fail in another way than by their own error', () => {
    const parsers = [parseGoDuration, parseExtendedDuration, parseCliDuration];
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+]?[0-9._eE]{0,6}[a-zA-Z]{0,2}$/)), (text) => {
        for (const parse of parsers) {
          try {
            expect(typeof parse(text)).toBe('bigint');
          } catch (error) {
            expect(error).toBeInstanceOf(DurationError);
          }
        }
      }),
    );
  });
});

describe('extended durations', () => {
  test.each<[string, bigint]>([
    ['', 0n],
    ['2w', 336n * hour],
    ['1_0d', 240n * hour],
    ['1e1d', 240n * hour],
    ['0.04d', 0n],
    ['-0.5d', -12n * hour],
    ['0x1p3d', 192n * hour],
    ['\u00a01h\u0085', hour],
  ])('%s is whole hours', (text, ns) => expect(parseExtendedDuration(text)).toBe(ns));

  test.each(['90', '1d12h', '1H', '1x', '1\u00b5', '_1d', '1_d', '1e40d', 'd'])('%s is refused', (text) => {
    expect(() => parseExtendedDuration(text)).toThrow(DurationError);
  });
});

describe('durations for people', () => {
  test('exact halves go to the even digit, as on the other programs', () => {
    expect(renderDuration(125_000_000n)).toBe('0.12s');
    expect(renderDuration(375_000_000n)).toBe('0.38s');
  });

  test('rounding takes halves away from zero and stays in range', () => {
    expect(roundDuration(1_500_000n, 1_000_000n)).toBe(2_000_000n);
    expect(roundDuration(-1_500_000n, 1_000_000n)).toBe(-2_000_000n);
    expect(roundDuration(durationNsMax, 1_000_000_000n)).toBe(durationNsMax);
  });

  test('a sign counts only in front of the first part of a flag', () => {
    expect(parseCliDuration('-1h30m')).toBe(-(hour * 3n) / 2n);
    expect(parseCliDuration('1h-30m')).toBe((hour * 3n) / 2n);
  });
});
