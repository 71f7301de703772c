import {ChoriaError} from './errors.ts';

/** What can go wrong with a request to an HTTP service. A status of failure is a response, not an error. */
export const httpErrorCodes = {
  ERR_HTTP_URL: 'The address is no http or https URL, or the request holds what no request may hold',
  ERR_HTTP_CONNECT: 'The HTTP service could not be reached, or TLS with it failed',
  ERR_HTTP_TIMEOUT: 'The HTTP service did not answer in the time given',
  ERR_HTTP_RESPONSE: 'What was answered is no whole HTTP response',
  ERR_HTTP_TOO_LARGE: 'The response is larger than the caller takes',
} as const;

export type HttpErrorCode = keyof typeof httpErrorCodes;

/** @example throw new HttpError('ERR_HTTP_TIMEOUT', 'Cannot GET https://puppet:8081/: no whole answer in 10000 ms'); */
export class HttpError extends ChoriaError<HttpErrorCode> {}
