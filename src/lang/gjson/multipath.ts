/** Multipaths: `[a,b.c]` builds an array, `{a,"n":b}` an object, of what each path finds. */
import {type GjsonResult, quoteJson, resultText} from './result.ts';
import {isValidJson} from './format.ts';

interface SubPath {
  readonly name: string;
  readonly path: string;
}

/** Builds the multipath that `path` starts with; `rest` is empty or starts with a dot or pipe. Undefined: not a multipath. */
export function multipath(
  path: string,
  lookup: (sub: string) => GjsonResult,
): {readonly json: string; readonly rest: string} | undefined {
  const isObject = path.startsWith('{');
  const parsed = parseSubPaths(path);
  if (parsed === undefined) return undefined;
  const {rest} = parsed;
  if (rest !== '' && !rest.startsWith('.') && !rest.startsWith('|')) return undefined;
  const items: string[] = [];
  for (const sub of parsed.subs) {
    const value = lookup(sub.path);
    if (!value.exists) continue;
    const raw = value.raw === '' ? resultText(value) || 'null' : value.raw;
    items.push(isObject ? `${memberName(sub)}:${raw}` : raw);
  }
  return {json: isObject ? `{${items.join(',')}}` : `[${items.join(',')}]`, rest};
}

function memberName(sub: SubPath): string {
  if (sub.name !== '') return sub.name.startsWith('"') && isValidJson(sub.name) ? sub.name : quoteJson(sub.name);
  const last = lastComponent(sub.path);
  return quoteJson(isSimple(last) ? last : '_');
}

function lastComponent(path: string): string {
  for (let index = path.length - 1; index >= 0; index -= 1) {
    const character = path.charAt(index);
    if ((character === '|' || character === '.') && !(index > 0 && path.charAt(index - 1) === '\\')) {
      return path.slice(index + 1);
    }
  }
  return path;
}

function isSimple(name: string): boolean {
  return !/[\u0000-\u001f[\]{}()#|!]/.test(name);
}

/** A colon ends a name in arrays too, where the name has no effect, unless it belongs to a modifier after a dot or pipe. */
function parseSubPaths(path: string): {subs: readonly SubPath[]; rest: string} | undefined {
  const subs: SubPath[] = [];
  let depth = 1;
  let colon = 0;
  let start = 1;
  let inModifier = false;
  const push = (end: number): void => {
    const name = colon === 0 ? '' : path.slice(start, colon);
    subs.push({name, path: colon === 0 ? path.slice(start, end) : path.slice(colon + 1, end)});
    colon = 0;
    inModifier = false;
    start = end + 1;
  };
  for (let index = 1; index < path.length; index += 1) {
    const character = path.charAt(index);
    if (character === '\\') {
      index += 1;
    } else if (character === '@') {
      if (!inModifier && index > 0 && (path.charAt(index - 1) === '.' || path.charAt(index - 1) === '|'))
        inModifier = true;
    } else if (character === ':') {
      if (depth === 1 && colon === 0 && !inModifier) colon = index;
    } else if (character === ',') {
      if (depth === 1) push(index);
    } else if (character === '"') {
      for (index += 1; index < path.length && path.charAt(index) !== '"'; index += 1) {
        if (path.charAt(index) === '\\') index += 1;
      }
    } else if ('[({'.includes(character)) {
      depth += 1;
    } else if ('])}'.includes(character)) {
      depth -= 1;
      if (depth === 0) {
        push(index);
        return {subs, rest: path.slice(index + 1)};
      }
    }
  }
  return undefined;
}
