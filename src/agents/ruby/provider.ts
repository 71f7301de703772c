/** Registers the Ruby agents of a node: those with a JSON description and a `.rb` file beside it. */
import {errorMessage} from '../../lib/errors.ts';
import {findDdlFiles, parseAgentDdl} from '../../ddl/index.ts';
import type {AgentDdl} from '../../ddl/types.ts';
import {ActionFailure, toAgent} from '../../rpc/index.ts';
import type {Agent, AgentProvider, AgentRegistry, NodeContext} from '../../rpc/types.ts';
import {AgentsError} from '../errors.ts';
import {concurrentCallsMax, waitingCallsMax} from '../limits.ts';
import {createTurns} from '../turns.ts';
import {callShim, type ShimSettings} from './shim.ts';

const reserved: readonly string[] = ['rpcutil', 'choria_util', 'discovery'];
const ddlFileBytesMax = 2 * 1024 * 1024;

export interface RubyProviderOptions {
  readonly node: NodeContext;
  readonly registry: AgentRegistry;
}

export function createRubyAgentProvider(options: RubyProviderOptions): AgentProvider {
  const {node, registry} = options;
  const registered: string[] = [];
  return {
    name: 'ruby',
    start: async () => {
      const settings = shimSettings(node);
      for (const ddl of await findRubyAgents(node)) {
        const {name} = ddl.metadata;
        try {
          if (await registry.add(createRubyAgent(ddl, settings), node)) registered.push(name);
        } catch (error) {
          node.logger.warn(`Cannot register Ruby agent ${name}: ${errorMessage(error)}`, {agent: name});
        }
      }
    },
    stop: async () => {
      for (const name of registered.splice(0)) await registry.remove(name);
    },
  };
}

function shimSettings(node: NodeContext): ShimSettings {
  return {
    shim: node.config.get('plugin.choria.agent_provider.mcorpc.agent_shim'),
    config: node.config.get('plugin.choria.agent_provider.mcorpc.config'),
  };
}

async function findRubyAgents(node: NodeContext): Promise<readonly AgentDdl[]> {
  const directories = node.config.get('plugin.choria.agent_provider.mcorpc.libdir');
  const {files} = node.platform;
  const onProblem = (message: string): void => node.logger.warn(message);
  const paths = await findDdlFiles(
    {
      files,
      directories,
      onProblem,
    },
    'agent',
  );
  const found = new Map<string, AgentDdl>();
  for (const path of paths.filter((item) => item.includes('/mcollective/agent/'))) {
    try {
      const ddl = parseAgentDdl(await files.read(path, {limitBytes: ddlFileBytesMax}), `"${path}"`);
      const {name, provider} = ddl.metadata;
      const isRuby = provider === '' || provider === 'ruby';
      if (!isRuby || reserved.includes(name) || !(await hasRubyFile(path, node))) continue;
      if (!found.has(name)) found.set(name, ddl);
    } catch (error) {
      onProblem(`Cannot use the Ruby agent of ${path}: ${errorMessage(error)}`);
    }
  }
  return [...found.values()];
}

async function hasRubyFile(ddlPath: string, node: NodeContext): Promise<boolean> {
  try {
    return (await node.platform.files.stat(ddlPath.replace(/\.json$/, '.rb'))).kind === 'file';
  } catch (error) {
    if ((error as {code?: unknown}).code === 'ENOENT') return false;
    throw error;
  }
}

export function createRubyAgent(ddl: AgentDdl, settings: ShimSettings): Agent {
  const {name, timeoutSeconds} = ddl.metadata;
  const known = new Set(ddl.actions.map((action) => action.name));
  const turns = createTurns({name, runningMax: concurrentCallsMax, waitingMax: waitingCallsMax});
  return toAgent(
    {
      metadata: ddl.metadata,
      ddl,
      action: (action) =>
        known.has(action)
          ? async (request, {node, signal}) => {
              try {
                const call = {settings, node, signal, timeoutMs: timeoutSeconds * 1000};
                return await turns.run(() => callShim(request, call), signal);
              } catch (error) {
                if (!(error instanceof AgentsError)) throw error;
                throw new ActionFailure(`Cannot call Ruby action ${name}#${request.action}: ${error.message}`);
              }
            }
          : undefined,
    },
    {shouldActivate: async (node) => isActive(name, node)},
  );
}

/** On unless the agent's own settings say otherwise. */
function isActive(name: string, node: NodeContext): boolean {
  const text = node.config.raw(`plugin.${name}.activate_agent`);
  return text === undefined || /^(1|yes|true|y|t)$/i.test(text.trim());
}
