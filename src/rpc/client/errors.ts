import {ChoriaError} from '../../lib/errors.ts';

/** What can be wrong with a request before anything is sent, or with the way to the fleet. */
export const requestErrorCodes = {
  ERR_REQUEST_LIMIT_INVALID: 'The limit on targets is neither a number nor a percentage',
  ERR_REQUEST_LIMIT_METHOD: 'The method of choosing limited targets is neither first nor random',
  ERR_REQUEST_LIMIT_EMPTY: 'The limit on targets leaves no target',
  ERR_REQUEST_NO_TARGETS: 'A direct request names no targets',
  ERR_REQUEST_TARGETS: 'The targets of a request cannot be used: too many, or a name that cannot be part of a subject',
  ERR_REQUEST_BATCH:
    'The batch size or the sleep between batches is out of range, or this kind of request has no batches',
  ERR_REQUEST_DATA: 'An input of a request cannot be written as JSON',
  ERR_REQUEST_SERVICE: 'A service request names targets or a filter',
  ERR_REQUEST_UNFILTERED: 'Requests without a filter are disabled by configuration',
  ERR_REQUEST_NOT_PERMITTED: 'The broker does not let this caller send such requests, or hear their replies',
  ERR_REQUEST_REPLY_TO: 'The subject for replies is not a plain subject',
  ERR_REQUEST_REPLY_FILTER: 'The expression that filters replies does not give true or false',
  ERR_REQUEST_CONSUMED: 'The replies of a request are read twice',
} as const;

export type RequestErrorCode = keyof typeof requestErrorCodes;

/** @example throw new RequestError('ERR_REQUEST_NO_TARGETS', 'Cannot send rpcutil#ping: no targets were given'); */
export class RequestError extends ChoriaError<RequestErrorCode> {}
