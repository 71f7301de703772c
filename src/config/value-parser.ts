/**
 * Turns the text of a setting into its value, by the type in the registry.
 *
 * A text that does not parse leaves the value that was there before; a boolean that is no known word is false; a word that is not in
 * the list of allowed ones is kept. Each of these is told as a problem. Pure. Rules: spec/config.md section 5.
 */
import {nsToMs, parseExtendedDuration} from '../lib/duration.ts';
import {errorMessage} from '../lib/errors.ts';
import {boolWord, splitTrimmed, trimSpace, upperFirst} from '../lib/go-text.ts';
import {tryAtoi} from '../lib/go-number.ts';
import type {KeySpec} from './key-spec.ts';
import type {AnyConfigValue} from './registry.ts';

export interface ParseContext {
  readonly homeDirectory: string | undefined;
  readonly isWindows: boolean;
  /** The value so far; lists are added to it. */
  readonly previous: AnyConfigValue;
}

export interface ParsedValue {
  readonly value: AnyConfigValue;
  /** What is wrong with the text and what would be right; without the text itself. */
  readonly problem?: string;
}

/** What a key without default and without any line has. */
export function zeroValue(spec: KeySpec): AnyConfigValue {
  switch (spec.type) {
    case 'string':
    case 'title_string':
    case 'path_string':
      return '';
    case 'integer':
    case 'duration':
      return 0;
    case 'boolean':
      return false;
    case 'comma_split':
    case 'path_split':
    case 'colon_split':
    case 'strings':
      return [];
  }
}

export function parseValue(spec: KeySpec, text: string, context: ParseContext): ParsedValue {
  const parsed = parseByType(spec, text, context);
  if (parsed.problem !== undefined || !spec.allowed || typeof parsed.value !== 'string') return parsed;
  if (spec.allowed.includes(parsed.value)) return parsed;
  return {value: parsed.value, problem: `is none of the words known here; expected one of ${spec.allowed.join(', ')}`};
}

function parseByType(spec: KeySpec, text: string, context: ParseContext): ParsedValue {
  switch (spec.type) {
    case 'string':
      return {value: text};
    case 'title_string':
      return {value: upperFirst(text)};
    case 'path_string':
      return parsePath(text, context);
    case 'integer':
      return parseInteger(text, context);
    case 'boolean':
      return parseBoolean(text);
    case 'duration':
      return parseDuration(text, context);
    case 'comma_split':
      return {value: splitTrimmed(text, ',')};
    case 'path_split':
      return {value: [...listOf(context.previous), ...splitTrimmed(text, context.isWindows ? ';' : ':')]};
    case 'colon_split':
      return {value: [...listOf(context.previous), ...splitTrimmed(text, ':')]};
    case 'strings':
      return {value: [...listOf(context.previous), trimSpace(text)]};
  }
}

function listOf(value: AnyConfigValue): readonly string[] {
  return typeof value === 'object' ? value : [];
}

function parsePath(text: string, context: ParseContext): ParsedValue {
  const path = trimSpace(text);
  if (!path.startsWith('~')) return {value: path};
  if (context.homeDirectory === undefined) {
    return {
      value: path,
      problem: 'starts with "~" but there is no home directory; expected a full path, or HOME to be set',
    };
  }
  const value = context.homeDirectory + path.slice(1);
  if (path === '~' || path.startsWith('~/')) return {value};
  return {
    value,
    problem:
      'is not taken as the home directory of another user: "~" is replaced as text; expected "~/..." or a full path',
  };
}

function parseInteger(text: string, context: ParseContext): ParsedValue {
  const value = tryAtoi(text);
  if (value !== undefined) return {value};
  return {
    value: context.previous,
    problem: `is not a whole number and is ignored, ${keeps(context)}; expected digits, such as 30`,
  };
}

function parseBoolean(text: string): ParsedValue {
  const value = boolWord(text);
  if (value !== undefined) return {value};
  return {value: false, problem: 'is not a known word and counts as false; expected true, yes, 1 or false, no, 0'};
}

function parseDuration(text: string, context: ParseContext): ParsedValue {
  try {
    if (/^[0-9]+$/.test(text)) return {value: wholeSeconds(text)};
    return {value: nsToMs(parseExtendedDuration(text))};
  } catch (error) {
    const problem = `is not a duration (${errorMessage(error)}) and is ignored, ${keeps(context)}; expected a form like 30s, 5m, 1h30m, 2d`;
    return {value: context.previous, problem};
  }
}

const int64Max = 9_223_372_036_854_775_807n;

/** Seconds wrap at 64 bits of nanoseconds, as they do in the reference; digits beyond 64 bits are no number there. */
function wholeSeconds(text: string): number {
  const seconds = BigInt(text);
  if (seconds > int64Max) throw new Error('value out of range');
  return nsToMs(BigInt.asIntN(64, seconds * 1_000_000_000n));
}

function keeps(context: ParseContext): string {
  return `the value stays ${JSON.stringify(context.previous)}`;
}
