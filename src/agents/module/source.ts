/**
 * Agents in TypeScript or JavaScript from the directories that `plugin.choria.server.agents` names: `NAME.mjs` or `NAME.js`, or a folder
 * `NAME` with an `index` of those endings. `.ts` where this Node runs TypeScript.
 */
import {errorMessage} from '../../lib/errors.ts';
import type {DirectoryEntry, FileInfo} from '../../lib/platform.ts';
import type {Agent, AgentRegistry, NodeContext} from '../../rpc/types.ts';
import {AgentsError} from '../errors.ts';
import {checkProgramFile} from '../external/run.ts';
import type {FileAgent, FileAgentOptions, FileAgentSource} from '../file-agents.ts';
import {agentFilesMax, moduleDepthMax, moduleFilesMax, moduleSettleMs} from '../limits.ts';
import type {WorkerKeeper} from '../worker/keeper.ts';
import type {AgentWorker} from '../worker/process.ts';
import {createModuleAgent} from './agent.ts';
import {startModuleWorker} from './worker.ts';

const endings: readonly string[] = ['.mjs', '.js', '.cjs', '.mts', '.ts'];

interface FoundModule {
  readonly name: string;
  readonly path: string;
  readonly print: string;
  readonly modifiedAtMs: number;
}

export interface ModuleAgentSourceOptions extends FileAgentOptions {
  /** In place of the program that comes along: arguments of Node that run an agent's process. */
  readonly hostProgram?: readonly string[];
}

export function moduleAgentSource(options: ModuleAgentSourceOptions): FileAgentSource {
  const {node, registry, hostProgram} = options;
  const keepers = new Set<WorkerKeeper>();
  /** What is on disk now, by name. */
  const prints = new Map<string, string>();
  return {
    kind: 'TypeScript',
    settleMs: moduleSettleMs,
    find: async (onProblem) => {
      const found = await findModules(node, onProblem);
      prints.clear();
      for (const {name, print} of found) prints.set(name, print);
      return new Map(
        found.map((module): [string, FileAgent] => [
          module.name,
          {...module, make: () => makeAgent(module, {node, registry, hostProgram, keepers, prints})},
        ]),
      );
    },
    stop: async () => {
      await Promise.all([...keepers].map((keeper) => keeper.stop()));
      keepers.clear();
    },
  };
}

async function makeAgent(
  module: FoundModule,
  context: {
    readonly node: NodeContext;
    readonly registry: AgentRegistry;
    readonly hostProgram: readonly string[] | undefined;
    readonly keepers: Set<WorkerKeeper>;
    readonly prints: ReadonlyMap<string, string>;
  },
): Promise<Agent> {
  const {name, path, print} = module;
  const {node, registry, hostProgram, keepers, prints} = context;
  await checkProgramFile(node.platform.files, {path, uid: node.platform.host.uid});
  const start = (): Promise<AgentWorker> => startModuleWorker({path, agent: name, node, hostProgram});
  const worker = await start();
  try {
    const isPinned = (): boolean => prints.get(name) !== print;
    const {agent, keeper} = createModuleAgent({node, registry, worker, start, isPinned});
    if (agent.metadata.name !== name) {
      throw new AgentsError(
        'ERR_AGENT_WORKER',
        `the agent names itself "${agent.metadata.name}", expected "${name}" as its file is named`,
      );
    }
    keepers.add(keeper);
    keeper.onEnd(() => keepers.delete(keeper));
    return agent;
  } catch (error) {
    await worker.stop();
    throw error;
  }
}

async function findModules(
  node: NodeContext,
  onProblem: (path: string, problem: string) => void,
): Promise<readonly FoundModule[]> {
  const found = new Map<string, FoundModule>();
  for (const directory of node.config.get('plugin.choria.server.agents')) {
    const root = directory.replace(/\/+$/, '');
    for (const entry of await listSorted(root, {node, onProblem})) {
      if (found.size >= agentFilesMax) {
        onProblem(root, `more than ${agentFilesMax} agents were found, the rest is left out`);
        break;
      }
      try {
        const module = await readModule(root, {entry, node});
        if (module !== undefined && !found.has(module.name)) found.set(module.name, module);
      } catch (error) {
        onProblem(`${root}/${entry.name}`, errorMessage(error));
      }
    }
  }
  return [...found.values()];
}

async function listSorted(
  directory: string,
  context: {readonly node: NodeContext; readonly onProblem: (path: string, problem: string) => void},
): Promise<readonly DirectoryEntry[]> {
  try {
    const entries = await context.node.platform.files.list(directory);
    return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    context.onProblem(directory, errorMessage(error));
    return [];
  }
}

async function readModule(
  root: string,
  context: {readonly entry: DirectoryEntry; readonly node: NodeContext},
): Promise<FoundModule | undefined> {
  const {entry, node} = context;
  const path = `${root}/${entry.name}`;
  const info = await node.platform.files.stat(path);
  if (info.kind === 'directory') return readFolder(path, {name: entry.name, node});
  const ending = endingOf(entry.name);
  if (ending === undefined) return undefined;
  const name = entry.name.slice(0, -ending.length);
  // Tests and descriptions of types lie beside agents and are none.
  if (name.includes('.')) return undefined;
  if (info.kind !== 'file') throw new AgentsError('ERR_AGENT_EXECUTABLE', 'it is not a regular file');
  checkName(name);
  return {name, path, print: `${path} ${stamp(info)}`, modifiedAtMs: info.modifiedAtMs};
}

async function readFolder(
  folder: string,
  context: {readonly name: string; readonly node: NodeContext},
): Promise<FoundModule | undefined> {
  const {name, node} = context;
  const {files} = node.platform;
  if (name.startsWith('.') || name === 'node_modules') return undefined;
  const names = new Set((await files.list(folder)).map((entry) => entry.name));
  const index = endings.map((ending) => `index${ending}`).find((file) => names.has(file));
  if (index === undefined) return undefined;
  checkName(name);
  const stamps: string[] = [];
  let modifiedAtMs = 0;
  // Helpers of the agent count as much as its main file.
  const walk = async (directory: string, depth: number): Promise<void> => {
    const entries = [...(await files.list(directory))].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (entry.name === 'node_modules' || entry.name.startsWith('.') || stamps.length >= moduleFilesMax) continue;
      const path = `${directory}/${entry.name}`;
      const info = await files.lstat(path);
      if (info.kind === 'directory') {
        if (depth < moduleDepthMax) await walk(path, depth + 1);
        continue;
      }
      stamps.push(`${path} ${stamp(info)}`);
      modifiedAtMs = Math.max(modifiedAtMs, info.modifiedAtMs);
    }
  };
  await walk(folder, 0);
  return {name, path: `${folder}/${index}`, print: stamps.join('\n'), modifiedAtMs};
}

function stamp(info: FileInfo): string {
  return `${info.modifiedAtMs} ${info.sizeBytes} ${info.mode}`;
}

function endingOf(fileName: string): string | undefined {
  return endings.find((ending) => fileName.endsWith(ending));
}

function checkName(name: string): void {
  if (/^[a-z0-9_]{1,128}$/.test(name)) return;
  throw new AgentsError(
    'ERR_AGENT_EXECUTABLE',
    `${JSON.stringify(name)} cannot be the name of an agent: expected lower case letters, digits and "_"`,
  );
}
