/** One request from the command line: describe, convert, discover, limit, send, render (client.md 4.4, cli.md 3.5). */
import {
  ClientError,
  compileReplyFilter,
  type Discovered,
  findAction,
  type NodeTrouble,
  troubleOf,
} from '../../client/index.ts';
import {convertArguments, createAggregation, withOutputDefaults} from '../../ddl/index.ts';
import type {ActionDdl, AgentDdl} from '../../ddl/types.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {NodeReply, RequestStatistics} from '../../rpc/index.ts';
import {createProgress, type Progress} from '../render/progress.ts';
import {suggestionSuffix} from '../suggest.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {
  checkWorkers,
  discoverOptions,
  discoverShown,
  filterFlagsOf,
  isGiven,
  type NetworkCommand,
  numberFlag,
  textFlag,
  withClient,
} from './network.ts';
import {jsonLines} from './req-documents.ts';
import {openOutput, type Output, type OutputMode, outputMode} from './req-output.ts';
import {
  admitReach,
  checkReachFlags,
  planDocument,
  plannedReach,
  planText,
  type Reach,
  resumedReach,
  sendReach,
} from './req-reach.ts';
import {renderResults} from './req-render.ts';

const batchSleepSeconds = 1;

interface Job {
  readonly context: CliContext;
  readonly parsed: ParsedArguments;
  readonly command: NetworkCommand;
  readonly mode: OutputMode;
  readonly ddl: AgentDdl;
  readonly action: ActionDdl;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ReqHooks {
  /** Once everything is shown; `found` is undefined for services, which are not discovered. */
  readonly onFinished?: (statistics: RequestStatistics, found: Discovered | undefined) => void;
}

export async function runReq(context: CliContext, parsed: ParsedArguments, hooks: ReqHooks = {}): Promise<number> {
  const mode = outputMode(parsed);
  try {
    return await request({context, parsed, mode, hooks});
  } catch (error) {
    if (mode !== 'jsonl') throw error;
    // Readers of lines get the failure as a line; the exit code stays 0, as they expect.
    // Programs compare this text, so it comes without the word to a person.
    const bare = error instanceof ClientError && error.code === 'ERR_CLIENT_NO_NODES' ? error.cause : undefined;
    context.stdout.write(jsonLines.error(errorMessage(bare ?? error)));
    return 0;
  }
}

async function request(wanted: {
  readonly context: CliContext;
  readonly parsed: ParsedArguments;
  readonly mode: OutputMode;
  readonly hooks: ReqHooks;
}): Promise<number> {
  const {context, parsed, mode, hooks} = wanted;
  return withClient(
    context,
    parsed,
    async (command) => {
      const agent = String(parsed.arguments['agent']);
      const ddl = await command.client.describe(agent);
      const action = findAction(ddl, String(parsed.arguments['action']));
      const data = convertInputs(action, parsed, command);
      checkWorkers(parsed);
      checkReachFlags({parsed, ddl});
      const job: Job = {context, parsed, command, mode, ddl, action, data};
      if (textFlag(parsed, 'reply-to') !== undefined) return sendElsewhere(job);
      const output = await openOutput(context, textFlag(parsed, 'output-file'));
      const resumed = await resumedReach(job);
      const found = ddl.metadata.service || resumed !== undefined ? undefined : await discover(job, output);
      context.signal.throwIfAborted();
      const targets = found === undefined ? [] : command.client.limit(found.identities, limitFlags(parsed));
      const reach = resumed ?? plannedReach(job, targets);
      if (isGiven(parsed, 'plan') && found !== undefined) {
        output.write(mode === 'json' ? planDocument(job, {...reach, found}) : planText(job, {...reach, found}));
        await output.close();
        return 0;
      }
      if (!ddl.metadata.service) await admitReach(job, reach);
      const {statistics, isWhole} = await send(job, {output, found, reach});
      await output.close();
      hooks.onFinished?.(statistics, found);
      return context.signal.aborted || !isWhole ? 1 : 0;
    },
    mode === 'json' || mode === 'jsonl' ? {level: 'fatal'} : {},
  );
}

function limitFlags(parsed: ParsedArguments): {
  readonly limit: string | undefined;
  readonly limitSeed: number | undefined;
} {
  return {limit: textFlag(parsed, 'limit'), limitSeed: numberFlag(parsed, 'limit-seed')};
}

function convertInputs(
  action: ActionDdl,
  parsed: ParsedArguments,
  command: NetworkCommand,
): Readonly<Record<string, unknown>> {
  const given = (parsed.arguments['args'] ?? {}) as Readonly<Record<string, string>>;
  const converted = convertArguments(action, new Map(Object.entries(given)));
  for (const warning of converted.warnings) command.logger.warn(warning);
  if (converted.error === undefined) return converted.data;
  const unknown = Object.keys(given).find((name) => !action.inputs.has(name));
  const hint = unknown === undefined ? '' : suggestionSuffix(unknown, [...action.inputs.keys()]);
  throw new ClientError('ERR_CLIENT_INPUT', `invalid input: ${converted.error}${hint}`);
}

/** Sends the request and leaves the replies to whoever listens on the subject given. */
async function sendElsewhere(job: Job): Promise<number> {
  const {context, parsed, command, ddl, action, data} = job;
  const agent = ddl.metadata.name;
  const isService = ddl.metadata.service;
  const found = isService
    ? undefined
    : await command.client.discover({...(await discoverOptions(context, parsed)), agent});
  if (found !== undefined && found.identities.length === 0) {
    throw new ClientError(
      'ERR_CLIENT_NO_NODES',
      'could not perform request: discovery failed: no targets were discovered',
    );
  }
  const statistics = await command.client.perform({
    agent,
    action: action.name,
    data,
    kind: isService ? 'service' : 'direct',
    targets: found === undefined ? [] : command.client.limit(found.identities, limitFlags(parsed)),
    filter: command.client.filter(isService ? {} : filterFlagsOf(parsed), agent),
    collective: textFlag(parsed, 'target'),
    timeoutMs: command.client.requestTimeoutMs(ddl),
    replyTo: textFlag(parsed, 'reply-to'),
    ...batchFlags(parsed),
    signal: context.signal,
  });
  context.stdout.write(`${statistics.requestId}\n`);
  return 0;
}

function batchFlags(parsed: ParsedArguments): {readonly batchSize: number; readonly batchSleepMs: number} {
  const batchSize = Math.max(0, numberFlag(parsed, 'batch') ?? 0);
  const sleepSeconds = Math.max(0, numberFlag(parsed, 'batch-sleep') ?? 0);
  return {batchSize, batchSleepMs: batchSize === 0 ? 0 : (sleepSeconds || batchSleepSeconds) * 1_000};
}

async function discover(job: Job, output: Output): Promise<Discovered> {
  const {context, parsed, command, mode, ddl} = job;
  const options = await discoverOptions(context, parsed);
  const found = await discoverShown(
    command,
    {
      ...options,
      agent: ddl.metadata.name,
      onSelected: (selection) => {
        if (mode === 'jsonl') output.write(jsonLines.discoveryStart(selection.shownName));
      },
    },
    mode === 'text' || mode === 'table' ? context.stdout : undefined,
  ).catch((error: unknown) => {
    if (context.signal.aborted) throw error;
    throw new ClientError('ERR_CLIENT_DISCOVERY', `could not discover nodes: ${errorMessage(error)}`, {cause: error});
  });
  if (found.identities.length === 0 && !context.signal.aborted) {
    throw new ClientError('ERR_CLIENT_NO_NODES', 'did not discover any nodes');
  }
  if (mode === 'jsonl') {
    const seconds = found.elapsedMs / 1_000;
    const complete = isGiven(parsed, 'verbose') ? {complete: found.complete} : {};
    output.write(jsonLines.discoveryEnd({count: found.identities.length, seconds, method: found.method, ...complete}));
  }
  return found;
}

/** `isWhole` is false when not all nodes were asked. */
async function send(
  job: Job,
  way: {readonly output: Output; readonly found: Discovered | undefined; readonly reach: Reach},
): Promise<{readonly statistics: RequestStatistics; readonly isWhole: boolean}> {
  const {context, parsed, command, mode, ddl, action, data} = job;
  const {output, found, reach} = way;
  const passes = compileReplyFilter(textFlag(parsed, 'filter-replies'), {logger: command.logger});
  const isSorted = isGiven(parsed, 'sort');
  const aggregation = createAggregation(action);
  const replies: NodeReply[] = [];
  const failures: NodeTrouble[] = [];
  const progress = startProgress(job, Math.max(1, reach.targets.length));
  const {statistics, isWhole} = await sendReach(job, reach, (targets, mayContinue) =>
    command.client.perform(
      {
        agent: ddl.metadata.name,
        action: action.name,
        data,
        kind: ddl.metadata.service ? 'service' : 'direct',
        targets,
        collective: reach.resumed?.record.collective ?? textFlag(parsed, 'target'),
        timeoutMs: command.client.requestTimeoutMs(ddl),
        ...batchFlags(parsed),
        mayContinue,
        discoverMs: found?.elapsedMs,
        explain: isGiven(parsed, 'verbose'),
        signal: context.signal,
      },
      {
        reply: (reply) => {
          if (reply.statusCode !== 0) failures.push(troubleOf(reply));
          progress?.advance();
          if (!passes(reply)) return;
          if (mode !== 'jsonl' || isSorted) replies.push(reply);
          else {
            output.write(jsonLines.reply(reply));
            aggregation.add(withDefaults(action, reply.data));
          }
        },
      },
    ),
  );
  progress?.stop();
  await command.remember(statistics, {collective: textFlag(parsed, 'target'), failures});
  if (isSorted) replies.sort((a, b) => Buffer.compare(Buffer.from(a.sender), Buffer.from(b.sender)));
  // In the order shown: a chart follows it.
  for (const reply of replies) aggregation.add(withDefaults(action, reply.data));
  renderResults({
    parsed,
    mode,
    ddl,
    action,
    replies,
    aggregation,
    statistics,
    output,
    paint: output.isFile ? command.plainPaint : command.paint,
    statusPaint: output.isFile ? command.plainPaint : command.statusPaint,
  });
  return {statistics, isWhole};
}

function withDefaults(action: ActionDdl, data: unknown): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return data;
  return withOutputDefaults(action, data as Readonly<Record<string, unknown>>);
}

function startProgress(job: Job, total: number): Progress | undefined {
  const {context, parsed, command, mode, ddl, action} = job;
  if (isGiven(parsed, 'np') || (mode !== 'text' && mode !== 'table')) return undefined;
  const progress = createProgress({
    sink: context.stdout,
    clock: context.platform.clock,
    paint: command.paint,
    total,
    what: `${ddl.metadata.name}#${action.name}`,
  });
  progress.start();
  return progress;
}
