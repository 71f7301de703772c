import {convertAndCheckInput, convertInputText, inputFromDocument} from '../../../../src/ddl/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName, text} from './_cases.ts';

/** Integers beyond 2^53 are exact in the file's text only, so they are read from there. */
function exactConverted(source: string, name: string): string | undefined {
  const start = source.indexOf(`"name": ${JSON.stringify(name)}`);
  const compact = start >= 0 ? start : source.indexOf(`"name":${JSON.stringify(name)}`);
  if (compact < 0) return undefined;
  return /"converted":\s*(-?[0-9]{16,})[,\s}]/.exec(source.slice(compact, nextCase(source, compact)))?.[1];
}

function nextCase(source: string, from: number): number {
  const next = source.indexOf('"name":', from + 7);
  return next < 0 ? source.length : next;
}

/** JSON has no infinities, so the file writes null for them. */
function comparable(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'number') return value ?? null;
  return Number.isFinite(value) ? value : null;
}

const judge: Judge = async ({data, text: source}) =>
  caseList(data).map((item, index) => {
    const name = caseName(item, index);
    const input = inputFromDocument('value', item['input']);
    const arg = text(item['arg']);
    const conversion = convertInputText(input, arg);
    const checked = convertAndCheckInput(input, arg);
    const exact = exactConverted(source, name);
    return judgeEqual(
      name,
      {
        convertOk: item['convert_ok'],
        converted: exact ?? item['converted'] ?? null,
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
