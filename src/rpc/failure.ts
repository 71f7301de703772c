/**
 * How an action says that it failed: throw one of these, and the caller gets its status code, text and data.
 *
 * Anything else that is thrown becomes code 5 with its message.
 */
import {ChoriaError} from '../lib/errors.ts';
import type {StatusCode} from './types.ts';

export type ActionFailureCode =
  | 'ERR_ACTION_ABORTED'
  | 'ERR_ACTION_UNKNOWN'
  | 'ERR_ACTION_MISSING_DATA'
  | 'ERR_ACTION_INVALID_DATA'
  | 'ERR_ACTION_FAILED';

export const actionFailureCodes: Readonly<Record<ActionFailureCode, string>> = {
  ERR_ACTION_ABORTED: 'An action could not do what it was asked to (status 1)',
  ERR_ACTION_UNKNOWN: 'An agent has no such action (status 2)',
  ERR_ACTION_MISSING_DATA: 'A request lacks an input (status 3)',
  ERR_ACTION_INVALID_DATA: 'A request has an input that cannot be used (status 4)',
  ERR_ACTION_FAILED: 'An action failed in a way of its own (status 5 and above)',
};

export const statusCodes = {
  ok: 0,
  aborted: 1,
  unknownAction: 2,
  missingData: 3,
  invalidData: 4,
  unknownError: 5,
} as const;

/**
 * @example
 * throw new ActionFailure('Cannot switch: no such target', {statusCode: statusCodes.aborted, data: {known: names}});
 */
export class ActionFailure extends ChoriaError<ActionFailureCode> {
  readonly statusCode: StatusCode;
  /** Sent along with the failure. */
  readonly data: unknown;

  constructor(
    message: string,
    options: {readonly statusCode?: StatusCode; readonly data?: unknown; readonly cause?: unknown} = {},
  ) {
    const statusCode = options.statusCode ?? statusCodes.aborted;
    super(failureCode(statusCode), message, options.cause === undefined ? {} : {cause: options.cause});
    this.statusCode = statusCode;
    this.data = options.data;
  }
}

function failureCode(statusCode: StatusCode): ActionFailureCode {
  const codes: readonly ActionFailureCode[] = [
    'ERR_ACTION_ABORTED',
    'ERR_ACTION_UNKNOWN',
    'ERR_ACTION_MISSING_DATA',
    'ERR_ACTION_INVALID_DATA',
  ];
  return codes[statusCode - 1] ?? 'ERR_ACTION_FAILED';
}
