/** What all agents that come with the program have in common. */
import {builtinAgentDdl} from '../ddl/index.ts';
import type {AgentMetadata} from '../ddl/types.ts';
import {type RpcAction, toAgent} from './dispatch.ts';
import {statusCodes} from './failure.ts';
import type {Agent, RpcReply} from './types.ts';

export interface BuiltinForm {
  readonly name: string;
  readonly version: string;
  /** Servers give these agents more time than their descriptions tell clients. */
  readonly timeoutSeconds: number;
  readonly service?: boolean;
  readonly actions: Readonly<Record<string, RpcAction>>;
  readonly shouldActivate?: NonNullable<Agent['shouldActivate']>;
}

export function builtinAgent(form: BuiltinForm): Agent {
  const {name, version, timeoutSeconds, service, shouldActivate} = form;
  const ddl = builtinAgentDdl(name, version);
  const metadata: AgentMetadata = {
    name,
    description: ddl?.metadata.description ?? '',
    author: 'Choria Project',
    license: 'Apache-2.0',
    version,
    url: 'https://choria.io',
    timeoutSeconds,
    // Compiled agents name no provider.
    provider: '',
    service: service ?? false,
  };
  const actions = new Map(Object.entries(form.actions));
  const agent = {metadata, ...(ddl === undefined ? {} : {ddl}), action: (action: string) => actions.get(action)};
  return toAgent(agent, shouldActivate === undefined ? {} : {shouldActivate});
}

export function ok(data: unknown): RpcReply {
  return {statusCode: statusCodes.ok, statusMessage: 'OK', data};
}
