/** What one evaluation may cost. */
import {ExprError} from '../errors.ts';
import {exprMemoryMax, exprStepsMax} from './limits.ts';

export interface ExprBudgetLimits {
  readonly steps?: number;
  readonly memory?: number;
}

export class ExprBudget {
  private steps: number;
  private memory: number;

  constructor(limits: ExprBudgetLimits = {}) {
    this.steps = limits.steps ?? exprStepsMax;
    this.memory = limits.memory ?? exprMemoryMax;
  }

  spend(steps: number): void {
    this.steps -= steps;
    if (this.steps < 0)
      throw new ExprError('ERR_EXPR_BUDGET', 'Cannot evaluate the expression: it needs too many steps');
  }

  /** Elements of lists and maps, characters of texts. */
  grow(count: number): void {
    this.memory -= count;
    this.spend(count >> 3);
    if (this.memory < 0)
      throw new ExprError('ERR_EXPR_BUDGET', 'Cannot evaluate the expression: it makes too much data');
  }
}
