/**
 * JSON from outside, within bounds of size and depth.
 *
 * Duplicate keys: the last one wins, as in Go. `__proto__` is an ordinary own key of the value and never a prototype; read members of
 * unknown name through `jsonField`, so that `constructor` and the like are not found where nobody sent them.
 * The host's own parser does the work when a cheap look shows that it may; ours is used for integers beyond 2^53.
 */
import {ChoriaError} from './errors.ts';
import {parseExactJson} from './json-exact.ts';
import {jsonSyntaxError} from './json-syntax.ts';
import {jsonBytesMax, jsonDepthMax} from './limits.ts';

export type JsonErrorCode = 'ERR_JSON_SYNTAX' | 'ERR_JSON_TOO_LARGE' | 'ERR_JSON_TOO_DEEP';

export const JsonErrorCodes: Readonly<Record<JsonErrorCode, string>> = {
  ERR_JSON_SYNTAX: 'A text is not JSON',
  ERR_JSON_TOO_LARGE: 'A JSON text is longer than its limit',
  ERR_JSON_TOO_DEEP: 'A JSON text nests deeper than the limit',
};

/** The text of `ERR_JSON_SYNTAX` never quotes the document: it may hold secrets. */
export class JsonError extends ChoriaError<JsonErrorCode> {}

export interface JsonOptions {
  /** Default `jsonBytesMax`. Of a string its UTF-16 units count. */
  readonly bytesMax?: number;
  /** Default `jsonDepthMax`. */
  readonly depthMax?: number;
  /** Integers beyond 2^53 become `bigint` instead of losing digits. */
  readonly bigIntegers?: boolean;
}

/**
 * @throws {JsonError} `ERR_JSON_SYNTAX` | `ERR_JSON_TOO_LARGE` | `ERR_JSON_TOO_DEEP`
 * @example
 * const request: unknown = parseJson(payload, {bytesMax: 1_048_576});
 */
export function parseJson(input: string | Uint8Array, options: JsonOptions = {}): unknown {
  const bytesMax = options.bytesMax ?? jsonBytesMax;
  const depthMax = options.depthMax ?? jsonDepthMax;
  if (input.length > bytesMax) {
    throw new JsonError(
      'ERR_JSON_TOO_LARGE',
      `Cannot read JSON of ${input.length} bytes: expected at most ${bytesMax} bytes`,
    );
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  if (!isShallow(text, depthMax)) {
    throw new JsonError('ERR_JSON_TOO_DEEP', `Cannot read JSON: it nests deeper than ${depthMax} levels`);
  }
  try {
    return options.bigIntegers === true && /[0-9]{16}/.test(text)
      ? parseExactJson(text)
      : (JSON.parse(text) as unknown);
  } catch (error) {
    // The host's own message quotes the text; only ours goes on.
    const problem = jsonSyntaxError(text) ?? 'the text is not valid';
    throw new JsonError('ERR_JSON_SYNTAX', `Cannot read JSON: ${problem}`, {
      details: {problem},
      ...(error instanceof RangeError ? {cause: error} : {}),
    });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Most documents have fewer brackets than levels allowed; only the others are walked. */
function isShallow(text: string, depthMax: number): boolean {
  if (text.length <= depthMax || hasFewBrackets(text, depthMax)) return true;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (inString) {
      if (unit === 0x5c) index++;
      else if (unit === 0x22) inString = false;
    } else if (unit === 0x22) inString = true;
    else if (unit === 0x7b || unit === 0x5b) {
      depth++;
      if (depth > depthMax) return false;
    } else if (unit === 0x7d || unit === 0x5d) depth--;
  }
  return true;
}

function hasFewBrackets(text: string, max: number): boolean {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      count++;
      if (count > max) return false;
    }
  }
  return true;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** A member that the object has itself; never one of its prototype. */
export function jsonField(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/**
 * A member found as Go finds the field of a struct: the exact name, else the last one that differs only in case.
 */
export function jsonFieldFolded(object: JsonObject, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const wanted = foldCase(name);
  const key = Object.keys(object).findLast((candidate) => foldCase(candidate) === wanted);
  return key === undefined ? undefined : object[key];
}

/** Simple case folding of the letters that meet ASCII, as Go compares keys: the long s and the Kelvin sign fold to s and k. */
export function foldCase(text: string): string {
  return text.toLowerCase().replaceAll('\u017f', 's');
}
