/** The RPC layer: agents, their registry, request and reply bodies. */
export type * from './types.ts';
export {createAgentRegistry} from './registry.ts';
export type {AgentRegistryOptions} from './registry.ts';
export {RpcError, rpcErrorCodes} from './errors.ts';
export type {RpcErrorCode} from './errors.ts';
export * from './client/index.ts';
