/** Turns what a path found into data. Objects become maps, so keys such as `__proto__` are only keys. */
import {createGjsonBudget, type GjsonBudget} from './budget.ts';
import type {GjsonResult, JsonData} from './result.ts';
import {members} from './scan.ts';

/**
 * @returns null, boolean, double, text, array or map; of two equal keys the first wins
 * @throws {LangError} `ERR_GJSON_BUDGET` when it is nested too deep or too large
 */
export function gjsonValue(result: GjsonResult, budget: GjsonBudget = createGjsonBudget()): JsonData {
  switch (result.type) {
    case 'Null':
      return null;
    case 'True':
      return true;
    case 'False':
      return false;
    case 'Number':
      return result.number;
    case 'String':
      return result.text;
    case 'JSON':
      return containerValue(result.raw, budget);
  }
}

function containerValue(raw: string, budget: GjsonBudget): JsonData {
  budget.enter();
  let value: JsonData;
  if (raw.startsWith('{')) {
    const map = new Map<string, JsonData>();
    for (const {key, result} of members(raw, budget)) {
      if (!map.has(key)) map.set(key, gjsonValue(result, budget));
    }
    value = map;
  } else {
    value = [...members(raw, budget)].map(({result}) => gjsonValue(result, budget));
  }
  budget.leave();
  return value;
}
