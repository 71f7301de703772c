/**
 * Walks JSON text without building values: a path needs a few members of a large document, so everything else is skipped.
 *
 * The text is expected to be valid JSON; on other text the walk still ends, within the text.
 */
import type {GjsonBudget} from './budget.ts';
import {type GjsonResult, missing, numberResult, stringResult} from './result.ts';

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** The index behind the string that starts at `start`, and whether it holds escapes. */
export function skipString(text: string, start: number): {readonly end: number; readonly escaped: boolean} {
  let escaped = false;
  for (let index = start + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === backslash) {
      escaped = true;
      index += 1;
    } else if (code === quote) {
      return {end: index + 1, escaped};
    }
  }
  return {end: text.length, escaped};
}

/** The index behind the object or array that starts at `start`; depth is counted, not recursed into. */
export function skipContainer(text: string, start: number): number {
  let depth = 0;
  for (let index = start; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === quote) {
      index = skipString(text, index).end - 1;
    } else if (code === openBrace || code === openBracket || code === 0x28) {
      depth += 1;
    } else if (code === closeBrace || code === closeBracket || code === 0x29) {
      depth -= 1;
      if (depth <= 0) return index + 1;
    }
  }
  return text.length;
}

export function skipSpace(text: string, start: number): number {
  let index = start;
  while (index < text.length && text.charCodeAt(index) <= 0x20) index += 1;
  return index;
}

function skipBare(text: string, start: number): number {
  let index = start;
  for (; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code === 0x2c || code === closeBrace || code === closeBracket) break;
  }
  return index;
}

export interface ScannedValue {
  readonly result: GjsonResult;
  readonly end: number;
}

/** Reads the value whose first character is at `start`. */
export function scanValue(text: string, start: number, budget: GjsonBudget): ScannedValue | undefined {
  const code = text.charCodeAt(start);
  let end: number;
  let result: GjsonResult;
  if (code === quote) {
    const found = skipString(text, start);
    end = found.end;
    result = stringResult(text.slice(start, end), found.escaped);
  } else if (code === openBrace || code === openBracket) {
    end = skipContainer(text, start);
    result = {type: 'JSON', raw: text.slice(start, end), text: '', number: 0, exists: true};
  } else {
    end = skipBare(text, start);
    if (end === start) return undefined;
    result = bareResult(text.slice(start, end));
  }
  budget.spend(end - start);
  return {result, end};
}

function bareResult(raw: string): GjsonResult {
  const first = raw.charCodeAt(0);
  if (raw === 'true') return {type: 'True', raw, text: '', number: 0, exists: true};
  if (raw === 'false') return {type: 'False', raw, text: '', number: 0, exists: true};
  if (raw === 'null') return {type: 'Null', raw, text: '', number: 0, exists: true};
  if (first === 0x2d || first === 0x2b || (first >= 0x30 && first <= 0x39) || first === 0x69 || first === 0x49) {
    return numberResult(raw);
  }
  // The reference takes the number NaN too; any other word is nothing.
  return raw.toLowerCase() === 'nan' ? numberResult(raw) : missing;
}

/** The first value in a text, as a whole document is read. */
export function parseDocument(text: string, budget: GjsonBudget): GjsonResult {
  const start = skipSpace(text, 0);
  if (start >= text.length) return missing;
  const first = text.charCodeAt(start);
  if (first === openBrace || first === openBracket) {
    // The whole rest belongs to the value, as in the reference.
    budget.spend(text.length - start);
    return {type: 'JSON', raw: text.slice(start), text: '', number: 0, exists: true};
  }
  return scanValue(text, start, budget)?.result ?? missing;
}

export interface Member {
  /** Absent for arrays. */
  readonly key: string;
  readonly result: GjsonResult;
}

/** The members of an object or the elements of an array, one after another. */
export function* members(raw: string, budget: GjsonBudget): Generator<Member> {
  const isObject = raw.charCodeAt(0) === openBrace;
  let index = 1;
  while (index < raw.length) {
    index = skipSeparators(raw, index);
    const code = raw.charCodeAt(index);
    if (index >= raw.length || code === closeBrace || code === closeBracket) return;
    let key = '';
    if (isObject) {
      const found = skipString(raw, index);
      key = stringResult(raw.slice(index, found.end), found.escaped).text;
      index = skipSeparators(raw, found.end);
    }
    const value = scanValue(raw, index, budget);
    if (value === undefined) return;
    index = value.end;
    yield {key, result: value.result};
  }
}

/** Skips white space, commas and colons. */
export function skipSeparators(text: string, start: number): number {
  let index = start;
  for (; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x20 && code !== 0x2c && code !== 0x3a) break;
  }
  return index;
}
