/** Decides whether a caller may run an action of an agent on this node. */
export {type ActionPolicy, type ActionPolicyOptions, createActionPolicy} from './action-policy.ts';
export {type ActionAuthorizer, actionPolicyOf, type AuthorizerOptions, createAuthorizer} from './authorizer.ts';
export {AuthzError, type AuthzErrorCode, authzErrorCodes} from './errors.ts';
export {authzLimits} from './limits.ts';
export {parsePolicy, type Policy, type PolicyLine, type PolicyWarning} from './policy-text.ts';
export type {AuthzNode, AuthzRequest, AuthzVerdict, PolicyExplanation, PolicyStep} from './types.ts';
