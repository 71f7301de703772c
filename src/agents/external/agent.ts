/** One external agent: judges inputs by its description, runs its program, puts in output defaults. */
import {errorMessage} from '../../lib/errors.ts';
import {parseJson} from '../../lib/json.ts';
import {checkRequestData, withOutputDefaults} from '../../ddl/index.ts';
import type {ActionDdl} from '../../ddl/types.ts';
import {ActionFailure, statusCodes, toAgent} from '../../rpc/index.ts';
import type {RpcAction} from '../../rpc/index.ts';
import type {Agent, NodeContext, RpcReply, RpcRequest} from '../../rpc/types.ts';
import {AgentsError} from '../errors.ts';
import {activationTimeoutMs, concurrentCallsMax, waitingCallsMax} from '../limits.ts';
import {createTurns, type Turns} from '../turns.ts';
import {parseExternalReply} from './reply.ts';
import {activationProtocol, rpcProtocol, runExternal} from './run.ts';
import type {FoundAgent} from './scan.ts';

export function createExternalAgent(found: FoundAgent): Agent {
  const {ddl} = found;
  const turns = createTurns({name: ddl.metadata.name, runningMax: concurrentCallsMax, waitingMax: waitingCallsMax});
  const actions = new Map(ddl.actions.map((action) => [action.name, callAction({found, action, turns})]));
  return toAgent(
    {metadata: ddl.metadata, ddl, action: (name) => actions.get(name)},
    {shouldActivate: (node) => wantsActivation(found, node)},
  );
}

/** Where scripts expect their settings: without `.cfg`, as other servers tell it. */
export function configPath(node: NodeContext, agent: string): string {
  const path = node.config.path ?? '';
  const directory = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
  return `${directory}/plugin.d/${agent}`;
}

async function wantsActivation(found: FoundAgent, node: NodeContext): Promise<boolean> {
  const agent = found.ddl.metadata.name;
  try {
    const reply = await runExternal({
      agent,
      executable: found.executable,
      protocol: activationProtocol,
      request: {
        $schema: 'https://choria.io/schemas/mcorpc/external/v1/activation_request.json',
        protocol: activationProtocol,
        agent,
      },
      facts: Buffer.alloc(0),
      configPath: configPath(node, agent),
      timeoutMs: activationTimeoutMs,
      signal: new AbortController().signal,
      platform: node.platform,
      logger: node.logger,
    });
    if (reply === undefined) throw new AgentsError('ERR_AGENT_CALL', 'it did not answer in time');
    const value = parseJson(reply);
    return typeof value === 'object' && value !== null && 'activate' in value && value.activate === true;
  } catch (error) {
    node.logger.warn(`External agent ${agent} is not active: ${errorMessage(error)}`, {agent});
    return false;
  }
}

function callAction(parts: {readonly found: FoundAgent; readonly action: ActionDdl; readonly turns: Turns}): RpcAction {
  const {found, action, turns} = parts;
  return async (request, {node, signal}) => {
    const verdict = checkRequestData(action, request.rawData ?? request.data);
    if (verdict.error !== undefined) throw new ActionFailure(`Validation failed: ${verdict.error}`);
    try {
      const bytes = await turns.run(() => call({found, request, node, signal}), signal);
      if (bytes === undefined) {
        node.logger.error(`External agent ${request.agent}#${request.action} was killed: its time was over`, {
          agent: request.agent,
          request: request.requestId,
        });
        return undefined;
      }
      return toReply(bytes, action);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof AgentsError)) throw error;
      throw new ActionFailure(`Could not call external agent ${request.agent}#${request.action}: ${error.message}`, {
        cause: error,
      });
    }
  };
}

async function call(parts: {
  readonly found: FoundAgent;
  readonly request: RpcRequest;
  readonly node: NodeContext;
  readonly signal: AbortSignal;
}): Promise<Buffer | undefined> {
  const {found, request, node, signal} = parts;
  return runExternal({
    agent: request.agent,
    executable: found.executable,
    protocol: rpcProtocol,
    request: {
      $schema: 'https://choria.io/schemas/mcorpc/external/v1/rpc_request.json',
      protocol: rpcProtocol,
      agent: request.agent,
      action: request.action,
      requestid: request.requestId,
      senderid: request.senderId,
      callerid: request.callerId,
      collective: request.collective,
      ttl: request.ttlSeconds,
      msgtime: Math.floor(request.sentAtMs / 1000),
      data: request.rawData ?? request.data,
    },
    facts: await node.factsJson(),
    configPath: configPath(node, request.agent),
    timeoutMs: found.ddl.metadata.timeoutSeconds * 1000,
    signal,
    platform: node.platform,
    logger: node.logger,
  });
}

function toReply(bytes: Buffer, action: ActionDdl): RpcReply {
  const {statusCode, statusMessage, data, action: named} = parseExternalReply(bytes);
  const renamed = named === '' ? {} : {action: named};
  const fields = data === null ? {} : data;
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    return {
      statusCode: statusCodes.aborted,
      statusMessage: 'Could not set reply defaults: reply data is in the wrong format',
      data: fields ?? {},
      ...renamed,
    };
  }
  return {
    statusCode,
    statusMessage,
    data: withOutputDefaults(action, fields as Readonly<Record<string, unknown>>),
    ...renamed,
  };
}
