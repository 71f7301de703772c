/**
 * Compiles and runs expressions of expr-lang 1.17 in a bounded interpreter: no host code is ever evaluated, no prototype is
 * reachable, every evaluation has a budget.
 */
import {ExprError} from '../errors.ts';
import type {Node} from './ast.ts';
import {ExprBudget, type ExprBudgetLimits} from './budget.ts';
import {Checker} from './checker.ts';
import {Evaluator} from './evaluator.ts';
import {formatValue} from './format.ts';
import {exprAsyncCallsMax} from './limits.ts';
import {parseExpression} from './parser.ts';
import {type ExprEnvironment, type ExprType, typeText} from './types.ts';
import {type ExprFunction, type ExprValue, typeName} from './values.ts';

/** A compiled expression; reusable for any number of evaluations, also at the same time. */
export interface ExprProgram {
  readonly source: string;
  readonly root: Node;
  /** What the expression gives as far as known before it runs. */
  readonly type: ExprType;
}

export interface CompileOptions {
  /** `boolean`: refuse expressions that can only give something else. */
  readonly result?: 'any' | 'boolean';
}

/** The values behind the names of the environment. */
export interface ExprValues {
  readonly variables?: Readonly<Record<string, ExprValue>>;
  readonly functions?: Readonly<Record<string, ExprFunction>>;
  /** Slow functions, such as data plugins that are programs; only for `evaluateExpressionAsync`. */
  readonly asyncFunctions?: Readonly<Record<string, (...args: readonly ExprValue[]) => Promise<ExprValue>>>;
}

export interface EvaluateOptions {
  readonly budget?: ExprBudgetLimits;
  /** Wall clock for `now()`, in ms since 1970. */
  readonly nowMs?: number;
}

/**
 * @throws {ExprError} `ERR_EXPR_SYNTAX` | `ERR_EXPR_TYPE` | `ERR_EXPR_BUDGET`; `details.line` and `details.column`
 * @example
 * const program = compileExpression('ok() && msg != ""', environment, {result: 'boolean'});
 */
export function compileExpression(
  source: string,
  environment: ExprEnvironment,
  options: CompileOptions = {},
): ExprProgram {
  const root = parseExpression(source);
  const checker = new Checker(source, environment);
  const type = checker.check(root, {names: new Map()});
  if (options.result === 'boolean' && type.kind !== 'bool' && type.kind !== 'any') {
    throw checker.fail(`it gives ${typeText(type)}, expected true or false`, root);
  }
  return {source, root, type};
}

/** @throws {ExprError} `ERR_EXPR_RUN` | `ERR_EXPR_BUDGET` */
export function evaluateExpression(program: ExprProgram, values: ExprValues, options: EvaluateOptions = {}): ExprValue {
  return evaluate(program, {values, functions: new Map(Object.entries(values.functions ?? {})), options});
}

/** As `evaluateExpression`, for expressions that have to give true or false. */
export function evaluateCondition(program: ExprProgram, values: ExprValues, options: EvaluateOptions = {}): boolean {
  return requireBoolean(evaluateExpression(program, values, options));
}

/**
 * Evaluates with slow functions: when a call is met whose result is not known yet, it is made, and the expression runs again. Each
 * different call is made once, so side effects and costs stay those of one evaluation.
 *
 * @throws {ExprError} `ERR_EXPR_RUN` | `ERR_EXPR_BUDGET` (also when more than `exprAsyncCallsMax` different calls are asked for)
 */
export async function evaluateExpressionAsync(
  program: ExprProgram,
  values: ExprValues,
  options: EvaluateOptions = {},
): Promise<ExprValue> {
  const known = new Map<string, ExprValue>();
  const functions = new Map(Object.entries(values.functions ?? {}));
  for (const [name, slow] of Object.entries(values.asyncFunctions ?? {})) {
    functions.set(name, (...args) => {
      const key = `${name}(${args.map((item) => `${typeName(item)}:${formatValue(item)}`).join(',')})`;
      if (known.has(key)) return known.get(key) ?? null;
      throw new PendingCall(key, () => slow(...args));
    });
  }
  for (;;) {
    try {
      return evaluate(program, {values, functions, options});
    } catch (error) {
      if (!(error instanceof PendingCall)) throw error;
      if (known.size >= exprAsyncCallsMax) {
        throw new ExprError(
          'ERR_EXPR_BUDGET',
          `Cannot evaluate the expression: it makes more than ${exprAsyncCallsMax} calls to data plugins`,
        );
      }
      known.set(error.key, await error.start());
    }
  }
}

export async function evaluateConditionAsync(
  program: ExprProgram,
  values: ExprValues,
  options: EvaluateOptions = {},
): Promise<boolean> {
  return requireBoolean(await evaluateExpressionAsync(program, values, options));
}

class PendingCall extends Error {
  readonly key: string;
  readonly start: () => Promise<ExprValue>;

  constructor(key: string, start: () => Promise<ExprValue>) {
    super('a call whose result is not known yet');
    this.key = key;
    this.start = start;
  }
}

interface Evaluation {
  readonly values: ExprValues;
  readonly functions: ReadonlyMap<string, ExprFunction>;
  readonly options: EvaluateOptions;
}

function evaluate(program: ExprProgram, {values, functions, options}: Evaluation): ExprValue {
  const evaluator = new Evaluator({
    source: program.source,
    budget: new ExprBudget(options.budget),
    nowMs: options.nowMs ?? 0,
    variables: new Map(Object.entries(values.variables ?? {})),
    functions,
  });
  return evaluator.run(program.root);
}

function requireBoolean(value: ExprValue): boolean {
  if (typeof value === 'boolean') return value;
  throw new ExprError('ERR_EXPR_RUN', `Cannot use the expression: it gave ${typeName(value)}, expected true or false`);
}
