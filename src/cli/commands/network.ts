/** What every command that talks to the fleet shares: configuration, logger, client, and the flags that choose nodes. */
import {
  ClientError,
  clientStateDirectory,
  createClient,
  createRequestRecords,
  type DiscoverOptions,
  type FilterText,
  type FleetClient,
  type NodeTrouble,
  recordOf,
} from '../../client/index.ts';
import type {Config} from '../../config/types.ts';
import type {Logger, LogLevel} from '../../lib/logger.ts';
import {DiscoveryError, type MissingNode} from '../../discovery/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {RequestStatistics} from '../../rpc/index.ts';
import {writeLogLine} from '../fatal.ts';
import {inertLine} from '../render/inert.ts';
import {colours, type Paint} from '../render/colour.ts';
import {openDescriptions} from '../descriptions.ts';
import {withSuggestion} from '../mistakes.ts';
import {openCommand} from '../setup.ts';
import type {CliContext, ParsedArguments, TextSink} from '../types.ts';
import {requireFile} from './existing.ts';

const stdinBytesMax = 256 * 1024 * 1024;

export interface NetworkCommand {
  readonly config: Config;
  readonly logger: Logger;
  readonly client: FleetClient;
  /** For standard output. */
  readonly paint: Paint;
  /** For the status of a reply: the reference colours it only where the configuration turns colours off. */
  readonly statusPaint: Paint;
  /** For files. */
  readonly plainPaint: Paint;
  /** A word to the person beside the data: on standard error. */
  readonly note: (message: string) => void;
  readonly isVerbose: boolean;
  /** Keeps who was silent or failed, for `choria why`; nothing is written when all is well. */
  readonly remember: (
    statistics: RequestStatistics,
    facts: {readonly collective: string | undefined; readonly failures: readonly NodeTrouble[]},
  ) => Promise<void>;
}

/** Opens configuration and client, runs the command, and closes the connection whatever happens. */
export async function withClient(
  context: CliContext,
  parsed: ParsedArguments,
  run: (command: NetworkCommand) => Promise<number>,
  options: {readonly level?: LogLevel} = {},
): Promise<number> {
  const {config, logger} = await openCommand(context, parsed, options);
  const {platform, stdout} = context;
  const federations = federationsFlag(parsed);
  // What was narrowed, widened or not counted is told beside the data, never among it.
  const note = (message: string): void => writeLogLine(context, context.stderr, {level: 'warning', message});
  const resolver = openDescriptions(context, config, {onProblem: (message) => logger.warn(message)});
  const client = createClient({
    config,
    logger,
    platform,
    resolver,
    onNote: note,
    ...(federations === undefined ? {} : {federations}),
  });
  const {env} = platform;
  const configured = config.get('color');
  try {
    return await run({
      config,
      logger,
      client,
      paint: colours({sink: stdout, env, configured}),
      statusPaint: colours({sink: stdout, env, configured: !configured}),
      plainPaint: colours({sink: {isTerminal: false}, env}),
      note,
      isVerbose: isGiven(parsed, 'verbose'),
      remember: (statistics, facts) => remember({context, config, logger}, {statistics, ...facts}),
    });
  } catch (error) {
    throw await withSuggestion(error, resolver);
  } finally {
    await client.close();
    logger.close();
  }
}

/** A record is a help, not the work: where it cannot be kept the request is as good as before. */
async function remember(
  setup: {readonly context: CliContext; readonly config: Config; readonly logger: Logger},
  facts: {
    readonly statistics: RequestStatistics;
    readonly collective: string | undefined;
    readonly failures: readonly NodeTrouble[];
  },
): Promise<void> {
  const {context, config, logger} = setup;
  if (facts.statistics.silences.length + facts.failures.length === 0) return;
  const directory = clientStateDirectory(config, context.platform);
  if (directory === undefined) return;
  const collective = facts.collective ?? config.get('main_collective');
  try {
    const records = createRequestRecords({files: context.platform.files, directory});
    await records.save(recordOf(facts.statistics, {...facts, collective}));
  } catch (error) {
    logger.debug(`Could not remember the request in ${JSON.stringify(directory)}: ${errorMessage(error)}`);
  }
}

const missingShownMax = 20;

/** Says which connected nodes gave no answer to discovery; with -v also when nobody can know whether the answer is complete. */
export function noteCompleteness(
  command: Pick<NetworkCommand, 'note' | 'isVerbose'>,
  found: {
    readonly isKnown?: boolean;
    readonly isCutOff?: boolean;
    readonly missing?: readonly MissingNode[];
    readonly unnamedMissing?: number;
  },
): void {
  const {missing = [], unnamedMissing = 0} = found;
  const count = missing.length + unnamedMissing;
  if (count > 0) {
    const shown = missing.slice(0, missingShownMax).map(({identity, words}) => `${inertLine(identity)} ${words}`);
    const more = count > shown.length ? [`and ${count - shown.length} more`] : [];
    command.note(`${count} connected nodes did not answer discovery: ${[...shown, ...more].join('; ')}`);
  }
  if (found.isCutOff === true) {
    command.note(
      'Answers were still coming when the discovery timeout was over, and the broker does not tell who listens: nodes may be missing, ask again with a longer --discovery-timeout',
    );
  } else if (found.isKnown === false && command.isVerbose) {
    command.note(
      'The broker does not tell who listens: whoever did not answer in the discovery timeout is not in the list',
    );
  }
}

function federationsFlag(parsed: ParsedArguments): readonly string[] | undefined {
  const text = textFlag(parsed, 'federations');
  if (text === undefined) return undefined;
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

export function textFlag(parsed: ParsedArguments, name: string): string | undefined {
  const value = parsed.flags[name];
  return typeof value === 'string' ? value : undefined;
}

export function numberFlag(parsed: ParsedArguments, name: string): number | undefined {
  const value = parsed.flags[name];
  return typeof value === 'number' ? value : undefined;
}

export function isGiven(parsed: ParsedArguments, name: string): boolean {
  return parsed.flags[name] === true;
}

function textsFlag(parsed: ParsedArguments, name: string): readonly string[] {
  const value = parsed.flags[name];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** -F -C -A -I -W -S. */
export function filterFlagsOf(parsed: ParsedArguments): FilterText {
  const compound = textFlag(parsed, 'select');
  return {
    facts: textsFlag(parsed, 'wf'),
    classes: textsFlag(parsed, 'wc'),
    agents: textsFlag(parsed, 'wa'),
    identities: textsFlag(parsed, 'wi'),
    combined: textsFlag(parsed, 'with'),
    ...(compound === undefined ? {} : {compound}),
  };
}

/** [F][S][N] and what was piped in, as discovery takes them. */
export async function discoverOptions(context: CliContext, parsed: ParsedArguments): Promise<DiscoverOptions> {
  const seconds = numberFlag(parsed, 'discovery-timeout');
  const method = textFlag(parsed, 'dm');
  const nodesFile = textFlag(parsed, 'nodes');
  if (nodesFile !== undefined && nodesFile !== '') await requireFile(context.platform.files, nodesFile);
  const isRead = context.stdin.isPiped && method === undefined && (nodesFile ?? '') === '';
  return {
    filter: filterFlagsOf(parsed),
    collective: textFlag(parsed, 'target'),
    method,
    methodOptions: parsed.flags['do'] as Readonly<Record<string, string>> | undefined,
    nodesFile,
    stdin: isRead ? (await context.stdin.readAll(stdinBytesMax)).toString('utf8') : undefined,
    timeoutMs: seconds === undefined || seconds <= 0 ? undefined : seconds * 1_000,
    slidingWindow: isGiven(parsed, 'discovery-window') ? true : undefined,
    signal: context.signal,
  };
}

/** `--workers`: one connection does the work of all, so the number only has to make sense. */
export function checkWorkers(parsed: ParsedArguments): void {
  const workers = numberFlag(parsed, 'workers');
  if (workers !== undefined && workers < 1) {
    throw new ClientError('ERR_CLIENT_WORKERS', 'could not setup client: receivers should be more than 1');
  }
}

/** Discovers with the line that tells it; the line stays open while discovery runs. */
export async function discoverShown(
  command: NetworkCommand,
  options: DiscoverOptions,
  sink: TextSink | undefined,
): Promise<Awaited<ReturnType<FleetClient['discover']>>> {
  let isOpen = false;
  try {
    const found = await command.client.discover({
      ...options,
      onSelected: (selection) => {
        sink?.write(`Discovering nodes using the ${selection.shownName} method .... `);
        isOpen = sink !== undefined;
        options.onSelected?.(selection);
      },
    });
    sink?.write(`${found.identities.length}\n`);
    noteCompleteness(command, found);
    return found;
  } catch (error) {
    if (isOpen) sink?.write('0\n');
    // Of a method that does not exist only the beginning of the line is shown.
    else if (error instanceof DiscoveryError && error.code === 'ERR_DISCOVERY_METHOD') {
      sink?.write(`Discovering nodes using the ${inertLine(String(error.details['method']))} method .... `);
    }
    throw error;
  }
}
