/** `mco rpc` of the classic client: its texts, its exit codes. */
import {ClientError, findAction} from '../../../client/index.ts';
import {convertArguments} from '../../../ddl/index.ts';
import type {ActionDdl, AgentDdl} from '../../../ddl/types.ts';
import type {NodeReply, RequestStatistics} from '../../../rpc/index.ts';
import {isGiven, type NetworkCommand, numberFlag, textFlag, withClient} from '../../commands/network.ts';
import {inertJson} from '../../render/inert.ts';
import type {CliContext, ParsedArguments} from '../../types.ts';
import {type CalledAction, calledAction, withClassicMeanings} from '../arguments.ts';
import {connectInTime, findNodes, limited, timeoutMsOf} from '../discovery.ts';
import {exitCodeOf, exitCodes} from '../exit-codes.ts';
import {classicPaint, type ClassicPaint} from '../style.ts';
import {createClassicProgress} from './progress.ts';
import {classicReport} from './report.ts';
import {classicResults, type Display, jsonResults, verboseResults} from './results.ts';
import {classicSummaries} from './summaries.ts';

export interface ClassicCall {
  readonly context: CliContext;
  readonly parsed: ParsedArguments;
  readonly command: NetworkCommand;
  readonly paint: ClassicPaint;
}

export interface ClassicRequest {
  readonly ddl: AgentDdl;
  readonly action: ActionDdl;
  readonly data: Readonly<Record<string, unknown>>;
}

export async function withClassicCall(
  context: CliContext,
  given: ParsedArguments,
  run: (call: ClassicCall) => Promise<number>,
): Promise<number> {
  const parsed = withClassicMeanings(given);
  return withClient(context, parsed, (command) => {
    const paint = classicPaint({configured: command.config.get('color'), env: context.platform.env});
    return run({context, parsed, command, paint});
  });
}

export function runClassicRpc(context: CliContext, given: ParsedArguments): Promise<number> {
  return withClassicCall(context, given, async (call) => {
    const {parsed, command} = call;
    const request = await describeCall(command, calledAction(parsed));
    const replyTo = textFlag(parsed, 'reply-to');
    if (replyTo !== undefined || isGiven(parsed, 'no-results')) return sendOnly(call, request, replyTo);
    return show(call, request);
  });
}

async function describeAgent(client: NetworkCommand['client'], agent: string): Promise<AgentDdl> {
  try {
    return await client.describe(agent);
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'ERR_CLIENT_AGENT') throw error;
    const message = `Cannot find the DDL of agent plugin '${agent}'`;
    throw new ClientError('ERR_CLIENT_AGENT', message, {cause: error, details: error.details});
  }
}

/** @throws {ClientError} for what the description does not know or does not allow */
export async function describeCall(
  {client, logger}: Pick<NetworkCommand, 'client' | 'logger'>,
  called: CalledAction,
): Promise<ClassicRequest> {
  const ddl = await describeAgent(client, called.agent);
  const action = findAction(ddl, called.action);
  const missing = [...action.inputs.values()].find(
    (input) => !input.optional && input.default === undefined && !Object.hasOwn(called.inputs, input.name),
  );
  if (missing !== undefined) {
    throw new ClientError('ERR_CLIENT_INPUT', `Action ${action.name} needs a ${missing.name} argument`);
  }
  const converted = convertArguments(action, new Map(Object.entries(called.inputs)));
  for (const warning of converted.warnings) logger.warn(warning);
  if (converted.error === undefined) return {ddl, action, data: converted.data};
  throw new ClientError('ERR_CLIENT_INPUT', `invalid input for ${called.action}: ${converted.error}`);
}

/** Nobody waits for replies: they go where the caller says, or nowhere. */
async function sendOnly(call: ClassicCall, request: ClassicRequest, replyTo: string | undefined): Promise<number> {
  const {context, parsed, command} = call;
  const {ddl, action, data} = request;
  const found = await findNodes(context, command, {parsed, agent: ddl.metadata.name, isTold: false});
  const targets = limited(command, found, parsed);
  const statistics = await command.client.perform({
    agent: ddl.metadata.name,
    action: action.name,
    data,
    targets,
    collective: textFlag(parsed, 'target'),
    timeoutMs: timeoutMsOf(parsed, command.client.requestTimeoutMs(ddl)),
    replyTo: replyTo ?? 'dev.null',
    signal: context.signal,
  });
  const where = replyTo === undefined ? '' : ` replies to ${replyTo}`;
  context.stdout.write(`Request sent with id: ${statistics.requestId}${where}\n`);
  return 0;
}

function batchOf(parsed: ParsedArguments): {readonly batchSize: number; readonly batchSleepMs: number} {
  const batchSize = Math.max(0, numberFlag(parsed, 'batch') ?? 0);
  const sleepSeconds = numberFlag(parsed, 'batch-sleep') ?? 1;
  return {batchSize, batchSleepMs: batchSize === 0 ? 0 : Math.max(0, sleepSeconds) * 1_000};
}

/** Asks the targets; the replies come in the order of their arrival, or by name with `--sort`. */
export async function askNodes(
  call: ClassicCall,
  request: ClassicRequest,
  way: {readonly targets: readonly string[]; readonly discoverMs: number; readonly onReply?: () => void},
): Promise<{readonly replies: readonly NodeReply[]; readonly statistics: RequestStatistics}> {
  const {context, parsed, command} = call;
  const {ddl, action, data} = request;
  const replies: NodeReply[] = [];
  const statistics = await command.client.perform(
    {
      agent: ddl.metadata.name,
      action: action.name,
      data,
      targets: way.targets,
      collective: textFlag(parsed, 'target'),
      timeoutMs: timeoutMsOf(parsed, command.client.requestTimeoutMs(ddl)),
      ...batchOf(parsed),
      discoverMs: way.discoverMs,
      signal: context.signal,
    },
    {
      reply: (reply) => {
        replies.push(reply);
        way.onReply?.();
      },
    },
  );
  if (isGiven(parsed, 'sort')) replies.sort((a, b) => (a.sender < b.sender ? -1 : 1));
  return {replies, statistics};
}

function displayOf(parsed: ParsedArguments, action: ActionDdl): Display {
  const forced = textFlag(parsed, 'display') ?? action.display;
  if (forced === 'all' || forced === 'always') return 'always';
  return forced === 'ok' ? 'ok' : 'failed';
}

async function show(call: ClassicCall, request: ClassicRequest): Promise<number> {
  const {context, parsed, command, paint} = call;
  const {stdout, stderr} = context;
  const {ddl, action} = request;
  const agent = ddl.metadata.name;
  const isJson = isGiven(parsed, 'json');
  await connectInTime(context, command, parsed);
  const found = await findNodes(context, command, {parsed, agent, isTold: !isJson});
  const targets = limited(command, found, parsed);
  if (targets.length === 0) {
    stderr.write('\nNo request sent, we did not discover any nodes.');
    stdout.write(isJson ? '[]\n' : '\n\n');
    return exitCodes.noNodes;
  }
  const progress =
    isJson || isGiven(parsed, 'np') ? undefined : createClassicProgress({sink: stdout, paint, total: targets.length});
  progress?.start();
  const onReply = progress === undefined ? {} : {onReply: () => progress.advance()};
  const {replies, statistics} = await askNodes(call, request, {targets, discoverMs: found.elapsedMs, ...onReply});
  progress?.stop();
  if (isJson) {
    const json = jsonResults(replies, {agent, action: action.name, isTerminal: stdout.isTerminal});
    stdout.write(`${inertJson(json)}\n`);
  } else {
    const text = isGiven(parsed, 'verbose')
      ? verboseResults(replies)
      : classicResults(replies, {action, display: displayOf(parsed, action), paint});
    const summaries = classicSummaries(replies, {action, paint});
    const caption = `${agent}#${action.name} call stats`;
    const report = classicReport({statistics, paint, caption, isVerbose: isGiven(parsed, 'verbose'), summaries});
    stdout.write(`\n${text}\n${report}`);
  }
  return exitCodeOf(statistics, {isDiscovered: found.isDiscovered});
}
