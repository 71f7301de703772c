/** Ruby agents of a node: a description, as JSON or in Ruby, with a `.rb` file of the same name beside it. */
import {errorMessage} from '../../lib/errors.ts';
import type {FileAgent, FileAgentSource} from '../file-agents.ts';
import {agentDdlFromDocument, findDdlFiles, parseAgentDdl, rubyDdlToJson} from '../../ddl/index.ts';
import type {AgentDdl} from '../../ddl/types.ts';
import {ActionFailure, toAgent} from '../../rpc/index.ts';
import type {Agent, NodeContext, RpcReply, RpcRequest} from '../../rpc/types.ts';
import {AgentsError} from '../errors.ts';
import {agentFilesMax, concurrentCallsMax, ddlFileBytesMax, waitingCallsMax} from '../limits.ts';
import {createTurns} from '../turns.ts';
import {callShim, checkShim, type ShimSettings} from './shim.ts';
import {createWarmAgent, type WarmAgent} from './warm.ts';

const reserved: readonly string[] = ['rpcutil', 'choria_util', 'discovery'];

export function rubyAgentSource(node: NodeContext): FileAgentSource {
  const warm = new Set<WarmAgent>();
  return {
    kind: 'Ruby',
    // As they are read by the reference at its start: at once.
    settleMs: 0,
    find: (onProblem) => findRubyAgents({node, warm}, onProblem),
    stop: async () => {
      await Promise.all([...warm].map((agent) => agent.stop()));
      warm.clear();
    },
  };
}

function shimSettings(node: NodeContext): ShimSettings {
  return {
    shim: node.config.get('plugin.choria.agent_provider.mcorpc.agent_shim'),
    config: node.config.get('plugin.choria.agent_provider.mcorpc.config'),
  };
}

interface Place {
  readonly node: NodeContext;
  /** Those with processes, so that none outlives the server. */
  readonly warm: Set<WarmAgent>;
}

async function findRubyAgents(
  place: Place,
  onProblem: (path: string, problem: string) => void,
): Promise<ReadonlyMap<string, FileAgent>> {
  const {node} = place;
  const found = new Map<string, FileAgent>();
  for (const path of await descriptions(node, onProblem)) {
    if (found.size >= agentFilesMax) {
      onProblem(path, `more than ${agentFilesMax} agents were found, the rest is left out`);
      break;
    }
    try {
      const agent = await readAgent(path, place);
      if (agent !== undefined && !found.has(agent.name)) found.set(agent.name, agent);
    } catch (error) {
      onProblem(path, errorMessage(error));
    }
  }
  return found;
}

/** JSON where there is some, which is what other servers read; else the description that Ruby itself reads. */
async function descriptions(
  node: NodeContext,
  onProblem: (path: string, problem: string) => void,
): Promise<readonly string[]> {
  const search = {
    files: node.platform.files,
    directories: node.config.get('plugin.choria.agent_provider.mcorpc.libdir'),
    onProblem: (message: string) => onProblem('the libdir', message),
  };
  const inPlace = (path: string): boolean => path.includes('/mcollective/agent/');
  const json = (await findDdlFiles(search, 'agent')).filter(inPlace);
  const stems = new Set(json.map(stemOf));
  const ruby = (await findDdlFiles(search, 'agent', 'ddl')).filter((path) => inPlace(path) && !stems.has(stemOf(path)));
  return [...json, ...ruby];
}

function stemOf(path: string): string {
  return path.slice(0, path.lastIndexOf('.'));
}

async function readAgent(path: string, place: Place): Promise<FileAgent | undefined> {
  const {node} = place;
  const {files} = node.platform;
  if (!(await isFile(`${stemOf(path)}.rb`, node))) return undefined;
  const info = await files.stat(path);
  const ddl = parseDescription(await files.read(path, {limitBytes: ddlFileBytesMax}), path);
  const {name, provider, version} = ddl.metadata;
  const isRuby = provider === '' || provider === 'ruby';
  if (!isRuby || reserved.includes(name)) return undefined;
  if (!/^[A-Za-z0-9_]{1,128}$/.test(name)) {
    throw new AgentsError('ERR_AGENT_CALL', `agent name ${JSON.stringify(name)} cannot be used`);
  }
  return {
    name,
    path,
    print: `${version} ${path} ${info.modifiedAtMs} ${info.sizeBytes}`,
    modifiedAtMs: info.modifiedAtMs,
    make: async () => createRubyAgent(ddl, {...place, settings: shimSettings(node)}),
  };
}

function parseDescription(bytes: Buffer, path: string): AgentDdl {
  if (path.endsWith('.json')) return parseAgentDdl(bytes, `"${path}"`);
  return agentDdlFromDocument(rubyDdlToJson(bytes.toString('utf8')), `"${path}"`);
}

async function isFile(path: string, node: NodeContext): Promise<boolean> {
  try {
    return (await node.platform.files.stat(path)).kind === 'file';
  } catch (error) {
    if ((error as {code?: unknown}).code === 'ENOENT') return false;
    throw error;
  }
}

function createRubyAgent(ddl: AgentDdl, options: Place & {readonly settings: ShimSettings}): Agent {
  const {settings, node} = options;
  const {name, timeoutSeconds} = ddl.metadata;
  const known = new Set(ddl.actions.map((action) => action.name));
  const turns = createTurns({name, runningMax: concurrentCallsMax, waitingMax: waitingCallsMax});
  const warm = node.config.get('plugin.choria.agent_provider.mcorpc.workers')
    ? createWarmAgent(name, options)
    : undefined;
  if (warm !== undefined) {
    options.warm.add(warm);
    warm.onEnd(() => options.warm.delete(warm));
  }
  const call = async (request: RpcRequest, signal: AbortSignal): Promise<RpcReply | undefined> => {
    await checkShim(request, options);
    const answer = warm === undefined ? 'cold' : await warm.call(request, signal);
    if (answer !== 'cold') return answer;
    return callShim(request, {settings, node, signal, timeoutMs: timeoutSeconds * 1000});
  };
  return toAgent(
    {
      metadata: ddl.metadata,
      ddl,
      action: (action) =>
        known.has(action)
          ? async (request, {signal}) => {
              try {
                return await turns.run(() => call(request, signal), signal);
              } catch (error) {
                if (signal.aborted) return undefined;
                if (!(error instanceof AgentsError)) throw error;
                throw new ActionFailure(`Cannot call Ruby action ${name}#${request.action}: ${error.message}`);
              }
            }
          : undefined,
    },
    {
      shouldActivate: async () => isActive(name, node),
      ...(warm === undefined ? {} : {stop: async () => warm.retire()}),
    },
  );
}

/** On unless the agent's own settings say otherwise. */
function isActive(name: string, node: NodeContext): boolean {
  const text = node.config.raw(`plugin.${name}.activate_agent`);
  return text === undefined || /^(1|yes|true|y|t)$/i.test(text.trim());
}
