/** External agents of a node: programs in any language beside their descriptions. */
import {
  createFileAgentProvider,
  type FileAgent,
  type FileAgentOptions,
  type FileAgentProvider,
  type FileAgentSource,
} from '../file-agents.ts';
import type {NodeContext} from '../../rpc/types.ts';
import {settleMs} from '../limits.ts';
import {createExternalAgent} from './agent.ts';
import {scanExternalAgents} from './scan.ts';

export function externalAgentSource(node: NodeContext): FileAgentSource {
  return {
    kind: 'external',
    settleMs,
    find: async (onProblem) => {
      const found = await scanExternalAgents({
        files: node.platform.files,
        host: node.platform.host,
        directories: node.config.get('plugin.choria.agent_provider.mcorpc.libdir'),
        onProblem,
      });
      return new Map(
        [...found].map(([name, agent]): [string, FileAgent] => [
          name,
          {
            name,
            path: agent.ddlPath,
            print: `${agent.ddl.metadata.version} ${agent.executable} ${agent.modifiedAtMs}`,
            modifiedAtMs: agent.modifiedAtMs,
            make: async () => createExternalAgent(agent),
          },
        ]),
      );
    },
  };
}

export function createExternalAgentProvider(options: FileAgentOptions): FileAgentProvider {
  return createFileAgentProvider({...options, name: 'external', sources: [externalAgentSource(options.node)]});
}
