/**
 * Calls Ruby agents through the compatibility shim: one process a call, JSON in and out. Vectors: `agents/shim-stdin.json`,
 * `agents/shim-real.json`, `agents/rpc.json`.
 */
import {errorMessage} from '../../lib/errors.ts';
import {firstJsonValue} from '../../lib/json-syntax.ts';
import {parseJson} from '../../lib/json.ts';
import {jsonKind} from '../../lib/go-fields.ts';
import {ActionFailure, statusCodes} from '../../rpc/index.ts';
import type {NodeContext, RpcReply, RpcRequest} from '../../rpc/types.ts';
import {checkExecutable} from '../external/run.ts';
import {loggedLinesMax, replyBytesMax, replyDepthMax} from '../limits.ts';

export interface ShimSettings {
  readonly shim: string;
  readonly config: string;
}

/** The document that the shim reads from standard input. */
export function shimRequest(request: RpcRequest): Readonly<Record<string, unknown>> {
  const {agent, action, callerId} = request;
  return {
    agent,
    action,
    requestid: request.requestId,
    senderid: request.senderId,
    callerid: callerId,
    collective: request.collective,
    ttl: request.ttlSeconds,
    msgtime: Math.floor(request.sentAtMs / 1000),
    body: {agent, action, data: request.rawData ?? request.data, caller: callerId},
  };
}

function callFailure(request: Pick<RpcRequest, 'agent' | 'action'>, problem: string): ActionFailure {
  return new ActionFailure(`Cannot call Ruby action ${request.agent}#${request.action}: ${problem}`);
}

/** @throws {ActionFailure} when what Ruby agents need is not configured or not there */
export async function checkShim(
  request: Pick<RpcRequest, 'agent' | 'action'>,
  options: {readonly settings: ShimSettings; readonly node: NodeContext},
): Promise<void> {
  const {settings, node} = options;
  const fail = (problem: string): ActionFailure => callFailure(request, problem);
  if (settings.shim === '') throw fail('Ruby compatibility shim was not configured');
  if (settings.config === '') throw fail('Ruby compatibility shim configuration file not configured');
  await requireFile(settings.shim, node, () => fail(`Ruby compatibility shim was not found in ${settings.shim}`));
  await requireFile(settings.config, node, () =>
    fail(`Ruby compatibility shim configuration file was not found in ${settings.config}`),
  );
  await checkExecutable(node.platform.files, {path: settings.shim, uid: node.platform.host.uid});
}

/** Starts the shim once; `checkShim` comes before. @returns undefined when the time was over */
export async function callShim(
  request: RpcRequest,
  call: {
    readonly settings: ShimSettings;
    readonly node: NodeContext;
    readonly signal: AbortSignal;
    readonly timeoutMs: number;
  },
): Promise<RpcReply | undefined> {
  const {settings, node, signal, timeoutMs} = call;
  const {platform, logger} = node;
  let lines = 0;
  const result = await platform.processes
    .run({
      command: settings.shim,
      args: ['--config', settings.config],
      env: processEnvironment(platform.env),
      cwd: platform.host.workingDirectory,
      input: Buffer.from(JSON.stringify(shimRequest(request)), 'utf8'),
      timeoutMs,
      outputBytesMax: replyBytesMax,
      signal,
      onLine: (stream, line) => {
        if (stream !== 'stderr' || ++lines > loggedLinesMax) return;
        logger.error(line, {agent: request.agent});
      },
    })
    .catch((error: unknown) => {
      throw callFailure(request, errorMessage(error));
    });
  if (result.timedOut || signal.aborted) return undefined;
  if (result.exitCode !== 0) {
    logger.warn(`The shim ended with status ${result.exitCode ?? -1} after ${request.agent}#${request.action}`, {
      agent: request.agent,
    });
  }
  return parseShimReply(result.stdout, request);
}

/** Ruby agents see the whole environment of the server. */
export function processEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function requireFile(path: string, node: NodeContext, failure: () => ActionFailure): Promise<void> {
  try {
    await node.platform.files.stat(path);
  } catch (error) {
    if ((error as {code?: unknown}).code === 'ENOENT') throw failure();
    throw error;
  }
}

/** The first JSON value counts; whatever follows is left alone. */
export function parseShimReply(output: Buffer, request: Pick<RpcRequest, 'agent' | 'action'>): RpcReply {
  const fail = (problem: string): ActionFailure =>
    new ActionFailure(`Cannot decode output from Shim for Ruby action ${request.agent}#${request.action}: ${problem}`);
  if (output.toString('utf8').trim() === '') throw fail('EOF');
  const first = firstJsonValue(output);
  if ('problem' in first)
    throw fail(first.problem === 'unexpected end of JSON input' ? 'unexpected EOF' : first.problem);
  let value: unknown;
  try {
    value = parseJson(output.subarray(0, first.end), {
      bytesMax: replyBytesMax,
      depthMax: replyDepthMax,
      bigIntegers: true,
    });
  } catch (error) {
    throw fail(errorMessage(error));
  }
  // Ruby agents print null when nobody waits for the answer.
  if (value === null) return {statusCode: statusCodes.ok, statusMessage: 'OK', data: {}};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw fail(`json: cannot unmarshal ${jsonKind(value)} into Go value of type mcorpc.Reply`);
  }
  const {statuscode, statusmsg, data} = value as Readonly<Record<string, unknown>>;
  const isCode = typeof statuscode === 'number' && Number.isInteger(statuscode) && statuscode >= 0 && statuscode <= 255;
  if (statuscode !== undefined && statuscode !== null && !isCode) {
    throw fail(
      `json: cannot unmarshal ${jsonKind(statuscode)} into Go struct field Reply.statuscode of type mcorpc.StatusCode`,
    );
  }
  return {
    statusCode: isCode ? statuscode : statusCodes.ok,
    statusMessage: typeof statusmsg === 'string' ? statusmsg : 'OK',
    data: data ?? {},
  };
}
