/**
 * Warm workers of Ruby agents: a process loads the agent once, as the shim would for each call, and answers calls from then on. See
 * `packaging/ruby` for its side, and docs/design/agent-processes.md for why.
 *
 * Only where the shim is a Ruby program: the same Ruby then finds the same libraries. Any other shim is somebody's own and is called as
 * it always was.
 */
import {errorMessage} from '../../lib/errors.ts';
import type {NodeContext, RpcReply, RpcRequest} from '../../rpc/types.ts';
import {ActionFailure} from '../../rpc/index.ts';
import {replyBytesMax, shimBytesMax, workerCancelGraceMs, workerStartTimeoutMs} from '../limits.ts';
import {packageFile} from '../package-file.ts';
import {createWorkerKeeper, type WorkerKeeper} from '../worker/keeper.ts';
import {startWorker} from '../worker/process.ts';
import {parseShimReply, processEnvironment, shimRequest, type ShimSettings} from './shim.ts';

export interface WarmAgent {
  /** @returns `cold` when the shim has to be called instead; undefined when the time was over */
  call(request: RpcRequest, signal: AbortSignal): Promise<RpcReply | undefined | 'cold'>;
  /** Lets the calls end, however long they take. */
  retire(): void;
  /** Ends everything now. */
  stop(): Promise<void>;
  /** Called when the last process has ended after that. */
  onEnd(callback: () => void): void;
}

/** A frame holds the reply as a text within JSON, where each byte may take six. */
const frameBytesMax = replyBytesMax * 6 + 1024;

export function createWarmAgent(
  agent: string,
  options: {readonly settings: ShimSettings; readonly node: NodeContext},
): WarmAgent {
  const {settings, node} = options;
  const {platform, logger, config} = node;
  let keeper: WorkerKeeper | undefined;
  let keeperKey = '';
  let whenEnded: () => void = () => undefined;

  const keep = async (): Promise<WorkerKeeper | undefined> => {
    const interpreter = await rubyOf(settings.shim, node);
    if (interpreter === undefined) return undefined;
    const key = interpreter.join(' ');
    if (keeper !== undefined && key === keeperKey) return keeper;
    // Somebody put another shim in the place of the one before.
    keeper?.retire();
    keeperKey = key;
    keeper = createWorkerKeeper({
      agent,
      clock: platform.clock,
      logger,
      callsMax: Math.max(1, config.get('plugin.choria.agent_provider.mcorpc.workers.calls_max')),
      ageMsMax: config.get('plugin.choria.agent_provider.mcorpc.workers.age_max'),
      idleMs: config.get('plugin.choria.agent_provider.mcorpc.workers.idle'),
      start: () => startRuby(agent, {interpreter, settings, node}),
    });
    keeper.onEnd(() => whenEnded());
    return keeper;
  };

  return {
    call: async (request, signal) => {
      const kept = await keep();
      if (kept === undefined) return 'cold';
      const answer = await kept.call({request: shimRequest(request)}, signal);
      switch (answer.kind) {
        case 'reply':
          return parseShimReply(Buffer.from(outputOf(answer.frame), 'utf8'), request);
        case 'failed':
          throw new ActionFailure(`Cannot call Ruby action ${request.agent}#${request.action}: ${answer.problem}`);
        case 'unavailable':
          return 'cold';
        case 'over':
          return undefined;
      }
    },
    retire: () => {
      if (keeper === undefined) whenEnded();
      else keeper.retire();
    },
    stop: async () => keeper?.stop(),
    onEnd: (callback) => {
      whenEnded = callback;
    },
  };
}

function outputOf(frame: Readonly<Record<string, unknown>>): string {
  const {output} = frame;
  return typeof output === 'string' ? output : '';
}

function startRuby(
  agent: string,
  options: {readonly interpreter: readonly string[]; readonly settings: ShimSettings; readonly node: NodeContext},
): ReturnType<typeof startWorker> {
  const {interpreter, settings, node} = options;
  const {platform, logger, config} = node;
  const [command = 'ruby', ...args] = interpreter;
  const megabytes = config.get('plugin.choria.agent_provider.mcorpc.workers.memory_megabytes');
  return startWorker({
    agent,
    command,
    args: [
      ...args,
      packageFile('packaging/ruby/choria_mcollective_agent_compat.rb'),
      '--config',
      settings.config,
      '--worker',
      agent,
      '--memory',
      String(Math.max(0, megabytes)),
      '--reply-bytes',
      String(replyBytesMax),
    ],
    env: processEnvironment(platform.env),
    cwd: platform.host.workingDirectory,
    platform,
    logger,
    frameBytesMax,
    startTimeoutMs: workerStartTimeoutMs,
    cancelGraceMs: workerCancelGraceMs,
  });
}

/**
 * The command line that runs the shim's interpreter, from its first line.
 *
 * @returns undefined when it is no Ruby program, or cannot be read
 */
async function rubyOf(shim: string, node: NodeContext): Promise<readonly string[] | undefined> {
  let text: string;
  try {
    text = (await node.platform.files.read(shim, {limitBytes: shimBytesMax})).toString('latin1');
  } catch (error) {
    node.logger.debug(`Cannot read ${shim} to keep its agents loaded: ${errorMessage(error)}`);
    return undefined;
  }
  return rubyCommand(text);
}

/** @example rubyCommand('#!/usr/bin/env ruby\n...'); // ['/usr/bin/env', 'ruby'] */
export function rubyCommand(program: string): readonly string[] | undefined {
  const end = program.indexOf('\n');
  const line = (end < 0 ? program : program.slice(0, end)).trim();
  if (!line.startsWith('#!')) return undefined;
  const words = line.slice(2).trim().split(/\s+/);
  const isRuby = (word: string | undefined): boolean =>
    word !== undefined && /^j?ruby[0-9.]*$/.test(word.slice(word.lastIndexOf('/') + 1));
  const [first, second] = words;
  const usesEnvironment = first?.endsWith('/env') === true;
  if (!first?.startsWith('/') || !isRuby(usesEnvironment ? second : first)) return undefined;
  return words;
}
