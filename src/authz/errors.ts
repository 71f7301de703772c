/** What can go wrong while deciding. Whatever it is, the answer to the caller is no. */
import {ChoriaError} from '../lib/errors.ts';

export const authzErrorCodes = {
  ERR_POLICY_MISSING: 'There is no policy for an agent',
  ERR_POLICY_UNREADABLE: 'A policy file cannot be read, is too large or is not UTF-8 text',
  ERR_POLICY_RULE: 'A rule that applies to the caller and action cannot be judged',
  ERR_OPA_MISSING: 'The program opa, which compiles Rego policies, was not found',
  ERR_OPA_FAILED: 'The program opa did not compile a policy for a reason that is not in the policy',
  ERR_REGO_INVALID: 'A Rego policy does not compile',
  ERR_REGO_FAILED: 'A Rego policy could not be evaluated, or did not answer with one boolean',
  ERR_REGO_LIMIT: 'A Rego policy took too long, too much memory, or too many decisions wait',
  ERR_TOKEN_POLICY: 'The policy of a token cannot be used',
} as const;

export type AuthzErrorCode = keyof typeof authzErrorCodes;

export class AuthzError extends ChoriaError<AuthzErrorCode> {}
