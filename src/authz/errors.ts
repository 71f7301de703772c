/** What can go wrong while deciding. Whatever it is, the answer to the caller is no. */
import {ChoriaError} from '../lib/errors.ts';

export const authzErrorCodes = {
  ERR_POLICY_MISSING: 'There is no policy for an agent',
  ERR_POLICY_UNREADABLE: 'A policy file cannot be read, is too large or is not UTF-8 text',
  ERR_POLICY_RULE: 'A rule that applies to the caller and action cannot be judged',
} as const;

export type AuthzErrorCode = keyof typeof authzErrorCodes;

export class AuthzError extends ChoriaError<AuthzErrorCode> {}
