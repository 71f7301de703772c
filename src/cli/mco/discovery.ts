/** Which nodes an application of the Ruby client asks: piped names, names given, or those that discovery finds. */
import {ClientError, type Discovered} from '../../client/index.ts';
import {
  discoverOptions,
  filterFlagsOf,
  isGiven,
  type NetworkCommand,
  noteCompleteness,
  numberFlag,
  textFlag,
} from '../commands/network.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

const stdinBytesMax = 64 * 1024 * 1024;

export interface Found extends Discovered {
  /** False where the names were taken as they are. */
  readonly isDiscovered: boolean;
}

/** Names alone are taken as they are: no discovery is done. */
export function isNamed(parsed: ParsedArguments): boolean {
  const {facts = [], classes = [], identities = [], combined = [], compound} = filterFlagsOf(parsed);
  const others = facts.length + classes.length + combined.length + (compound === undefined ? 0 : 1);
  return others === 0 && identities.length > 0 && !identities.some((name) => name.startsWith('/'));
}

/** Connects within `--connection-timeout`, when it is given. */
export async function connectInTime(
  context: CliContext,
  {client}: Pick<NetworkCommand, 'client'>,
  parsed: ParsedArguments,
): Promise<void> {
  const seconds = numberFlag(parsed, 'connection-timeout');
  if (seconds !== undefined && seconds > 0) {
    await client.connection({timeoutMs: seconds * 1_000, signal: context.signal});
  }
}

/**
 * @param options.isTold  whether discovery is told on standard error
 */
export async function findNodes(
  context: CliContext,
  command: NetworkCommand,
  options: {readonly parsed: ParsedArguments; readonly agent: string; readonly isTold: boolean},
): Promise<Found> {
  const {parsed, agent, isTold} = options;
  const piped = await pipedNames(context, parsed);
  if (piped !== undefined) {
    return {identities: piped, complete: true, method: 'stdin', elapsedMs: 0, isDiscovered: false};
  }
  await connectInTime(context, command, parsed);
  const seconds = numberFlag(parsed, 'discovery-timeout') ?? command.config.get('discovery_timeout');
  const isShown = isTold && !isNamed(parsed);
  const found = await command.client.discover({
    ...(await discoverOptions({...context, stdin: {...context.stdin, isPiped: false}}, parsed)),
    agent,
    onSelected: ({shownName}) => {
      const line = `Discovering hosts using the ${shownName} method for ${seconds} second(s) .... `;
      if (isShown) context.stderr.write(line);
    },
  });
  if (isShown) context.stderr.write(`${found.identities.length}\n`);
  noteCompleteness(command, found);
  return {...found, isDiscovered: !isNamed(parsed)};
}

async function pipedNames(context: CliContext, parsed: ParsedArguments): Promise<readonly string[] | undefined> {
  if (!context.stdin.isPiped || textFlag(parsed, 'dm') !== undefined || textFlag(parsed, 'nodes') !== undefined) {
    return undefined;
  }
  const text = (await context.stdin.readAll(stdinBytesMax)).toString('utf8').trim();
  if (text === '') return undefined;
  const names = text.startsWith('[') ? namesInJson(text) : text.split('\n').map((line) => line.trim());
  return [...new Set(names.filter((name) => name !== ''))];
}

/** A list of objects that hold `sender` or `certname`, as `--json` and `puppet query` write it. */
function namesInJson(text: string): readonly string[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new CliError('ERR_CLI_FAILED', 'Cannot read the nodes on standard input: the text is not JSON', {
      cause: error,
    });
  }
  if (!Array.isArray(list)) throw new CliError('ERR_CLI_FAILED', 'JSON hosts list is not an array');
  return list.map((item: unknown) => {
    const {sender, certname} = (item ?? {}) as {readonly sender?: unknown; readonly certname?: unknown};
    const name = sender ?? certname;
    if (typeof name === 'string') return name;
    throw new CliError('ERR_CLI_FAILED', 'JSON host list does not have senders in it');
  });
}

/** @throws {ClientError} when the limit cannot be met */
export function limited(
  {client}: Pick<NetworkCommand, 'client'>,
  found: Pick<Discovered, 'identities'>,
  parsed: ParsedArguments,
): readonly string[] {
  if (found.identities.length === 0) return [];
  const targets = client.limit(found.identities, {
    limit: textFlag(parsed, 'limit'),
    limitSeed: numberFlag(parsed, 'limit-seed'),
  });
  if (targets.length > 0) return targets;
  throw new ClientError('ERR_CLIENT_NO_NODES', 'no targets left after the limit was applied');
}

/** `-t`, else what the description says. */
export function timeoutMsOf(parsed: ParsedArguments, fallbackMs: number): number {
  const seconds = numberFlag(parsed, 'timeout');
  return seconds === undefined || seconds <= 0 ? fallbackMs : seconds * 1_000;
}

export function isQuiet(parsed: ParsedArguments): boolean {
  return isGiven(parsed, 'quiet');
}
