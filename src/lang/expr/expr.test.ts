import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {ExprError} from '../errors.ts';
import {
  compileExpression,
  evaluateCondition,
  evaluateConditionAsync,
  evaluateExpression,
  type ExprEnvironment,
  exprTypes,
  type ExprValue,
  type ExprValues,
  lookupPath,
  typedList,
} from './index.ts';

const facts =
  '{"country":"mt","int":10,"float":1.25,"yes":true,"list":[1,2,3],"users":[{"name":"bob","age":30},{"name":"jill","age":25}]}';

const environment: ExprEnvironment = {
  variables: {classes: exprTypes.stringList, msg: exprTypes.string},
  functions: {fact: {params: [exprTypes.string], returns: exprTypes.any}, ok: {params: [], returns: exprTypes.bool}},
};

const values: ExprValues = {
  variables: {classes: typedList('string', ['apache', 'role::web']), msg: 'done'},
  functions: {fact: (path = null) => lookupPath(facts, typeof path === 'string' ? path : ''), ok: () => true},
};

const run = (source: string): ExprValue => evaluateExpression(compileExpression(source, environment), values);

describe('expressions', () => {
  test.each<[string, ExprValue]>([
    ['1 + 2 * 3', 7n],
    ['7 / 2', 3.5],
    ['7 % 3', 1n],
    ['2 ** 3 ** 2', 512],
    ['-2 ** 2', -4],
    ['9223372036854775807 + 1', -9223372036854775808n],
    ['1 == 1.0', true],
    ['0x10 + 0b11 + 0o7', 26n],
    ['1_000', 1000n],
    ['"a" + \'b\' + `c`', 'abc'],
    ['"\\u0041\\n"', 'A\n'],
    ['1 < 2 < 3', true],
    ['1 < 2 > 3', false],
    ['1..3', typedList('int', [1n, 2n, 3n])],
    ['[1, 2, 3][-1]', 3n],
    ['[1, 2, 3][1:]', [2n, 3n]],
    ['"hello"[1:3]', 'el'],
    ['{"a": 1}.a', 1n],
    ['{"a": 1}.b', null],
    ['nope?.a.b', null],
    ['nil ?? 5', 5n],
    ['true ? 1 : 2', 1n],
    ['let x = 2; x * x', 4n],
    ['if false {1} else if true {2} else {3}', 2n],
    ['1; 2', 2n],
    ['2 in [1, 2]', true],
    ['"a" not in {"a": 1}', false],
    ['"abc" matches "^a.c$"', true],
    ['not ("abc" contains "z")', true],
    ['"abc" startsWith "a" and "abc" endsWith "c"', true],
    ['fact("int") * 2', 20],
    ['fact("country") | upper()', 'MT'],
    ['map(fact("users"), .name)', ['bob', 'jill']],
    ['filter(1..5, # % 2 == 0)', [2n, 4n]],
    ['any(classes, {# startsWith "role"})', true],
    ['count(fact("users"), .age > 26)', 1n],
    ['reduce(1..4, #acc + #)', 10n],
    ['sum([1, 2.5])', 3.5],
    ['max(1, [5, 3])', 5n],
    ['sort([3, 1, 2], "desc")', [3n, 2n, 1n]],
    ['uniq([1, 1.0, 2])', [1n, 2n]],
    ['len("日本")', 2n],
    ['split("a,b", ",")', typedList('string', ['a', 'b'])],
    ['join(["a", "b"], "-")', 'a-b'],
    ['replace("aaa", "a", "b", 2)', 'bba'],
    ['int("12") + int(1.9)', 13n],
    ['string(1.5) + string(nil)', '1.5<nil>'],
    ['type(1.0)', 'float'],
    ['fromJSON("[1]")', [1]],
    ['toBase64("hi")', 'aGk='],
    ['bitand(6, 3)', 2n],
    ['duration("90m").Hours()', 1.5],
    ['date("2026-11-21").Year()', 2026n],
    ['date("2026-11-22") - date("2026-11-21") == duration("24h")', true],
    ['/* c */ 1 // d', 1n],
    // What the Go program does with a value of another kind than a function is made for.
    ['+fact("country")', 'mt'],
    ['all(fact("country"), # > 100)', true],
    ['reduce(fact("country"), #acc + #)', 225n],
    ['max(fact("country"))', 'mt'],
    ['min(fact("yes"))', true],
    ['first(fact("country"))', 109n],
    ['get(fact("country"), -1)', 116n],
    ['len(sort(fact("country")))', 0n],
    ['get(fact("users")[0], nil)', null],
  ])('%s', (source, wanted) => {
    expect(run(source)).toEqual(wanted);
  });

  test.each([
    '',
    '1 +',
    '"open',
    'nil ?? 1 + 2',
    '1 == "a"',
    '"a" < 1',
    'not 1',
    '1 in ["a"]',
    'fact(1)',
    'fact()',
    '"a" matches "("',
    '9223372036854775808',
    'true or 1 % 0 == 0',
    'let len = 1; len',
    '{"a": 1}[1]',
    '# > 1',
    '@',
    'len()',
  ])('%j does not compile, and says where', (source) => {
    try {
      compileExpression(source, environment);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ExprError);
      expect((error as ExprError).details['line']).toBe(1);
    }
  });

  test.each([
    'fact("country") > 1',
    'fact("int") % 3',
    '[1][5]',
    'nope()',
    'nope.x',
    'int("x")',
    'first(1..3).x',
    '!fact("int")',
    'max(fact("country"), 1)',
    'get(fact("users")[0], 1)',
    'get(fact("list"), "x")',
  ])('%j fails when it runs', (source) => {
    expect(() => run(source)).toThrow(ExprError);
  });

  test('a filter has to be able to give true or false', () => {
    expect(() => compileExpression('1 + 1', environment, {result: 'boolean'})).toThrow(ExprError);
    const program = compileExpression('fact("int")', environment, {result: 'boolean'});
    expect(() => evaluateCondition(program, values)).toThrow(ExprError);
    expect(
      evaluateCondition(compileExpression('ok() && msg == "done"', environment, {result: 'boolean'}), values),
    ).toBe(true);
  });

  test('a slow function is called once for each different call', async () => {
    const calls: string[] = [];
    const slow = async (query: ExprValue = null): Promise<ExprValue> => {
      calls.push(typeof query === 'string' ? query : '');
      return new Map([['state', query]]);
    };
    const program = compileExpression(
      'check("a").state == "a" and check("b").state == "b" and check("a").state != "x"',
      {
        functions: {check: {params: [exprTypes.string], returns: exprTypes.map}},
      },
    );
    expect(await evaluateConditionAsync(program, {asyncFunctions: {check: slow}})).toBe(true);
    expect(calls).toEqual(['a', 'b']);
  });

  test('any text either compiles or is refused with one of our errors', () => {
    const parts = fc.constantFrom(
      '1',
      'x',
      '"s"',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '+',
      '-',
      '*',
      '??',
      '?',
      ':',
      '.',
      '?.',
      '#',
      '|',
      'in',
      'not',
      'let',
      'if',
      'else',
      '=',
      ';',
      ',',
      '..',
      'map',
      'len',
      'fact',
      ' ',
      '&&',
      '==',
    );
    fc.assert(
      fc.property(fc.array(parts, {maxLength: 25}), (tokens) => {
        try {
          evaluateExpression(compileExpression(tokens.join(' '), environment), values, {budget: {steps: 5_000}});
        } catch (error) {
          expect(error).toBeInstanceOf(ExprError);
        }
      }),
      {numRuns: 2_000},
    );
  });

  test('integer arithmetic wraps as 64 bits do', () => {
    fc.assert(
      fc.property(fc.bigInt({min: 0n, max: 2n ** 63n - 1n}), fc.bigInt({min: 0n, max: 2n ** 63n - 1n}), (a, b) => {
        expect(run(`${a} + ${b}`)).toBe(BigInt.asIntN(64, a + b));
        expect(run(`${a} * ${b}`)).toBe(BigInt.asIntN(64, a * b));
      }),
    );
  });
});
