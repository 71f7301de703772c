/** The agent that makes a node discoverable. It is not RPC: no rights are asked and nothing is audited. */
import type {Agent} from '../rpc/types.ts';

export function createDiscoveryAgent(version: string): Agent {
  return {
    metadata: {
      name: 'discovery',
      description: 'Answers discovery requests',
      author: 'Choria Project',
      license: 'Apache-2.0',
      version,
      url: 'https://choria.io',
      timeoutSeconds: 2,
      provider: '',
      service: false,
    },
    handle: ({request, node}) => {
      if (request.body.includes('ping')) return Buffer.from('pong', 'utf8');
      node.logger.error(`Received a discovery request that does not ask for a pong: request ${request.id}`, {
        agent: 'discovery',
        caller: request.callerId,
      });
      return undefined;
    },
  };
}
