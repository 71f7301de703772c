/**
 * Looks up GJSON paths in JSON text.
 *
 * A path is read from left to right against the text: a component that meets an object is a key or wildcard, one that meets an
 * array is an index, `#`, or a query. The forms follow protocol.md 6.3; every look-up is bounded (`limits.ts`).
 */
import {LangError} from '../errors.ts';
import {createGjsonBudget, type GjsonBudget} from './budget.ts';
import {gjsonPathCharactersMax} from './limits.ts';
import {isModifierName} from './modifier-names.ts';
import {applyModifier} from './modifiers.ts';
import {multipath} from './multipath.ts';
import {parseArrayStep, parseObjectStep, splitAtPipe} from './path.ts';
import {queryMatches} from './query.ts';
import {type GjsonResult, missing, resultText} from './result.ts';
import {members, parseDocument, skipContainer, skipString} from './scan.ts';
import {matchesWildcard} from './wildcard.ts';

/**
 * @param json  UTF-8 JSON as text
 * @param path  such as `os.release.major`, `users.#(age>30)#.name`, `a|@reverse`
 * @throws {LangError} `ERR_GJSON_BUDGET` when the path is too long or costs too much
 * @example
 * gjsonGet('{"a":[1,2]}', 'a.#').number; // 2
 */
export function gjsonGet(json: string, path: string): GjsonResult {
  if (path.length > gjsonPathCharactersMax) {
    throw new LangError(
      'ERR_GJSON_BUDGET',
      `Cannot look up the path "${path.slice(0, 40)}...": it has ${path.length} characters, at most ${gjsonPathCharactersMax} are allowed`,
    );
  }
  return get(json, path, createGjsonBudget());
}

function get(json: string, path: string, budget: GjsonBudget): GjsonResult {
  budget.enter();
  budget.spend(path.length);
  const result = getSpecial(json, path, budget) ?? getPlain(json, path, budget);
  budget.leave();
  return result;
}

/** Modifiers, literals and multipaths; undefined when the path is none of these. */
function getSpecial(json: string, path: string, budget: GjsonBudget): GjsonResult | undefined {
  if (path.length < 2) return undefined;
  const first = path.charAt(0);
  if (first === '@' || first === '!') {
    const done = first === '@' ? runModifier(json, path, budget) : readLiteral(path);
    if (done === undefined) return undefined;
    const next = done.rest.charAt(0);
    if (next === '|' || next === '.') return get(done.json, done.rest.slice(1), budget);
    return parseDocument(done.json, budget);
  }
  if (first !== '[' && first !== '{') return undefined;
  const built = multipath(path, (sub) => get(json, sub, budget));
  if (built === undefined) return undefined;
  budget.grow(built.json.length);
  if (built.rest !== '') return get(built.json, built.rest.slice(1), budget);
  return {type: 'JSON', raw: built.json, text: '', number: 0, exists: true};
}

interface SpecialStep {
  readonly json: string;
  readonly rest: string;
}

function runModifier(json: string, path: string, budget: GjsonBudget): SpecialStep | undefined {
  let end = 1;
  while (end < path.length && !':|.'.includes(path.charAt(end))) end += 1;
  const name = path.slice(1, end);
  if (!isModifierName(name)) return undefined;
  let argument = '';
  let rest = path.slice(end);
  if (rest.startsWith(':') && rest.length > 1) {
    argument = readArgument(rest.slice(1));
    rest = rest.slice(1 + argument.length);
  } else if (rest === ':') {
    rest = '';
  }
  const context = {budget, get: (text: string, sub: string): GjsonResult => get(text, sub, budget)};
  return {json: applyModifier(name, {json, argument}, context), rest};
}

/** A JSON argument ends where it ends; any other goes on to the next pipe outside brackets and strings. */
function readArgument(text: string): string {
  const first = text.charAt(0);
  if (first === '{' || first === '[') return text.slice(0, skipContainer(text, 0));
  if (first === '"') return text.slice(0, skipString(text, 0).end);
  let index = 0;
  for (; index < text.length && text.charAt(index) !== '|'; index += 1) {
    const character = text.charAt(index);
    if (character === '"') index = skipString(text, index).end - 1;
    else if ('{[('.includes(character)) index = skipContainer(text, index) - 1;
  }
  return text.slice(0, index);
}

/** `!"text"`, `!12`, `!{"a":1}`, `!true`: a value that stands in the path. */
function readLiteral(path: string): SpecialStep | undefined {
  const body = path.slice(1);
  const first = body.charAt(0);
  // A text or number takes all that follows with it: nothing can be looked up in one.
  if (/^["0-9+-]/.test(body)) return {json: body, rest: ''};
  if (first === '{' || first === '[') {
    const end = skipContainer(body, 0);
    return {json: body.slice(0, end), rest: body.slice(end)};
  }
  let end = 0;
  while (end < body.length && !'|.'.includes(body.charAt(end))) end += 1;
  const word = body.slice(0, end);
  if (!['true', 'false', 'null', 'nan', 'inf'].includes(word.toLowerCase())) return undefined;
  return {json: word, rest: body.slice(end)};
}

/** What a walk found so far: a value, and the path to apply to it when a pipe was met. */
interface Walk {
  value: GjsonResult;
  pipe: string | undefined;
  readonly budget: GjsonBudget;
}

function getPlain(json: string, path: string, budget: GjsonBudget): GjsonResult {
  const walk: Walk = {value: missing, pipe: undefined, budget};
  if (path.startsWith('..')) {
    // Lines of JSON read as the elements of one array.
    walkArray(walk, {raw: `[${json}]`, path: path.slice(2)});
  } else {
    const start = json.search(/[{[]/);
    if (start >= 0) {
      const raw = start === 0 ? json : json.slice(start);
      walkContainer(walk, {raw, path});
    }
  }
  if (walk.pipe === undefined) return walk.value;
  return get(walk.value.raw, walk.pipe, budget);
}

interface WalkAt {
  readonly raw: string;
  readonly path: string;
}

function walkContainer(walk: Walk, at: WalkAt): boolean {
  walk.budget.enter();
  const hit = at.raw.startsWith('{') ? walkObject(walk, at) : walkArray(walk, at);
  walk.budget.leave();
  return hit;
}

function walkObject(walk: Walk, at: WalkAt): boolean {
  const step = parseObjectStep(at.path);
  if (step.pipe !== undefined) walk.pipe = step.pipe;
  for (const {key, result} of members(at.raw, walk.budget)) {
    const matched = step.wild ? matchesWildcard(key, step.key) : key === step.key;
    if (!matched) continue;
    if (step.rest === undefined) {
      walk.value = result;
      return true;
    }
    if (result.type === 'JSON' && walkContainer(walk, {raw: result.raw, path: step.rest})) return true;
  }
  return false;
}

function walkArray(walk: Walk, at: WalkAt): boolean {
  const step = parseArrayStep(at.path);
  if (step.pipe !== undefined) walk.pipe = step.pipe;
  if (step.query !== undefined) return walkQuery(walk, at.raw, step);
  if (step.hash) return walkHash(walk, at.raw, step);
  const wanted = /^[0-9]+$/.test(step.part) ? Number(step.part) : -1;
  let index = 0;
  for (const {result} of members(at.raw, walk.budget)) {
    if (index === wanted) {
      if (step.rest === undefined) {
        walk.value = result;
        return true;
      }
      return result.type === 'JSON' && walkContainer(walk, {raw: result.raw, path: step.rest});
    }
    index += 1;
  }
  return false;
}

type Step = ReturnType<typeof parseArrayStep>;

function walkHash(walk: Walk, raw: string, step: Step): boolean {
  if (step.part !== '#') return false;
  if (step.each === undefined) {
    let count = 0;
    for (const _member of members(raw, walk.budget)) count += 1;
    walk.value = {type: 'Number', raw: String(count), text: '', number: count, exists: true};
    return true;
  }
  const split = splitAtPipe(step.each);
  if (split !== undefined) walk.pipe = split.pipe;
  const path = split?.left ?? step.each;
  const found: string[] = [];
  for (const {result} of members(raw, walk.budget)) {
    const value = get(result.raw, path, walk.budget);
    if (value.exists) found.push(rawOf(value));
  }
  walk.value = built(`[${found.join(',')}]`, walk.budget);
  return true;
}

function walkQuery(walk: Walk, raw: string, step: Step): boolean {
  const {query, rest} = step;
  if (query === undefined) return false;
  const found: string[] = [];
  const split = rest === undefined ? undefined : splitAtPipe(rest);
  const below = split?.left ?? rest;
  for (const {result} of members(raw, walk.budget)) {
    if (result.type !== 'JSON' && query.path !== '') continue;
    const tested = result.type === 'JSON' ? get(result.raw, query.path, walk.budget) : result;
    if (!queryMatches(query, tested)) continue;
    if (split !== undefined) walk.pipe = split.pipe;
    const value = below === undefined ? result : get(result.raw, below, walk.budget);
    if (!query.all) {
      walk.value = value;
      return true;
    }
    const text = rawOf(value);
    if (text !== '') found.push(text);
  }
  if (query.all) walk.value = built(`[${found.join(',')}]`, walk.budget);
  return query.all;
}

function rawOf(value: GjsonResult): string {
  return value.raw === '' ? resultText(value) : value.raw;
}

function built(raw: string, budget: GjsonBudget): GjsonResult {
  budget.grow(raw.length);
  return {type: 'JSON', raw, text: '', number: 0, exists: true};
}
