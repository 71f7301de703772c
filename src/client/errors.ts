import {ChoriaError} from '../lib/errors.ts';

/** What can stop a client before or while it talks to its fleet. */
export const clientErrorCodes = {
  ERR_CLIENT_NO_BROKER: 'No broker could be reached in the time given',
  ERR_CLIENT_REFUSED:
    'A broker was reached, but it or we refused the other: TLS, certificates or credentials do not fit',
  ERR_CLIENT_COLLECTIVE: 'The collective is not one of those that the configuration knows',
  ERR_CLIENT_AGENT: 'There is no description (DDL) of the agent',
  ERR_CLIENT_ACTION: 'The agent has no such action',
  ERR_CLIENT_INPUT: 'The inputs of an action do not fit its description',
  ERR_CLIENT_DISCOVERY: 'Discovery failed before a request could be sent',
  ERR_CLIENT_NO_NODES: 'Discovery found no nodes to ask',
  ERR_CLIENT_FILTER: 'A filter cannot be understood',
  ERR_CLIENT_SECURITY: 'The certificate, key or CA of this client cannot be used',
  ERR_CLIENT_CLOSED: 'The client was closed',
  ERR_CLIENT_WORKERS: 'The number of workers is not a positive number',
  ERR_CLIENT_REACH: 'A request would reach more nodes than it may, or its steps cannot be understood',
  ERR_CLIENT_RAMP_FILE: 'The file of an interrupted ramp cannot be read, written or used for this request',
} as const;

export type ClientErrorCode = keyof typeof clientErrorCodes;

/** @example throw new ClientError('ERR_CLIENT_NO_NODES', 'did not discover any nodes'); */
export class ClientError extends ChoriaError<ClientErrorCode> {}
