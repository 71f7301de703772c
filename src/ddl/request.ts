/**
 * Whole requests and replies judged by an action's description.
 *
 * Servers check what arrives (`checkRequestData`), clients convert what was typed (`convertArguments`); only clients add input
 * defaults. Vectors: `agents/ddl-actions.json`, `agents/ddl-outputs.json`.
 */
import {jsonKind} from '../lib/go-fields.ts';
import {checkInputValue, convertAndCheckInput} from './value.ts';
import type {ValueVerdict} from './value.ts';
import {compareUtf8} from './go-json.ts';
import type {ActionDdl} from './types.ts';

/** Ruby clients say with this key whether somebody waits for the answer; it is no input of anything. */
const alwaysAllowed = 'process_results';

/** Names in the order in which they are checked and listed. */
function sortedNames(items: ReadonlyMap<string, unknown>): readonly string[] {
  return [...items.keys()].sort(compareUtf8);
}

/**
 * Judges a request's `data` as a server does before it runs an external agent.
 *
 * @param data the parsed value of `data`; null and undefined are an empty object
 */
export function checkRequestData(action: ActionDdl, data: unknown): ValueVerdict {
  const fields = data ?? {};
  if (typeof fields !== 'object' || Array.isArray(fields)) {
    return {
      error: `json: cannot unmarshal ${jsonKind(fields)} into Go value of type map[string]interface {}`,
      warnings: [],
    };
  }
  const given = new Map(Object.entries(fields).filter(([name]) => name !== alwaysAllowed));
  const names = sortedNames(action.inputs);
  for (const name of names) {
    const input = action.inputs.get(name);
    if (!input) continue;
    if (!given.has(name)) {
      if (!input.optional) return {error: `input '${name}' is required`, warnings: []};
      continue;
    }
    const verdict = checkInputValue(input, given.get(name));
    if (verdict.error !== undefined) {
      return {error: `validation failed for input '${name}': ${verdict.error}`, warnings: verdict.warnings};
    }
  }
  if (names.length === 0 && given.size > 0) {
    return {error: 'request contains inputs while none are declared in the DDL', warnings: []};
  }
  const unknown = [...given.keys()].find((name) => !action.inputs.has(name));
  if (unknown === undefined) return {error: undefined, warnings: []};
  return {
    error: `request contains an input '${unknown}' that is not declared in the DDL. Valid inputs are: ${names.join(', ')}`,
    warnings: [],
  };
}

export interface ConvertedArguments {
  readonly error: string | undefined;
  readonly warnings: readonly string[];
  /** Complete only when there is no error. */
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Turns `key=value` texts into the data of a request: names in lower case, values converted and checked, defaults added.
 *
 * @param args in the order they were typed
 * @example
 * convertArguments(action, new Map([['count', '3']])).data; // {count: 3}
 */
export function convertArguments(action: ActionDdl, args: ReadonlyMap<string, string>): ConvertedArguments {
  const values = new Map<string, unknown>();
  const warnings: string[] = [];
  const result = (error: string | undefined): ConvertedArguments => ({error, warnings, data: toRecord(values)});
  for (const [key, text] of args) {
    const name = key.toLowerCase();
    const input = action.inputs.get(name);
    if (!input) return result(`input '${name}' has not been declared`);
    const verdict = convertAndCheckInput(input, text);
    warnings.push(...verdict.warnings);
    if (verdict.error !== undefined) return result(`invalid value for '${name}': ${verdict.error}`);
    values.set(name, verdict.value);
  }
  for (const name of sortedNames(action.inputs)) {
    const input = action.inputs.get(name);
    if (!input || values.has(name)) continue;
    if (input.default !== undefined) values.set(name, input.default);
    else if (!input.optional) return result(`input '${name}' is required`);
  }
  return result(undefined);
}

/** Data of a request with the defaults of inputs that were not given, as clients send it. */
export function withInputDefaults(action: ActionDdl, data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values = new Map(Object.entries(data));
  for (const [name, input] of action.inputs) {
    if (!values.has(name) && input.default !== undefined) values.set(name, input.default);
  }
  return toRecord(values);
}

/** Reply data with the defaults of outputs that are missing; a null that is there stays. */
export function withOutputDefaults(
  action: ActionDdl,
  data: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const values = new Map(Object.entries(data));
  for (const [name, output] of action.outputs) {
    if (!values.has(name) && output.default !== undefined) values.set(name, output.default);
  }
  return toRecord(values);
}

/** `fromEntries` defines keys, so that `__proto__` is data like any other. */
function toRecord(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(values);
}
