/** What can go wrong with agents that come from files. */
import {ChoriaError} from '../lib/errors.ts';

export type AgentsErrorCode =
  | 'ERR_AGENT_EXECUTABLE'
  | 'ERR_AGENT_CALL'
  | 'ERR_AGENT_BUSY'
  | 'ERR_AGENT_REPLY'
  | 'ERR_AGENT_WORKER';

export const agentsErrorCodes: Readonly<Record<AgentsErrorCode, string>> = {
  ERR_AGENT_EXECUTABLE: 'The program of an external agent is missing or must not be run',
  ERR_AGENT_CALL: 'The program of an agent could not be run or ended with a failure',
  ERR_AGENT_BUSY: 'More calls of an agent wait than its queue takes',
  ERR_AGENT_REPLY: 'The reply of an agent is missing or is not what the protocol describes',
  ERR_AGENT_WORKER: 'The process that holds an agent could not be started, ended, or does not keep to its protocol',
};

export class AgentsError extends ChoriaError<AgentsErrorCode> {}
