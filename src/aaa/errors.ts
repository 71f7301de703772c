/** What can go wrong in the service. Callers learn only that they were refused; these go to the log. */
import {ChoriaError} from '../lib/errors.ts';

export const aaaErrorCodes = {
  ERR_AAA_CONFIG: 'The configuration of the AAA service, or a file that it names, cannot be used',
  ERR_AAA_LOGIN: 'A login was refused',
  ERR_AAA_REQUEST: 'A request cannot be signed because it, its token or its signature is not in order',
  ERR_AAA_DENIED: 'The policy of a token does not allow a request',
  ERR_AAA_RATE: 'A caller or address asks more often than it may',
  ERR_AAA_AUTHENTICATOR: 'The authenticator cannot tell whether a login is right',
} as const;

export type AaaErrorCode = keyof typeof aaaErrorCodes;

export class AaaError extends ChoriaError<AaaErrorCode> {}
