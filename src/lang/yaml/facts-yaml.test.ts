import {describe, expect, test} from 'vitest';
import {LangError} from '../errors.ts';
import {parseYamlFacts} from './facts-yaml.ts';

const one = (text: string): unknown => (parseYamlFacts(`v: ${text}`) as ReadonlyMap<string, unknown>).get('v');

describe('YAML facts', () => {
  test.each([
    ['1', 1],
    ['-7', -7],
    ['017', 15],
    ['0x1f', 31],
    ['1.5', 1.5],
    ['true', true],
    ['False', false],
    ['~', null],
    ['', null],
    ['yes', 'yes'],
    ['on', 'on'],
    ['1e3', '1e3'],
    ['2026-11-21', '2026-11-21'],
    ['1.2.3', '1.2.3'],
    ['"1"', '1'],
    ["'true'", 'true'],
    ['!!str 1', '1'],
    [':val', ':val'],
    ['08', '08'],
  ])('%j is %j', (text, value) => {
    expect(one(text)).toBe(value);
  });

  test('aliases and merge keys unfold, own keys win', () => {
    const data = parseYamlFacts('a: &a {k: v, q: old}\nb: {<<: *a, q: new}\nc: *a\n') as ReadonlyMap<string, unknown>;
    expect(data.get('b')).toEqual(
      new Map([
        ['k', 'v'],
        ['q', 'new'],
      ]),
    );
    expect(data.get('c')).toEqual(data.get('a'));
  });

  test('a file of a few lines does not unfold into gigabytes', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 10; level += 1) {
      lines.push(`a${level}: &a${level} [${Array.from({length: 10}, () => `*a${level - 1}`).join(', ')}]`);
    }
    expect(() => parseYamlFacts(lines.join('\n'))).toThrow(LangError);
  });

  test('an alias to itself is refused', () => {
    expect(() => parseYamlFacts('a: &a [*a]')).toThrow(LangError);
  });

  test('broken text names its place', () => {
    expect(() => parseYamlFacts('a: [1\n')).toThrow(/^\[\d+:\d+\]/);
  });
});
