import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {Clock} from '../../lib/platform.ts';
import type {TextSink} from '../types.ts';
import {renderBytes} from './bytes.ts';
import {colours} from './colour.ts';
import {horizontalGroups, inGroups, nameColumns, verticalGroups} from './columns.ts';
import {inert, inertJson, inertLine} from './inert.ts';
import {createProgress, renderBar, renderFrame} from './progress.ts';
import {renderTable} from './table.ts';

const plain = colours({sink: {isTerminal: false}, env: {}});

describe('inert text', () => {
  // eslint-disable-next-line no-control-regex
  const active = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

  test('shows escapes, overwrites and direction marks instead of sending them', () => {
    expect(inert('a\u001b[2Jb')).toBe('a\\x1b[2Jb');
    expect(inert('good\rbad')).toBe('good\\x0dbad');
    expect(inert('x\u202ey')).toBe('x\\u202ey');
    expect(inert('line\r\nnext\tcell')).toBe('line\nnext\tcell');
    expect(inertLine('a\nb')).toBe('a\\nb');
    expect(inert('\u009b31m')).toBe('\\x9b31m');
    expect(inert('caf\u00e9 \u{1f600} \u4e2d')).toBe('caf\u00e9 \u{1f600} \u4e2d');
  });

  test('never lets an active letter through, whatever a node sends', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), (text) => {
        expect(active.test(inert(text))).toBe(false);
        expect(/[\n\t]/.test(inertLine(text))).toBe(false);
      }),
    );
  });

  test('leaves the meaning of JSON as it was', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), (text) => {
        const json = JSON.stringify({text});
        expect(JSON.parse(inertJson(json))).toEqual({text});
        expect(active.test(inertJson(json))).toBe(false);
      }),
    );
  });
});

describe('colours', () => {
  test('appear only on a terminal that wants them', () => {
    const terminal = {isTerminal: true};
    expect(colours({sink: terminal, env: {TERM: 'xterm'}}).red('x')).toBe('\u001b[31mx\u001b[0m');
    expect(colours({sink: terminal, env: {}}).bold('x')).toBe('\u001b[1mx\u001b[22m');
    for (const options of [
      {sink: {isTerminal: false}, env: {}},
      {sink: terminal, env: {NO_COLOR: '1'}},
      {sink: terminal, env: {TERM: 'dumb'}},
      {sink: terminal, env: {}, configured: false},
    ]) {
      expect(colours(options).red('x')).toBe('x');
    }
    expect(colours({sink: terminal, env: {NO_COLOR: ''}}).enabled).toBe(true);
  });
});

describe('tables', () => {
  test('draw a title over all columns and widen only the last one for it', () => {
    expect(renderTable({title: 'wide title', headers: ['a', 'b'], rows: [[1, 2.5]]})).toBe(
      [
        '╭────────────╮',
        '│ wide title │',
        '├───┬────────┤',
        '│ a │ b      │',
        '├───┼────────┤',
        '│ 1 │ 2.50   │',
        '╰───┴────────╯',
        '',
      ].join('\n'),
    );
  });

  test('count code points and keep hostile cells on their line', () => {
    const table = renderTable({headers: ['x'], rows: [['\u4e2d'], ['a\nb']]});
    expect(table.split('\n')).toHaveLength(7);
    expect(table).toContain('│ \u4e2d    │');
  });
});

describe('columns', () => {
  test('fill rows or columns first', () => {
    expect(horizontalGroups(['a', 'b', 'c', 'd'], 3)).toEqual([
      ['a', 'b', 'c'],
      ['d', '', ''],
    ]);
    expect(verticalGroups(['a', 'b', 'c', 'd'], 3)).toEqual([
      ['a', 'c', ''],
      ['b', 'd', ''],
    ]);
    expect(inGroups([1, 2, 3], 2)).toEqual([[1, 2], [3]]);
    expect(nameColumns(['a', 'bb'], {columns: 3, indent: 2, padding: 1, order: 'rows'})).toBe('  a  bb    \n');
  });

  test('keep every name exactly once', () => {
    fc.assert(
      fc.property(fc.array(fc.string({minLength: 1})), fc.integer({min: 1, max: 9}), (names, size) => {
        expect(
          verticalGroups(names, size)
            .flat()
            .filter((name) => name !== '')
            .sort(),
        ).toEqual([...names].sort());
        expect(inGroups(names, size).flat()).toEqual(names);
      }),
    );
  });
});

test('sizes have two digits at most below ten', () => {
  expect([0, 1023, 1024, 10_240, 1_048_575].map(renderBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '10 KiB',
    '1024 KiB',
  ]);
});

describe('the progress bar', () => {
  test('has its head inside the full part and brackets at the ends', () => {
    expect(renderBar(0, 10)).toBe('[--------]');
    expect(renderBar(0.5, 10)).toBe('[===>----]');
    expect(renderBar(1, 10)).toBe('[========]');
    expect(renderFrame({current: 3, total: 5, elapsedMs: 65_000, columns: 50}, plain)).toBe(
      '3 / 5  1m5s [==========>-------]  60%',
    );
  });

  interface Manual extends Clock {
    advance(ms: number): void;
  }

  function manualClock(): Manual {
    let now = 0;
    let timers: {due: number; callback: () => void}[] = [];
    return {
      nowMs: () => now,
      monotonicMs: () => now,
      setTimer(callback, delayMs) {
        const timer = {due: now + delayMs, callback};
        timers.push(timer);
        return {cancel: () => (timers = timers.filter((item) => item !== timer))};
      },
      advance(ms) {
        const end = now + ms;
        for (;;) {
          const next = timers.filter((item) => item.due <= end).sort((a, b) => a.due - b.due)[0];
          if (next === undefined) break;
          timers = timers.filter((item) => item !== next);
          now = next.due;
          next.callback();
        }
        now = end;
      },
    };
  }

  function sink(columns: number): TextSink & {text(): string} {
    const parts: string[] = [];
    return {
      write: (text) => void parts.push(text),
      isTerminal: true,
      columns,
      text: () => parts.join(''),
    };
  }

  test('redraws at most every 10 ms, in place, and ends with a blank line', () => {
    const [clock, out] = [manualClock(), sink(50)];
    const progress = createProgress({sink: out, clock, paint: plain, total: 3, what: 'a#b'});
    progress.start();
    progress.advance();
    progress.advance();
    clock.advance(10);
    progress.advance();
    progress.stop();
    clock.advance(60_000);
    expect(out.text()).toBe(
      [
        '',
        '0 / 3   --- [------------------]   0%',
        '\u001b[1A\u001b[2K2 / 3    0s [===========>------]  67%',
        '\u001b[1A\u001b[2K3 / 3    0s [==================] 100%',
        '',
        '',
      ].join('\n'),
    );
  });

  test('a narrow terminal gets one line instead', () => {
    const [clock, out] = [manualClock(), sink(34)];
    const progress = createProgress({sink: out, clock, paint: plain, total: 3, what: 'a#b'});
    progress.start();
    progress.advance();
    progress.stop();
    expect(out.text()).toBe('\nInvoking a#b action\n\n');
  });
});
