import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {builtinAgentDdl, builtinAgentNames, builtinDataDdl, builtinDataNames} from './builtin/index.ts';
import {DdlError} from './errors.ts';
import {formatFixed} from '../lib/go-number.ts';
import {formatShortest} from './go-float.ts';
import {goFormat} from './go-format.ts';
import {parseGoFloat, parseGoInteger} from './go-numbers.ts';
import {actionFromDocument, parseAgentDdl} from './parse.ts';
import {ddlToRuby} from './render-ruby.ts';
import {renderDataDdlConsole, renderDdlConsole, renderDdlMarkdown} from './render-text.ts';
import {checkRequestData, withOutputDefaults} from './request.ts';
import {rubyDdlToJson} from './ruby/to-json.ts';
import {validateDdlDocument} from './schema.ts';

describe('built-in descriptions', () => {
  // Certificate requests have inputs named after the fields of a certificate, which the schema would not take.
  test.each(builtinAgentNames.filter((name) => name !== 'choria_provision'))('%s passes the schema', (name) => {
    expect(validateDdlDocument(builtinAgentDdl(name, '1.0.0')?.document)).toEqual([]);
  });

  test.each(builtinAgentNames)('%s can be shown and read back from Ruby', (name) => {
    const ddl = builtinAgentDdl(name, '1.0.0');
    if (!ddl) throw new Error('it is in the list');
    expect(renderDdlConsole(ddl)).toContain('Available Actions');
    expect(renderDdlMarkdown(ddl)).toContain('## Actions');
    if (!['executor', 'choria_registry'].includes(name))
      expect(rubyDdlToJson(ddlToRuby(ddl))).toHaveProperty('actions');
  });

  test.each(builtinDataNames)('data plugin %s can be shown', (name) => {
    const ddl = builtinDataDdl(name, '1.0.0');
    expect(ddl && renderDataDdlConsole(ddl)).toContain('Data Provider version 1.0.0');
  });
});

describe('reading', () => {
  test('any text either reads or fails with an error of ours', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseAgentDdl(text);
        } catch (error) {
          if (!(error instanceof DdlError)) throw error;
        }
      }),
    );
  });

  test('any Ruby text either reads or fails with an error of ours', () => {
    const word = fc.constantFrom(
      'metadata',
      'action',
      'input',
      ':a',
      '"b"',
      "'c'",
      '=>',
      ',',
      'do',
      'end',
      '\n',
      '[',
      ']',
      '#{',
      '(',
      ')',
      '{',
      '}',
      '|',
      '1',
      '.each',
    );
    fc.assert(
      fc.property(fc.array(word, {maxLength: 30}), (words) => {
        try {
          rubyDdlToJson(words.join(' '));
        } catch (error) {
          if (!(error instanceof DdlError)) throw error;
        }
      }),
    );
  });

  test('keys such as __proto__ are data like any other', () => {
    const action = actionFromDocument(
      JSON.parse(
        '{"action":"a","input":{"__proto__":{"type":"string","optional":true,"maxlength":5}},"output":{"constructor":{"default":1}}}',
      ),
    );
    expect(checkRequestData(action, JSON.parse('{"__proto__":"x"}')).error).toBeUndefined();
    expect(Object.hasOwn(withOutputDefaults(action, {}), 'constructor')).toBe(true);
    expect(({} as {polluted?: unknown}).polluted).toBeUndefined();
  });

  test('names that would become Ruby code are refused', () => {
    const ddl = parseAgentDdl(
      '{"metadata":{"name":"x"},"actions":[{"action":"a","input":{"b; system(1)":{"type":"boolean"}},"output":{}}]}',
    );
    expect(() => ddlToRuby(ddl)).toThrow(DdlError);
  });
});

describe('numbers and formats as Go writes them', () => {
  test('integers read back what was written, to the last of 64 bits', () => {
    fc.assert(
      fc.property(
        fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}),
        (value) => BigInt(parseGoInteger(value.toString()) ?? 0) === value,
      ),
    );
    expect(parseGoInteger('9223372036854775808')).toBeUndefined();
  });

  test('the shortest form of a float reads back the same', () => {
    fc.assert(
      fc.property(fc.double({noNaN: true, noDefaultInfinity: true}), (value) =>
        Object.is(parseGoFloat(formatShortest(value)), value),
      ),
    );
  });

  test.each([
    [0.5, 0, '0'],
    [2.5, 0, '2'],
    [1.005, 2, '1.00'],
    [1e21, 1, '1000000000000000000000.0'],
    [-0.04, 1, '-0.0'],
  ])('%d with %d decimals is %s', (value, decimals, text) => {
    expect(formatFixed(value, decimals)).toBe(text);
  });

  test.each([
    ['%5d|%-5d|%05d', [{integer: 42}, {integer: 42}, {integer: -42}], '   42|42   |-0042'],
    ['%s', ['a', {integer: 2}], 'a%!(EXTRA int=2)'],
    ['%d', [{float: 1.66}], '%!d(float64=1.66)'],
    ['%s %s', ['a'], 'a %!s(MISSING)'],
    ['100%', [], '100%!(NOVERB)'],
    ['%5d|%.1f|%05d', ['a', 'abc', 'é'], '%!d(string=    a)|%!f(string=a)|%!d(string=0000é)'],
    ['%+v %+d', [{float: 3.5}, {integer: 3}], '3.5 +3'],
    ['%[2]d %[1]s', ['a', {integer: 2}], '2 a'],
    ['%.2s|%q', ['日本語', 'x'], '日本|"x"'],
    ['%v %g', [{float: 1e6}, {float: 0.00001}], '1e+06 1e-05'],
  ] as const)('%s', (format, args, text) => {
    expect(goFormat(format, args)).toBe(text);
  });
});
