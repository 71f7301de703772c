/** What can be wrong with a description, or with values judged by one. */
import {ChoriaError} from '../lib/errors.ts';

export type DdlErrorCode =
  | 'ERR_DDL_INPUT'
  | 'ERR_DDL_MISMATCH'
  | 'ERR_DDL_NOT_FOUND'
  | 'ERR_DDL_RENDER'
  | 'ERR_DDL_RUBY'
  | 'ERR_DDL_SHAPE'
  | 'ERR_DDL_SYNTAX'
  | 'ERR_DDL_TOO_LARGE';

export const ddlErrorCodes: Readonly<Record<DdlErrorCode, string>> = {
  ERR_DDL_INPUT: 'A value given for an action is not what its description asks for',
  ERR_DDL_MISMATCH: 'A description describes another plugin than the one it was found for',
  ERR_DDL_NOT_FOUND: 'No description of this name was found anywhere',
  ERR_DDL_RENDER: 'A description holds something that cannot be written in the form asked for',
  ERR_DDL_RUBY: 'Ruby DDL text uses something outside of the known subset, or misses something that it must have',
  ERR_DDL_SHAPE: 'A description has a value of the wrong type',
  ERR_DDL_SYNTAX: 'A description is not valid JSON',
  ERR_DDL_TOO_LARGE: 'A description is larger than the limit',
};

export class DdlError extends ChoriaError<DdlErrorCode> {}
