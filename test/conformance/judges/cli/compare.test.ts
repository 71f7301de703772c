/**
 * Tests the judge itself: a comparison that lets too much pass proves nothing. Samples mark their variable parts with «»; every change
 * of anything else must be noticed, and every change inside the marks must not.
 */
import {assert, constantFrom, nat, pre, property} from 'fast-check';
import {describe, expect, test} from 'vitest';
import {type ActualRun, compareRun, type Transcript} from './_compare.ts';

interface Sample {
  readonly argv: readonly string[];
  readonly text: string;
  readonly exit?: number;
}

const samples: Readonly<Record<string, Sample>> = {
  ping: {
    argv: ['choria', 'ping'],
    text: 'n1.example.net                           time=«12» ms\nn2.example.net                           time=«7» ms\n\n\n---- ping statistics ----\n2 replies max: «12ms» min: «7ms» avg: «9ms» overhead: «21ms»\n',
  },
  find: {argv: ['choria', 'find'], text: 'n1.example.net\nn2.example.net\nn3.example.net\n'},
  json: {argv: ['choria', 'find', '-j'], text: '[\n  "n1.example.net",\n  "n2.example.net"\n]\n'},
  failure: {
    argv: ['choria', 'find', '--dm', 'file'],
    text: 'time="«2026-11-21T03:56:47Z»" level=fatal msg="Could not run Choria: source file not specified"\n',
    exit: 1,
  },
  replies: {
    argv: ['choria', 'req', 'rpcutil', 'get_fact', 'fact=country', '--np'],
    text: 'Discovering nodes using the mc method .... 2\nn1.example.net                           \n\n    Fact: country\n   Value: mt\n\nn2.example.net                           \n\n    Fact: country\n   Value: de\n\nSummary of Value:\n\n   mt: 4\n   de: 2\n\n\nFinished processing 2 / 2 hosts in «2.012s»\n',
  },
  facts: {
    argv: ['choria', 'facts', 'country'],
    text: 'Report for fact: country\n\n  us found 1 times\n  de found 2 times\n  mt found 4 times\n\nFinished processing 7 / 7 hosts in «2.033s»\n',
  },
  document: {
    argv: ['choria', 'req', 'rpcutil', 'ping', '--json'],
    text: '{\n   "agent": "rpcutil",\n   "replies": [\n      {\n         "sender": "n1.example.net",\n         "statuscode": 0,\n         "data": {\n            "fact": "country",\n            "value": 42\n         }\n      }\n   ],\n   "request_stats": {\n      "requestid": "«0123456789abcdef0123456789abcdef»",\n      "discovered": 1,\n      "request_time": «4711»\n   }\n}\n',
  },
};

const variable = /«([^»]*)»/g;

function plain(text: string): string {
  return text.replaceAll(variable, '$1');
}

/** Which characters of the plain text count. */
function countingPositions(text: string): readonly number[] {
  const positions: number[] = [];
  let index = 0;
  let isVariable = false;
  for (const char of text) {
    if (char === '«') isVariable = true;
    else if (char === '»') isVariable = false;
    else {
      if (!isVariable) positions.push(index);
      index += 1;
    }
  }
  return positions;
}

function verdict(sample: Sample, found: Partial<ActualRun>): boolean {
  const wanted: Transcript = {
    name: 'sample',
    argv: sample.argv,
    stdout: plain(sample.text),
    stderr: '',
    exit: sample.exit ?? 0,
  };
  const run = {stdout: plain(sample.text), stderr: '', output: '', exit: sample.exit ?? 0, ...found};
  return compareRun(wanted, run).passed;
}

const names = Object.keys(samples);
const anySample = constantFrom(...names).map((name) => samples[name] as Sample);

describe('the comparison of transcripts', () => {
  test.each(names)('accepts %s as it is', (name) => {
    expect(verdict(samples[name] as Sample, {})).toBe(true);
  });

  test('accepts other values of the variable parts', () => {
    for (const sample of Object.values(samples)) {
      const digits = sample.text.replaceAll(variable, (_all, part: string) => part.replaceAll(/[3-8]/g, '9'));
      const lively = digits.replaceAll('9999', '2026').replaceAll(/-\d\d-\d\dT\d\d/g, '-10-11T12');
      expect(verdict(sample, {stdout: lively.replaceAll(/:99/g, ':09')}), lively).toBe(true);
    }
  });

  test('notices any other letter or digit that changed', () => {
    assert(
      property(anySample, nat(), constantFrom('x', 'Q', '#'), (sample, at, letter) => {
        const text = plain(sample.text);
        const positions = countingPositions(sample.text).filter((index) => /[A-Za-z0-9]/.test(text[index] ?? ''));
        const index = positions[at % positions.length] ?? 0;
        pre(text[index] !== letter);
        expect(verdict(sample, {stdout: text.slice(0, index) + letter + text.slice(index + 1)})).toBe(false);
      }),
      {numRuns: 500},
    );
  });

  test('notices a line that is missing, doubled or new', () => {
    assert(
      property(anySample, nat(), constantFrom('missing', 'doubled', 'new'), (sample, at, change) => {
        const lines = plain(sample.text).split('\n').slice(0, -1);
        const index = at % lines.length;
        const line = lines[index] ?? '';
        const isJson = plain(sample.text).startsWith('{') || plain(sample.text).startsWith('[');
        pre(!isJson && line !== '');
        const instead = {missing: [], doubled: [line, line], new: [line, 'something else']}[change] ?? [];
        const text = `${lines.toSpliced(index, 1, ...instead).join('\n')}\n`;
        expect(verdict(sample, {stdout: text}), text).toBe(false);
      }),
      {numRuns: 300},
    );
  });

  test('notices another exit code, and text on the other stream', () => {
    for (const sample of Object.values(samples)) {
      expect(verdict(sample, {exit: (sample.exit ?? 0) + 1})).toBe(false);
      expect(verdict(sample, {stdout: '', stderr: plain(sample.text)})).toBe(false);
      expect(verdict(sample, {stderr: 'panic\n'})).toBe(false);
    }
  });

  test('notices a reply whose lines moved to another node', () => {
    const text = plain(samples['replies']?.text ?? '');
    const swapped = text
      .replace('Value: mt', 'Value: ?')
      .replace('Value: de', 'Value: mt')
      .replace('Value: ?', 'Value: de');
    expect(verdict(samples['replies'] as Sample, {stdout: swapped})).toBe(false);
  });

  test('accepts replies in another order, but not with --sort', () => {
    const sample = samples['replies'] as Sample;
    const text = plain(sample.text);
    const [, first = '', second = ''] = /(n1.*?\n\n)(n2.*?\n\n)(?=Summary)/s.exec(text) ?? [];
    const other = text.replace(first + second, second + first);
    expect(other).not.toBe(text);
    expect(verdict(sample, {stdout: other})).toBe(true);
    expect(verdict({...sample, argv: [...sample.argv, '--sort']}, {stdout: other})).toBe(false);
  });

  test('notices summary lines whose counts are in the wrong order', () => {
    const sample = samples['replies'] as Sample;
    const other = plain(sample.text).replace('   mt: 4\n   de: 2\n', '   de: 2\n   mt: 4\n');
    expect(verdict(sample, {stdout: other})).toBe(false);
  });

  test('a bar that ends somewhere else, is too wide or counts backward is noticed', () => {
    const bar = (current: number, total: number): string => {
      const filled = Math.floor((20 * current) / total);
      const letters: string[] = Array.from({length: 20}, (_unused, index) => (index < filled ? '=' : '-'));
      if (filled > 0 && filled < 20) letters[filled - 1] = '>';
      letters[0] = '[';
      letters[19] = ']';
      const elapsed = current === 0 ? '  ---' : '   0s';
      return `${current} / ${total} ${elapsed} ${letters.join('')} ${((current * 100) / total).toFixed(0).padStart(3)}%`;
    };
    const redraw = '\u001b[1A\u001b[2K';
    const sample: Sample = {
      argv: ['choria', 'req', 'rpcutil', 'ping'],
      text: `\n${bar(0, 4)}\n${redraw}${bar(4, 4)}\n\n`,
    };
    expect(verdict(sample, {stdout: `\n${bar(0, 4)}\n${redraw}${bar(2, 4)}\n${redraw}${bar(4, 4)}\n\n`})).toBe(true);
    expect(verdict(sample, {stdout: `\n${bar(0, 4)}\n${redraw}${bar(3, 4)}\n\n`})).toBe(false);
    expect(verdict(sample, {stdout: `\n${bar(0, 4)}\n${bar(4, 4)}\n\n`})).toBe(false);
    expect(verdict(sample, {stdout: `\n${bar(3, 4)}\n${redraw}${bar(1, 4)}\n${redraw}${bar(4, 4)}\n\n`})).toBe(false);
    expect(verdict(sample, {stdout: `\n${bar(0, 4)}\n${redraw}${bar(4, 4).replace('=', '-')}\n\n`})).toBe(false);
  });
});
