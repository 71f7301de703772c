/**
 * One request through one agent: parse, find the action, authorise, audit, run, answer.
 *
 * The order is that of every Choria server and decides what a caller may learn: an unknown action is named before rights are asked, a
 * denied request leaves no audit line, and nothing runs that should have been audited and could not be.
 */
import {errorMessage} from '../lib/errors.ts';
import type {AgentMetadata, AgentDdl} from '../ddl/types.ts';
import {formatReplyBody, parseRequestBody} from './body.ts';
import type {RequestBody} from './body.ts';
import {ActionFailure, statusCodes} from './failure.ts';
import type {Agent, AgentCall, NodeContext, RpcReply, RpcRequest} from './types.ts';

/** What an action is given beside its request. */
export interface ActionContext {
  readonly node: NodeContext;
  /** Aborted when the agent's time is over: stop and clean up, nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** Runs one action. Undefined stays silent. */
export type RpcAction = (request: RpcRequest, context: ActionContext) => Promise<RpcReply | undefined>;

/** An agent that speaks RPC. */
export interface RpcAgent {
  readonly metadata: AgentMetadata;
  readonly ddl?: AgentDdl;
  action(name: string): RpcAction | undefined;
}

const denied = 'You are not authorized to call this agent or action';

/**
 * @returns the body of the reply, or undefined to stay silent
 */
export async function dispatchRpc(agent: RpcAgent, call: AgentCall): Promise<Buffer | undefined> {
  let body: RequestBody;
  try {
    body = parseRequestBody(call.request.body);
  } catch (error) {
    const reason = errorMessage(error);
    return formatReplyBody(
      '',
      failure(
        statusCodes.invalidData,
        `Could not process request: could not parse incoming message as a MCollective SimpleRPC Request: ${reason}`,
      ),
    );
  }
  const reply = await answer(agent, {call, body});
  if (reply === undefined || call.signal.aborted) return undefined;
  return encode(body.action, {reply, call});
}

function failure(statusCode: number, statusMessage: string, data: unknown = {}): RpcReply {
  return {statusCode, statusMessage, data};
}

async function answer(
  agent: RpcAgent,
  asked: {readonly call: AgentCall; readonly body: RequestBody},
): Promise<RpcReply | undefined> {
  const {call, body} = asked;
  const {name} = agent.metadata;
  const action = agent.action(body.action);
  if (!action) return failure(statusCodes.unknownAction, `Unknown action ${body.action} for agent ${name}`);
  const request = toRequest(name, asked);
  if (!(await isAuthorized({request, body, agentName: name}, call))) return failure(statusCodes.aborted, denied);
  if (!(await isAudited(request, call))) {
    return failure(statusCodes.aborted, 'The request was not run: it could not be written to the audit log');
  }
  // Rights and the audit log may have waited for a slow disk: what nobody waits for any more is not begun.
  if (call.signal.aborted) return undefined;
  if (isOver(request, call)) {
    return failure(
      statusCodes.aborted,
      `The request was not run: its life of ${request.ttlSeconds} s was over before it could begin`,
    );
  }
  return run(action, {request, call});
}

function isOver(request: RpcRequest, {node}: AgentCall): boolean {
  const ageMs = node.platform.clock.nowMs() - request.sentAtMs;
  if (ageMs < request.ttlSeconds * 1000) return false;
  node.logger.warn(`Refused: the request is ${ageMs} ms old and lives ${request.ttlSeconds} s`, {
    agent: request.agent,
    action: request.action,
    caller: request.callerId,
    request: request.requestId,
  });
  return true;
}

function toRequest(agent: string, asked: {readonly call: AgentCall; readonly body: RequestBody}): RpcRequest {
  const {request, claims} = asked.call;
  const {action, data} = asked.body;
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
  return {
    agent,
    action,
    data: isObject ? (data as Readonly<Record<string, unknown>>) : {},
    rawData: data,
    requestId: request.id,
    senderId: request.senderId,
    callerId: request.callerId,
    collective: request.collective,
    ttlSeconds: request.ttlSeconds,
    sentAtMs: request.sentAtMs,
    filter: request.filter,
    ...(claims === undefined ? {} : {claims}),
  };
}

async function isAuthorized(
  asked: {readonly request: RpcRequest; readonly body: RequestBody; readonly agentName: string},
  call: AgentCall,
): Promise<boolean> {
  const {node, authorizer} = call;
  const {request, body, agentName} = asked;
  if (!node.config.get('rpcauthorization')) return true;
  const fields = {agent: agentName, action: request.action, caller: request.callerId, request: request.requestId};
  if (body.agent !== agentName) {
    node.logger.warn(`Denied: the body names agent ${JSON.stringify(body.agent)}, the request ${agentName}`, fields);
    return false;
  }
  if (!authorizer) {
    node.logger.error('Denied: authorization is on and no authorizer could be made', fields);
    return false;
  }
  try {
    const verdict = await authorizer.authorize(request, node);
    if (!verdict.allowed) node.logger.warn(`Denied by ${authorizer.name}: ${verdict.reason}`, fields);
    return verdict.allowed;
  } catch (error) {
    node.logger.error(`Denied: ${authorizer.name} failed: ${errorMessage(error)}`, fields);
    return false;
  }
}

async function isAudited(request: RpcRequest, call: AgentCall): Promise<boolean> {
  const {node, auditor} = call;
  if (!node.config.get('rpcaudit')) return true;
  const fields = {agent: request.agent, action: request.action, caller: request.callerId, request: request.requestId};
  if (!auditor) {
    node.logger.error('Refused: auditing is on and no auditor could be made', fields);
    return false;
  }
  try {
    await auditor.record(request);
    return true;
  } catch (error) {
    node.logger.error(`Refused: ${errorMessage(error)}`, fields);
    return false;
  }
}

async function run(
  action: RpcAction,
  asked: {readonly request: RpcRequest; readonly call: AgentCall},
): Promise<RpcReply | undefined> {
  const {request, call} = asked;
  const {node, signal} = call;
  try {
    return await untilAborted(action(request, {node, signal}), signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    if (error instanceof ActionFailure) return failure(error.statusCode, error.message, error.data ?? {});
    node.logger.error(`${request.agent}#${request.action} failed: ${errorMessage(error)}`, {
      agent: request.agent,
      action: request.action,
      request: request.requestId,
    });
    return failure(statusCodes.unknownError, errorMessage(error));
  }
}

/** An action that does not look at its signal is left behind: the caller gets silence, as from a timeout. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(undefined);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, {once: true});
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Data that has no JSON form, such as a circle or one nested beyond the stack, must not cost the caller its answer. */
function encode(action: string, answered: {readonly reply: RpcReply; readonly call: AgentCall}): Buffer {
  const {reply, call} = answered;
  try {
    return formatReplyBody(action, reply);
  } catch (error) {
    if (!(error instanceof RangeError) && !(error instanceof TypeError)) throw error;
    call.node.logger.error(`A reply of action ${action} could not be encoded: ${errorMessage(error)}`);
    return formatReplyBody(action, failure(statusCodes.unknownError, 'The reply could not be encoded as JSON'));
  }
}

/** Makes a registrable agent of one that speaks RPC. */
export function toAgent(agent: RpcAgent, life: Pick<Agent, 'shouldActivate' | 'stop'> = {}): Agent {
  return {
    metadata: agent.metadata,
    ...(agent.ddl === undefined ? {} : {ddl: agent.ddl}),
    ...life,
    handle: (call) => dispatchRpc(agent, call),
  };
}
