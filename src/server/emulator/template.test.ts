import {describe, expect, test} from 'vitest';
import {parseTemplate} from './template.ts';

describe('templates of emulated nodes', () => {
  test.each([
    ['web-{n:3}.example.net', 7, 'web-007.example.net'],
    ['web-{n:3}.example.net', 12345, 'web-12345.example.net'],
    ['{n}', 0, '0'],
    ['{pick:mt|de|us}', 4, 'de'],
    ['plain', 1, 'plain'],
    ['{n}-{n}', 2, '2-2'],
  ])('%s for node %d is %s', (text, number, result) => {
    expect(parseTemplate(text)(number)).toBe(result);
  });

  test.each(['{}', '{m}', '{n:99}', '{n:x}'])('%s is refused with what would be right', (text) => {
    expect(() => parseTemplate(text)).toThrow('is not one of {n}');
  });
});
