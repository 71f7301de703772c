/** What a part of the evaluator or checker sees around it; apart from them so that their helpers need not import them. */
import type {ExprError} from '../errors.ts';
import type {Node} from './ast.ts';
import type {ExprBudget} from './budget.ts';
import type {ExprType} from './types.ts';
import type {ExprValue} from './values.ts';

export interface Scope {
  readonly names: ReadonlyMap<string, ExprValue>;
  readonly item: ExprValue;
  readonly index: number;
  readonly accumulator: ExprValue;
}

export interface CheckScope {
  readonly names: ReadonlyMap<string, ExprType>;
  /** The element a predicate sees as `#`. */
  readonly item?: ExprType;
}

/** Runs a node, for functions that take predicates. */
export interface NodeRunner {
  readonly budget: ExprBudget;
  evaluate(node: Node, scope: Scope): ExprValue;
}

/** Finds the type of a node, for functions of the language. */
export interface NodeChecker {
  check(node: Node, scope: CheckScope): ExprType;
  fail(message: string, node: Node): ExprError;
}
