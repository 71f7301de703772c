/** JSON text to values of the language. */
import {gjsonGet, gjsonValue} from '../gjson/index.ts';
import type {ExprBudget} from './budget.ts';
import {OperatorFailure} from './operators.ts';
import type {ExprValue} from './values.ts';

/** The whole text as one value; numbers are floats, objects are maps. */
export function fromGoJson(text: string, budget: ExprBudget): ExprValue {
  budget.grow(text.length);
  try {
    JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new OperatorFailure('fromJSON needs valid JSON');
  }
  // The second reading keeps every key, also those that an object of the host would treat in a special way.
  return gjsonValue(gjsonGet(text, '@this'));
}
