/** Counts what one look-up costs and stops it when it gets dear. */
import {LangError} from '../errors.ts';
import {gjsonDepthMax, gjsonOutputCharactersMax, gjsonStepsMax} from './limits.ts';

export interface GjsonBudget {
  /** Characters looked at. */
  spend(steps: number): void;
  /** Characters built. */
  grow(characters: number): void;
  enter(): void;
  leave(): void;
}

export function createGjsonBudget(): GjsonBudget {
  let steps = 0;
  let output = 0;
  let depth = 0;
  const refuse = (what: string, limit: number): never => {
    throw new LangError('ERR_GJSON_BUDGET', `Cannot look up the path: it needs more than ${limit} ${what}`);
  };
  return {
    spend(count) {
      steps += count;
      if (steps > gjsonStepsMax) refuse('steps', gjsonStepsMax);
    },
    grow(characters) {
      output += characters;
      if (output > gjsonOutputCharactersMax) refuse('characters of output', gjsonOutputCharactersMax);
    },
    enter() {
      depth += 1;
      if (depth > gjsonDepthMax) refuse('levels of nesting', gjsonDepthMax);
    },
    leave() {
      depth -= 1;
    },
  };
}
