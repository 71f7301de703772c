import {convertAndCheckInput, convertInputText, inputFromDocument} from '../../../../src/ddl/index.ts';
import {parseExactJson} from '../../../../src/lib/json-exact.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName, text} from './_cases.ts';

/** JSON has no infinities, so the file writes null for them. */
function comparable(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'number') return value ?? null;
  return Number.isFinite(value) ? value : null;
}

/** What a double was made of is compared as one. */
function asDouble(got: unknown, expected: unknown): unknown {
  return typeof got === 'number' && typeof expected === 'bigint' ? Number(expected) : expected;
}

/** Integers beyond 2^53 are exact in the file's text only. */
const judge: Judge = async ({text: source}) =>
  caseList(parseExactJson(source)).map((item, index) => {
    const name = caseName(item, index);
    const input = inputFromDocument('value', item['input']);
    const arg = text(item['arg']);
    const conversion = convertInputText(input, arg);
    const checked = convertAndCheckInput(input, arg);
    return judgeEqual(
      name,
      {
        convertOk: item['convert_ok'],
        converted: comparable(asDouble(conversion.value, item['converted'])),
        convertError: item['convert_error'],
        ok: item['validate_ok'],
        error: item['validate_error'],
        warnings: item['warnings'],
      },
      {
        convertOk: conversion.error === undefined,
        converted: comparable(conversion.value),
        convertError: conversion.error ?? null,
        ok: checked.error === undefined,
        error: checked.error ?? null,
        warnings: checked.warnings,
      },
    );
  });

export default judge;
