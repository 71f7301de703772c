/** The RPC layer: agents, their registry, request and reply bodies. */
export type * from './types.ts';
export {createAgentRegistry} from './registry.ts';
export type {AgentRegistryOptions} from './registry.ts';
export {RpcError, rpcErrorCodes} from './errors.ts';
export type {RpcErrorCode} from './errors.ts';
export * from './client/index.ts';
export {formatReplyBody, parseRequestBody} from './body.ts';
export type {RequestBody} from './body.ts';
export {dispatchRpc, toAgent} from './dispatch.ts';
export type {ActionContext, RpcAction, RpcAgent} from './dispatch.ts';
export {createAuditor, createFileAuditor, formatAuditLine} from './audit.ts';
export {decodeInputs, requireOneOf} from './decode.ts';
export type {Decoded, FieldType} from './decode.ts';
export {ActionFailure, actionFailureCodes, statusCodes} from './failure.ts';
export type {ActionFailureCode} from './failure.ts';
export {agentDdl, agentDdlJson, defineAction, defineAgent} from './agent.ts';
export type {
  Actions,
  AgentDefinition,
  AnyAction,
  CallValues,
  DefinedAgent,
  Inputs,
  Outputs,
  OutputValues,
  TypedAction,
  InputDefinition,
  OutputDefinition,
} from './agent.ts';
export {type BuiltinForm, builtinAgent, ok} from './compiled-agent.ts';
