export type {ExprBudgetLimits} from './budget.ts';
export {
  type CompileOptions,
  compileExpression,
  type EvaluateOptions,
  evaluateCondition,
  evaluateConditionAsync,
  evaluateExpression,
  evaluateExpressionAsync,
  type ExprProgram,
  type ExprValues,
} from './program.ts';
export {parseExpression} from './parser.ts';
export {OperatorFailure as ExprFailure} from './operators.ts';
export {type ExprEnvironment, type ExprSignature, type ExprType, exprTypes} from './types.ts';
export {
  deepEqual,
  ExprTime,
  type ExprFunction,
  type ExprValue,
  isList,
  isMap,
  listKind,
  lookupPath,
  typedList,
  typeName,
} from './values.ts';
