/** Starts the process of an agent that comes from a directory. */
import {createRequire} from 'node:module';
import {agentDdlFromDocument} from '../../ddl/index.ts';
import type {AgentDdl, AgentMetadata} from '../../ddl/types.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {NodeContext} from '../../rpc/types.ts';
import {AgentsError} from '../errors.ts';
import {hostFrameBytesMax, moduleCancelGraceMs, workerStartTimeoutMs} from '../limits.ts';
import {packageFile} from '../package-file.ts';
import {processEnvironment} from '../ruby/shim.ts';
import type {Frame} from '../worker/frames.ts';
import {type AgentWorker, startWorker} from '../worker/process.ts';
import type {LoadFrame, NodeState} from './host-protocol.ts';

export interface ModuleWorkerOptions {
  readonly path: string;
  /** In log lines until the agent has told its name. */
  readonly agent: string;
  readonly node: NodeContext;
  /** In place of the program that comes along. */
  readonly hostProgram: readonly string[] | undefined;
}

/** What the process says of the agent that it loaded. */
export interface LoadedModule {
  readonly ddl: AgentDdl;
  readonly isActive: boolean;
}

/** @throws {AgentsError} `ERR_AGENT_WORKER` when the file cannot be loaded */
export function startModuleWorker(options: ModuleWorkerOptions): Promise<AgentWorker> {
  const {agent, node} = options;
  const {platform, logger, config} = node;
  const megabytes = Math.max(32, config.get('plugin.choria.server.agents.memory_megabytes'));
  return startWorker({
    agent,
    // The descriptors of the agent are its own: its output goes where errors go, its input is empty, and frames have others.
    command: '/bin/sh',
    args: [
      '-c',
      'exec "$0" "$@" 3>&1 4<&0 1>&2 0</dev/null',
      process.execPath,
      `--max-old-space-size=${megabytes}`,
      ...(options.hostProgram ?? ownProgram()),
    ],
    env: processEnvironment(platform.env),
    cwd: platform.host.workingDirectory,
    platform,
    logger,
    frameBytesMax: hostFrameBytesMax,
    startTimeoutMs: workerStartTimeoutMs,
    cancelGraceMs: moduleCancelGraceMs,
    isSingleThread: true,
    memoryBytesMax: megabytes * 2 * 1024 * 1024,
    greeting: loadFrame(options) as unknown as Frame,
    onFrame: (frame, worker) => void handleFrame(frame, {worker, agent, node}),
  });
}

function ownProgram(): readonly string[] {
  if (!import.meta.url.endsWith('.ts')) return [packageFile('dist/agents/module/node-host.js')];
  // From the sources, as the tests run: the process needs a loader before it can read them.
  return ['--import', createRequire(import.meta.url).resolve('tsx'), packageFile('src/agents/module/node-host.ts')];
}

function loadFrame(options: ModuleWorkerOptions): LoadFrame {
  const {path, node} = options;
  const {identity, collectives, mainCollective, startedAtMs, provisioning, upgradable, config} = node;
  return {
    t: 'load',
    path,
    node: {identity, collectives, mainCollective, startedAtMs, provisioning, upgradable: upgradable ?? false},
    self: node.platform.host.self,
    config: {path: config.path, entries: {...Object.fromEntries(config.rawEntries()), identity}},
  };
}

export function nodeState(node: NodeContext): NodeState {
  return {
    agents: node.agents(),
    dataPlugins: node.dataPlugins(),
    statistics: node.statistics(),
    connectedServer: node.connectedServer(),
    machines: node.machines(),
  };
}

/** @throws {AgentsError} `ERR_AGENT_WORKER` when the process tells of no agent */
export function loadedModule(worker: AgentWorker): LoadedModule {
  const {document, metadata, active} = worker.ready;
  if (typeof document !== 'object' || document === null || typeof metadata !== 'object' || metadata === null) {
    throw new AgentsError(
      'ERR_AGENT_WORKER',
      'the agent has no description, expected one made by defineAgent of "choria/agent"',
    );
  }
  const ddl = agentDdlFromDocument(document, 'the agent');
  const {timeoutSeconds} = metadata as AgentMetadata;
  return {
    ddl: {...ddl, metadata: {...ddl.metadata, timeoutSeconds: Number(timeoutSeconds)}},
    isActive: active === true,
  };
}

async function handleFrame(
  frame: Frame,
  context: {readonly worker: {send(frame: Frame): void}; readonly agent: string; readonly node: NodeContext},
): Promise<void> {
  const {worker, agent, node} = context;
  if (frame.t === 'log') writeLog(frame, {agent, node});
  if (frame.t !== 'ask') return;
  const {id} = frame;
  try {
    worker.send({t: 'answer', id, value: await answerTo(frame, node)});
  } catch (error) {
    worker.send({t: 'answer', id, problem: errorMessage(error)});
  }
}

async function answerTo(frame: Frame, node: NodeContext): Promise<unknown> {
  switch (frame['what']) {
    case 'facts':
      return (await node.factsJson()).toString('utf8');
    case 'classes':
      return node.classes();
    case 'data': {
      const {plugin, query} = frame;
      return node.data(String(plugin), typeof query === 'string' ? query : undefined);
    }
    default:
      throw new AgentsError('ERR_AGENT_WORKER', `nothing is known of ${JSON.stringify(frame['what'])}`);
  }
}

function writeLog(frame: Frame, context: {readonly agent: string; readonly node: NodeContext}): void {
  const {message, fields} = frame;
  const level = (['debug', 'warn', 'error'] as const).find((known) => known === frame['level']) ?? 'info';
  const more = typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? fields : {};
  context.node.logger[level](String(message), {...more, agent: context.agent});
}
