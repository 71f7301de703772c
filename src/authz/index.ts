/** Decides whether a caller may run an action of an agent on this node. */
export {type ActionPolicy, type ActionPolicyOptions, createActionPolicy} from './action-policy.ts';
export {
  type ActionAuthorizer,
  actionPolicyOf,
  type AuthorizerOptions,
  createAuthorizer,
  createLocalRegoEngine,
  regoEngineOf,
  regoPolicyOf,
} from './authorizer.ts';
export {AuthzError, type AuthzErrorCode, authzErrorCodes} from './errors.ts';
export {type DecisionExplanation, type ExplainedLine, explainDecision} from './explain.ts';
export {authzLimits} from './limits.ts';
export {parsePolicy, type Policy, type PolicyLine, type PolicyWarning} from './policy-text.ts';
export {createRegoEngine, type RegoEngine} from './rego/engine.ts';
export {createRegoRunner, type RegoRunnerOptions} from './rego/node-runner.ts';
export {createOpaCompiler, type OpaCompiler, type OpaCompilerOptions} from './rego/opa.ts';
export {type RegoQuery, serverQuery, tokenQuery} from './rego/query.ts';
export type {RegoFilter, RegoRunner} from './rego/types.ts';
export {createRegoPolicy, type RegoExplanation, type RegoPolicy} from './rego-policy.ts';
export {
  createTokenPolicy,
  judgeAgentList,
  judgeToken,
  judgeTokenRego,
  policiesOf,
  type TokenPolicy,
  type TokenRequest,
} from './token-policy.ts';
export type {AuthzNode, AuthzRequest, AuthzVerdict, PolicyExplanation, PolicyStep} from './types.ts';
