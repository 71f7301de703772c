/** What can go wrong in the RPC layer outside of a reply: registering agents, writing the audit trail, defining agents. */
import {ChoriaError} from '../lib/errors.ts';

export type RpcErrorCode =
  | 'ERR_AGENT_EXISTS'
  | 'ERR_AGENT_METADATA'
  | 'ERR_AGENT_SERVICE_CHANGED'
  | 'ERR_AGENT_UNKNOWN'
  | 'ERR_AUDIT_WRITE'
  | 'ERR_RPC_BODY';

export const rpcErrorCodes: Readonly<Record<RpcErrorCode, string>> = {
  ERR_AGENT_EXISTS: 'An agent of this name is already registered',
  ERR_AGENT_METADATA: 'The metadata of an agent is missing something or holds a value that cannot be used',
  ERR_AGENT_SERVICE_CHANGED: 'A replacement turns an ordinary agent into a service agent or the other way around',
  ERR_AGENT_UNKNOWN: 'No agent of this name is registered',
  ERR_AUDIT_WRITE: 'The audit log was asked for and could not be written',
  ERR_RPC_BODY: 'A request or reply body is not what the RPC protocol describes',
};

export class RpcError extends ChoriaError<RpcErrorCode> {}
