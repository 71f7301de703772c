/** Takes the first component off a path. Whether it meets an object or an array decides how it is read. */
import {isModifierName} from './modifier-names.ts';
import {type GjsonQuery, parseQuery} from './query.ts';

export interface ObjectStep {
  readonly key: string;
  readonly wild: boolean;
  /** What follows a dot, looked up below the member. */
  readonly rest: string | undefined;
  /** What follows a pipe, looked up in the whole result. */
  readonly pipe: string | undefined;
}

/** True when the text behind a dot starts a modifier, multipath or literal, so that the dot acts as a pipe. */
export function startsPipe(text: string): boolean {
  const first = text.charAt(0);
  if (first === '@') {
    let end = 1;
    while (end < text.length && !'.|:'.includes(text.charAt(end))) end += 1;
    return isModifierName(text.slice(1, end));
  }
  return first === '[' || first === '{';
}

export function parseObjectStep(path: string): ObjectStep {
  let key = '';
  let wild = false;
  for (let index = 0; index < path.length; index += 1) {
    const character = path.charAt(index);
    if (character === '|') return {key, wild, rest: undefined, pipe: path.slice(index + 1)};
    if (character === '.') {
      const rest = path.slice(index + 1);
      return rest.length > 0 && startsPipe(rest)
        ? {key, wild, rest: undefined, pipe: rest}
        : {key, wild, rest, pipe: undefined};
    }
    if (character === '\\') {
      index += 1;
      key += path.charAt(index);
      continue;
    }
    if (character === '*' || character === '?') wild = true;
    key += character;
  }
  return {key, wild, rest: undefined, pipe: undefined};
}

export interface ArrayStep {
  readonly part: string;
  /** The part holds `#`: a count, a projection or a query, never an index. */
  readonly hash: boolean;
  /** `#.rest`: the path looked up in each element. */
  readonly each: string | undefined;
  readonly query: GjsonQuery | undefined;
  readonly rest: string | undefined;
  readonly pipe: string | undefined;
}

export function parseArrayStep(path: string): ArrayStep {
  let hash = false;
  let query: GjsonQuery | undefined;
  for (let index = 0; index < path.length; index += 1) {
    const character = path.charAt(index);
    if (character === '|') {
      return {part: path.slice(0, index), hash, each: undefined, query, rest: undefined, pipe: path.slice(index + 1)};
    }
    if (character === '.') {
      const part = path.slice(0, index);
      const rest = path.slice(index + 1);
      return !hash && rest.length > 0 && startsPipe(rest)
        ? {part, hash, each: undefined, query, rest: undefined, pipe: rest}
        : {part, hash, each: undefined, query, rest, pipe: undefined};
    }
    if (character !== '#') continue;
    hash = true;
    if (index !== 0 || path.length === 1) continue;
    const next = path.charAt(1);
    if (next === '.') {
      return {part: '#', hash, each: path.slice(2), query: undefined, rest: undefined, pipe: undefined};
    }
    if (next === '[' || next === '(') {
      const parsed = parseQuery(path);
      if (parsed === undefined) break;
      query = {...parsed.query, all: path.charAt(parsed.end) === '#'};
      index = parsed.end - (query.all ? 0 : 1);
    }
  }
  return {part: path, hash, each: undefined, query, rest: undefined, pipe: undefined};
}

/** Splits `k|0` at the first pipe that stands outside brackets and strings. */
export function splitAtPipe(path: string): {readonly left: string; readonly pipe: string} | undefined {
  let depth = 0;
  for (let index = 0; index < path.length; index += 1) {
    const character = path.charAt(index);
    if (character === '\\') {
      index += 1;
    } else if (character === '"') {
      index += 1;
      while (index < path.length && path.charAt(index) !== '"') index += path.charAt(index) === '\\' ? 2 : 1;
    } else if ('([{'.includes(character)) {
      depth += 1;
    } else if (')]}'.includes(character)) {
      depth -= 1;
    } else if (depth <= 0 && character === '|') {
      return {left: path.slice(0, index), pipe: path.slice(index + 1)};
    } else if (depth <= 0 && character === '.' && index + 1 < path.length && startsPipe(path.slice(index + 1))) {
      return {left: path.slice(0, index), pipe: path.slice(index + 1)};
    }
  }
  return undefined;
}
