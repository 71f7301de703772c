/**
 * An agent whose code runs in a process of its own: rights, audit and bounds are the server's, the action runs there.
 *
 * When a newer version takes its place the calls that are in it end in it, and what still waits for a turn goes on to the newer one.
 */
import {parseJson} from '../../lib/json.ts';
import type {AgentDdl} from '../../ddl/types.ts';
import {ActionFailure, dispatchRpc, statusCodes} from '../../rpc/index.ts';
import type {RpcAction} from '../../rpc/index.ts';
import type {Agent, AgentRegistry, NodeContext, RpcReply} from '../../rpc/types.ts';
import {replyBytesMax, replyDepthMax, waitingCallsMax} from '../limits.ts';
import {createTurns} from '../turns.ts';
import type {Frame} from '../worker/frames.ts';
import {createWorkerKeeper, type WorkerKeeper} from '../worker/keeper.ts';
import type {AgentWorker} from '../worker/process.ts';
import type {CallFields} from './host-protocol.ts';
import {loadedModule, nodeState} from './worker.ts';

export interface ModuleAgent {
  readonly agent: Agent;
  readonly keeper: WorkerKeeper;
}

export interface ModuleAgentOptions {
  readonly node: NodeContext;
  readonly registry: AgentRegistry;
  /** A worker that has loaded the file already. */
  readonly worker: AgentWorker;
  /** Starts another one. */
  readonly start: () => Promise<AgentWorker>;
  /** True when the file on disk is no longer the one that was loaded: then this process is all that is left of it. */
  readonly isPinned: () => boolean;
}

/** @throws {AgentsError} `ERR_AGENT_WORKER` when the worker tells of no agent */
export function createModuleAgent(options: ModuleAgentOptions): ModuleAgent {
  const {node, registry, worker, start, isPinned} = options;
  const {ddl, isActive} = loadedModule(worker);
  const {name} = ddl.metadata;
  const keeper = createWorkerKeeper({
    agent: name,
    clock: node.platform.clock,
    logger: node.logger,
    start,
    callsMax: Number.POSITIVE_INFINITY,
    ageMsMax: Number.POSITIVE_INFINITY,
    idleMs: node.config.get('plugin.choria.server.agents.idle'),
    isPinned,
  });
  keeper.adopt(worker);
  const rpcAgent = {metadata: ddl.metadata, ddl, action: actionsOf(ddl, {keeper, node})};
  let isRetired = false;
  const agent: Agent = {
    metadata: ddl.metadata,
    ddl,
    shouldActivate: async () => isActive,
    handle: (call) => {
      const newer = isRetired ? registry.get(name) : undefined;
      return newer !== undefined && newer !== agent ? newer.handle(call) : dispatchRpc(rpcAgent, call);
    },
    // Its calls end in their own time; the source ends what is left when the server stops.
    stop: async () => {
      isRetired = true;
      keeper.retire();
    },
  };
  return {agent, keeper};
}

function actionsOf(
  ddl: AgentDdl,
  parts: {readonly keeper: WorkerKeeper; readonly node: NodeContext},
): (name: string) => RpcAction | undefined {
  const {keeper, node} = parts;
  const {name} = ddl.metadata;
  const runningMax = Math.max(1, node.config.get('plugin.choria.server.agents.concurrency'));
  const turns = createTurns({name, runningMax, waitingMax: waitingCallsMax});
  const known = new Set(ddl.actions.map((action) => action.name));
  const run: RpcAction = async (request, {signal}) => {
    const {agent, action, requestId, senderId, callerId, collective, ttlSeconds, sentAtMs, filter, claims} = request;
    const fields: CallFields = {
      request: {
        version: 1,
        id: requestId,
        senderId,
        callerId,
        collective,
        agent,
        ttlSeconds,
        sentAtMs,
        filter: filter ?? [],
        body: Buffer.from(JSON.stringify({agent, action, data: request.rawData ?? request.data})).toString('base64'),
      } as CallFields['request'],
      ...(claims === undefined ? {} : {claims}),
      state: nodeState(node),
    };
    const answer = await turns.run(() => keeper.call({...fields}, signal), signal);
    switch (answer.kind) {
      case 'over':
        return undefined;
      case 'reply':
        return replyOf(answer.frame);
      case 'failed':
      case 'unavailable':
        throw new ActionFailure(`Could not run ${agent}#${action}: ${answer.problem}`, {
          statusCode: statusCodes.unknownError,
        });
    }
  };
  return (action) => (known.has(action) ? run : undefined);
}

function replyOf(frame: Frame): RpcReply | undefined {
  const {body} = frame;
  if (typeof body !== 'string') return undefined;
  const bytes = Buffer.byteLength(body, 'utf8');
  if (bytes > replyBytesMax) {
    throw new ActionFailure(`The reply has ${bytes} bytes, expected at most ${replyBytesMax}`, {
      statusCode: statusCodes.unknownError,
    });
  }
  const value = parseJson(body, {bytesMax: replyBytesMax, depthMax: replyDepthMax, bigIntegers: true});
  const {statuscode, statusmsg, data} = value as Readonly<Record<string, unknown>>;
  return {
    statusCode: typeof statuscode === 'number' ? statuscode : statusCodes.unknownError,
    statusMessage: typeof statusmsg === 'string' ? statusmsg : '',
    data,
  };
}
