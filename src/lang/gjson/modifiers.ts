/** The modifiers of GJSON: text of a JSON value in, text of a JSON value out (empty: nothing). */
import type {GjsonBudget} from './budget.ts';
import {isValidJson, prettyJson, uglyJson} from './format.ts';
import {type GjsonResult, quoteJson, resultText} from './result.ts';
import {members, parseDocument} from './scan.ts';

export interface ModifierContext {
  readonly budget: GjsonBudget;
  readonly get: (json: string, path: string) => GjsonResult;
}

export function applyModifier(
  name: string,
  input: {readonly json: string; readonly argument: string},
  context: ModifierContext,
): string {
  const {json, argument} = input;
  context.budget.enter();
  const output = runModifier(name, {json, argument, context});
  context.budget.grow(output.length);
  context.budget.leave();
  return output;
}

interface ModifierCall {
  readonly json: string;
  readonly argument: string;
  readonly context: ModifierContext;
}

function runModifier(name: string, call: ModifierCall): string {
  const {json, context} = call;
  switch (name) {
    case 'this':
      return json;
    case 'ugly':
      return uglyJson(json);
    case 'pretty':
      return prettyJson(json, readPrettyOptions(call));
    case 'valid':
      return isValidJson(json) ? json : '';
    case 'tostr':
      return quoteJson(json);
    case 'fromstr':
      return isValidJson(json) ? resultText(parseDocument(json, context.budget)) : '';
    case 'reverse':
      return reverse(call);
    case 'keys':
      return keysOrValues(call, 'keys');
    case 'values':
      return keysOrValues(call, 'values');
    case 'flatten':
      return flatten(call);
    case 'join':
      return join(call);
    case 'group':
      return group(call);
    case 'dig':
      return dig(call);
    default:
      return '';
  }
}

function flag(call: ModifierCall, name: string): boolean {
  if (call.argument === '') return false;
  const value = call.context.get(call.argument, name);
  return (
    value.type === 'True' ||
    (value.type === 'String' && /^(1|t|true)$/i.test(value.text)) ||
    (value.type === 'Number' && value.number !== 0)
  );
}

function readPrettyOptions(call: ModifierCall): {indent: string; prefix: string; width: number; sortKeys: boolean} {
  const read = (name: string): GjsonResult => call.context.get(call.argument, name);
  const indent = call.argument === '' ? undefined : read('indent');
  const prefix = call.argument === '' ? undefined : read('prefix');
  const width = call.argument === '' ? undefined : read('width');
  return {
    indent: indent?.exists ? blanksOnly(resultText(indent)) : '  ',
    prefix: prefix?.exists ? blanksOnly(resultText(prefix)) : '',
    width: width?.exists ? width.number : 80,
    sortKeys: flag(call, 'sortKeys'),
  };
}

function blanksOnly(text: string): string {
  return text.replace(/[^ \t\n\r]/g, '').slice(0, 32);
}

function isObject(result: GjsonResult): boolean {
  return result.type === 'JSON' && result.raw.startsWith('{');
}

function isArray(result: GjsonResult): boolean {
  return result.type === 'JSON' && result.raw.startsWith('[');
}

function rawKey(key: string): string {
  return quoteJson(key);
}

function reverse(call: ModifierCall): string {
  const value = parseDocument(call.json, call.context.budget);
  if (isArray(value)) {
    const items = [...members(value.raw, call.context.budget)].map((member) => member.result.raw);
    return `[${items.reverse().join(',')}]`;
  }
  if (isObject(value)) {
    const items = [...members(value.raw, call.context.budget)].map(
      (member) => `${rawKey(member.key)}:${member.result.raw}`,
    );
    return `{${items.reverse().join(',')}}`;
  }
  return call.json;
}

function keysOrValues(call: ModifierCall, what: 'keys' | 'values'): string {
  const value = parseDocument(call.json, call.context.budget);
  if (!value.exists) return '[]';
  if (isArray(value) && what === 'values') return call.json;
  if (isObject(value)) {
    const items = [...members(value.raw, call.context.budget)];
    return `[${items.map((member) => (what === 'keys' ? rawKey(member.key) : member.result.raw)).join(',')}]`;
  }
  if (what === 'values') return `[${value.raw}]`;
  const count = isArray(value) ? [...members(value.raw, call.context.budget)].length : 1;
  return `[${Array.from({length: count}, () => 'null').join(',')}]`;
}

function flatten(call: ModifierCall): string {
  const {budget} = call.context;
  const value = parseDocument(call.json, budget);
  if (!isArray(value)) return call.json;
  const deep = flag(call, 'deep');
  const output: string[] = [];
  const append = (array: string): void => {
    budget.enter();
    for (const {result} of members(array, budget)) {
      if (isArray(result)) {
        if (deep) append(result.raw);
        else output.push(result.raw.slice(1, -1).trim());
      } else {
        output.push(result.raw);
      }
    }
    budget.leave();
  };
  append(value.raw);
  return `[${output.filter((item) => item !== '').join(',')}]`;
}

function join(call: ModifierCall): string {
  const {budget} = call.context;
  const value = parseDocument(call.json, budget);
  if (!isArray(value)) return call.json;
  const preserve = flag(call, 'preserve');
  const entries: [string, string][] = [];
  for (const {result} of members(value.raw, budget)) {
    if (!isObject(result)) continue;
    for (const member of members(result.raw, budget)) entries.push([member.key, member.result.raw]);
  }
  // Without `preserve` a later value replaces an earlier one, at the earlier one's place.
  const joined = preserve ? entries : [...new Map(entries)];
  return `{${joined.map(([key, raw]) => `${rawKey(key)}:${raw}`).join(',')}}`;
}

function group(call: ModifierCall): string {
  const {budget} = call.context;
  const value = parseDocument(call.json, budget);
  if (!isObject(value)) return '';
  const columns = [...members(value.raw, budget)]
    .filter((member) => isArray(member.result))
    .map((member) => ({
      key: rawKey(member.key),
      items: [...members(member.result.raw, budget)].map((item) => item.result.raw),
    }));
  const rows: string[][] = [];
  for (const {key, items} of columns) {
    for (const [index, raw] of items.entries()) {
      const row = rows[index] ?? [];
      row.push(`${key}:${raw}`);
      rows[index] = row;
    }
  }
  return `[${rows.map((row) => `{${row.join(',')}}`).join(',')}]`;
}

function dig(call: ModifierCall): string {
  const {budget, get} = call.context;
  const found: string[] = [];
  const walk = (raw: string): void => {
    budget.enter();
    const hit = get(raw, call.argument);
    if (hit.exists) found.push(hit.raw === '' ? resultText(hit) : hit.raw);
    if (raw.startsWith('{') || raw.startsWith('[')) {
      for (const {result} of members(raw, budget)) {
        if (result.type === 'JSON') walk(result.raw);
      }
    }
    budget.leave();
  };
  const value = parseDocument(call.json, budget);
  if (value.exists) walk(value.raw);
  return `[${found.join(',')}]`;
}
