/**
 * Judges one value by one input of a description, and turns command line text into values.
 *
 * The rules and texts are those of the Go programs, odd ones included: a string input without `maxlength` is not checked at all, and a
 * validation that starts with a small letter is taken for a validator's name. Vectors: `agents/ddl-validate.json`, `agents/ddl-convert.json`.
 */
import {validateIpAddress, validateIpv4, validateIpv6, validateRegex, validateShellSafe} from '../lib/validators.ts';
import {parseGoBoolean, parseGoFloat, parseGoInteger} from './go-numbers.ts';
import type {InputItem} from './types.ts';

/** `error` is undefined when the value is fine; warnings are for people and change nothing. */
export interface ValueVerdict {
  readonly error: string | undefined;
  readonly warnings: readonly string[];
}

const fine: ValueVerdict = {error: undefined, warnings: []};

function refused(error: string): ValueVerdict {
  return {error, warnings: []};
}

/**
 * @param value as it came out of JSON; integers beyond 2^53 may also be bigint
 * @example
 * checkInputValue({...input, type: 'integer'}, 1.5).error; // 'is not an integer'
 */
export function checkInputValue(input: InputItem, value: unknown): ValueVerdict {
  switch (input.type.toLowerCase()) {
    case 'integer':
    case 'int':
      return isInt64(value) ? fine : refused('is not an integer');
    case 'number':
      return isNumber(value) ? fine : refused('is not a number');
    case 'float':
      return isNumber(value) ? fine : refused('is not a float');
    case 'boolean':
      return typeof value === 'boolean' ? fine : refused('is not a boolean');
    case 'string':
      return checkString(input, value);
    case 'list':
      return checkList(input, value);
    case 'hash':
      return isObject(value) ? fine : refused('is not a hash map');
    case 'array':
      return Array.isArray(value) ? fine : refused('is not an array');
    default:
      return refused(`unsupported input type '${input.type}'`);
  }
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isInt64(value: unknown): boolean {
  if (typeof value === 'bigint') return value >= -(2n ** 63n) && value < 2n ** 63n;
  // Doubles: -2^63 is one, 2^63 - 1 is not, so the upper end is 2^63 itself, which does not fit.
  return typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkList(input: InputItem, value: unknown): ValueVerdict {
  if (input.list.length === 0) return refused('input type of list without a valid list of items in DDL');
  if (typeof value !== 'string') return refused('should be a string');
  return input.list.includes(value) ? fine : refused(`should be one of ${input.list.join(', ')}`);
}

function checkString(input: InputItem, value: unknown): ValueVerdict {
  if (typeof value !== 'string') return refused('is not a string');
  if (input.maxLengthBytes === 0) return fine;
  if (Buffer.byteLength(value, 'utf8') > input.maxLengthBytes) {
    return refused(`is longer than ${input.maxLengthBytes} characters`);
  }
  return input.validation === '' ? fine : checkValidation(input.validation, value);
}

function checkValidation(validation: string, value: string): ValueVerdict {
  switch (validation) {
    case 'shellsafe':
      return verdict(validateShellSafe(value));
    case 'ipv4address':
      return verdict(validateIpv4(value));
    case 'ipv6address':
      return verdict(validateIpv6(value));
    case 'ipaddress':
      return verdict(validateIpAddress(value));
    default:
      if (/^[a-z]/.test(validation)) return {error: undefined, warnings: [`Unsupported validator '${validation}'`]};
      return verdict(validateRegex(value, validation));
  }
}

function verdict(error: string | undefined): ValueVerdict {
  return error === undefined ? fine : refused(error);
}

export type Conversion =
  | {readonly value: unknown; readonly error: undefined}
  | {readonly value: undefined; readonly error: string};

/**
 * Turns the text of `key=value` into a value of the input's type; does not judge it.
 *
 * Integers beyond 2^53 come back as bigint. An empty hash or array may also be given as `null`.
 */
export function convertInputText(input: InputItem, text: string): Conversion {
  switch (input.type.toLowerCase()) {
    case 'integer':
      return converted(parseGoInteger(text), `'${text}' is not a valid integer`);
    case 'float':
    case 'number':
      return converted(parseGoFloat(text), `'${text}' is not a valid float`);
    case 'boolean':
      return converted(parseGoBoolean(text), `'${text}' is not a valid boolean`);
    case 'string':
    case 'list':
      return {value: text, error: undefined};
    case 'hash':
      return converted(parseContainer(text, isObject), `'${text}' is not a valid JSON string with a hash inside`);
    case 'array':
      return converted(
        parseContainer(text, Array.isArray),
        `'${text}' is not a valid JSON string with an array inside`,
      );
    default:
      return {value: undefined, error: `unsupported type '${input.type}'`};
  }
}

function converted(value: unknown, error: string): Conversion {
  return value === undefined ? {value: undefined, error} : {value, error: undefined};
}

function parseContainer(text: string, accepts: (value: unknown) => boolean): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return value === null || accepts(value) ? value : undefined;
}

/** `convertInputText`, then `checkInputValue`; a null hash or array given as text passes. */
export function convertAndCheckInput(input: InputItem, text: string): ValueVerdict & {readonly value: unknown} {
  const conversion = convertInputText(input, text);
  if (conversion.error !== undefined) return {value: undefined, error: conversion.error, warnings: []};
  if (conversion.value === null) return {value: null, error: undefined, warnings: []};
  return {value: conversion.value, ...checkInputValue(input, conversion.value)};
}
