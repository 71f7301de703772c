/** Agents that come with the program, and the providers of those that come from files. See README.md. */
import type {Agent} from '../rpc/types.ts';
import type {DataPlugins} from './data-plugins.ts';
import {createExternalDataSource} from './external/data.ts';
import {externalAgentSource} from './external/provider.ts';
import {createFileAgentProvider, type FileAgentProvider} from './file-agents.ts';
import {moduleAgentSource, type ModuleAgentSourceOptions} from './module/source.ts';
import {rubyAgentSource} from './ruby/provider.ts';
import {createChoriaRegistryAgent} from './choria-registry.ts';
import {createChoriaUtilAgent} from './choria-util.ts';
import {createDiscoveryAgent} from './discovery.ts';
import {createExecutorAgent} from './executor.ts';
import {createRpcutilAgent} from './rpcutil.ts';
import {createScoutAgent} from './scout.ts';

export {createDataPlugins} from './data-plugins.ts';
export type {DataPlugins} from './data-plugins.ts';
export {AgentsError, agentsErrorCodes} from './errors.ts';
export type {AgentsErrorCode} from './errors.ts';
export {createExternalAgentProvider} from './external/provider.ts';
export type {FileAgentOptions, FileAgentProvider} from './file-agents.ts';
export {agentEntry} from './rpcutil.ts';
export {scaffoldAgent} from './scaffold.ts';
export type {ScaffoldOptions} from './scaffold.ts';
export {parseShimReply, shimRequest} from './ruby/shim.ts';

/**
 * The agents that every server has, in the order in which they are registered. Whether each is active on a node is its own decision.
 *
 * @param options.version of the program
 */
export function createBuiltinAgents(options: {readonly version: string}): readonly Agent[] {
  const {version} = options;
  return [
    createDiscoveryAgent(version),
    createRpcutilAgent(version),
    createChoriaUtilAgent(version),
    createExecutorAgent(version),
    createScoutAgent(version),
    createChoriaRegistryAgent(version),
  ];
}

/**
 * Every agent that comes from files, in the order in which names are given away, and the data plugins that do.
 *
 * @param options.data gets the data plugins; without it none are looked for
 */
export function createAgentsOfFiles(
  options: ModuleAgentSourceOptions & {readonly data?: Pick<DataPlugins, 'replaceExternal'>},
): FileAgentProvider {
  const {node, data} = options;
  const external = createExternalDataSource(node);
  return createFileAgentProvider({
    ...options,
    name: 'files',
    sources: [moduleAgentSource(options), rubyAgentSource(node), externalAgentSource(node)],
    ...(data === undefined
      ? {}
      : {alsoScan: async (onProblem) => data.replaceExternal(await external.find(onProblem))}),
  });
}
