/**
 * The error family of the small languages. An expression that cannot be compiled, fails while running or costs too much is
 * always one of these; nothing else leaves this area.
 */
import {ChoriaError, type ChoriaErrorOptions} from '../lib/errors.ts';

export type LangErrorCode =
  | 'ERR_EXPR_SYNTAX'
  | 'ERR_EXPR_TYPE'
  | 'ERR_EXPR_RUN'
  | 'ERR_EXPR_BUDGET'
  | 'ERR_GJSON_BUDGET'
  | 'ERR_SEMVER_VERSION'
  | 'ERR_YAML_SYNTAX'
  | 'ERR_YAML_TOO_LARGE'
  | 'ERR_SEMVER_CONSTRAINT';

export const langErrorCodes: Readonly<Record<LangErrorCode, string>> = {
  ERR_EXPR_SYNTAX: 'an expression cannot be parsed',
  ERR_EXPR_TYPE: 'an expression cannot be compiled: an operator or function is used on values it does not take',
  ERR_EXPR_RUN: 'an expression failed while it ran',
  ERR_EXPR_BUDGET: 'an expression is larger or costs more than allowed',
  ERR_GJSON_BUDGET: 'a GJSON path is larger or costs more than allowed',
  ERR_YAML_SYNTAX: 'a YAML text cannot be read',
  ERR_YAML_TOO_LARGE: 'a YAML text unfolds to more than allowed',
  ERR_SEMVER_VERSION: 'a text is not a semantic version',
  ERR_SEMVER_CONSTRAINT: 'a text is not a constraint on semantic versions',
};

export class LangError extends ChoriaError<LangErrorCode> {}

/** An expression that does not compile, fails or costs too much; `details.line` and `details.column` count from 1. */
export class ExprError extends LangError {
  static at(
    code: LangErrorCode,
    message: string,
    place: {readonly source: string; readonly offset: number},
  ): ExprError {
    const {line, column} = lineAndColumn(place.source, place.offset);
    return new ExprError(code, `${message} (${line}:${column})`, {details: {line, column}});
  }
}

/** Where an offset lies in a text; both count from 1. */
export function lineAndColumn(text: string, offset: number): {readonly line: number; readonly column: number} {
  let line = 1;
  let start = 0;
  for (let index = text.indexOf('\n'); index !== -1 && index < offset; index = text.indexOf('\n', index + 1)) {
    line += 1;
    start = index + 1;
  }
  return {line, column: offset - start + 1};
}

export type {ChoriaErrorOptions};
