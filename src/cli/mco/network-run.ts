/** `mco ping`, `find` and `rpc`: the work of our commands, the texts and exit codes of the Ruby client (cli.md 1.4 and 4). */
import {filterFlagsOf, isGiven, numberFlag, textFlag, withClient} from '../commands/network.ts';
import {runReq} from '../commands/req-run.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {calledAction, withClassicMeanings} from './arguments.ts';
import {connectInTime, findNodes, isNamed, limited} from './discovery.ts';
import {exitCodeOf, exitCodes} from './exit-codes.ts';
import type {McoStyle} from './style.ts';

/** Every node of a fleet has it. */
const everywhereAgent = 'rpcutil';

export async function runMcoPing(context: CliContext, given: ParsedArguments, style: McoStyle): Promise<number> {
  const parsed = withClassicMeanings(given);
  const {stdout, signal} = context;
  const seconds = numberFlag(parsed, 'timeout') ?? numberFlag(parsed, 'discovery-timeout');
  return withClient(context, parsed, async (command) => {
    await connectInTime(context, command, parsed);
    const {answers} = await command.client.ping({
      filter: filterFlagsOf(parsed),
      collective: textFlag(parsed, 'target'),
      timeoutMs: seconds === undefined || seconds <= 0 ? undefined : seconds * 1_000,
      signal,
      onAnswer: (identity, elapsedMs) =>
        stdout.write(`${inertLine(identity).padEnd(40)} time=${elapsedMs.toFixed(2)} ms\n`),
    });
    stdout.write('\n\n---- ping statistics ----\n');
    if (answers.length === 0) {
      stdout.write('No responses received\n');
      return exitCodes.neitherDiscoveryNorResponses;
    }
    const times = answers.map((answer) => answer.elapsedMs).toSorted((a, b) => a - b);
    const average = times.reduce((sum, time) => sum + time, 0) / times.length;
    const [max, min, avg] = [times.at(-1) ?? 0, times[0] ?? 0, average].map((time) => time.toFixed(2));
    // Where the chart would stand the classic client leaves a space.
    const chart = isGiven(parsed, 'graph') ? sparkline(times) : '';
    const end = style === 'classic' || chart !== '' ? ` ${chart}` : '';
    stdout.write(`${times.length} replies max: ${max} min: ${min} avg: ${avg}${end}\n`);
    return 0;
  });
}

const sparkMs = 50;
const sparkTicks = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];
/** A minute of answers; the line of a slower one would not fit any screen. */
const sparksMax = 1_200;

/** One mark for each 50 ms from the first answer to the last, as high as many came in it. */
function sparkline(times: readonly number[]): string {
  const first = Math.floor((times[0] ?? 0) / sparkMs);
  const span = Math.floor((times.at(-1) ?? 0) / sparkMs) - first + 1;
  const counts = Array.from({length: Math.min(span, sparksMax)}, () => 0);
  for (const time of times) {
    const bucket = Math.min(Math.floor(time / sparkMs) - first, sparksMax - 1);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  const most = counts.reduce((max, count) => Math.max(max, count), 1);
  const marks = counts.map((count) => Math.round((count / most) * (sparkTicks.length - 1)));
  return marks.map((mark) => sparkTicks[mark]).join('');
}

export async function runMcoFind(context: CliContext, given: ParsedArguments, style: McoStyle): Promise<number> {
  const parsed = withClassicMeanings(given);
  const {stdout, stderr} = context;
  const isVerbose = isGiven(parsed, 'verbose');
  return withClient(
    context,
    parsed,
    async (command) => {
      const found = await findNodes(context, command, {parsed, agent: everywhereAgent, isTold: isVerbose});
      if (isVerbose) stderr.write('\n');
      stdout.write(found.identities.map((name) => `${inertLine(name)}\n`).join(''));
      if (isVerbose && style === 'classic') {
        const seconds = (found.elapsedMs / 1_000).toFixed(2);
        stderr.write(
          `\nDiscovered ${found.identities.length} nodes in ${seconds} seconds using the ${found.method} discovery plugin\n`,
        );
      }
      return found.identities.length === 0 ? exitCodes.noNodes : 0;
    },
    {level: 'fatal'},
  );
}

export async function runMcoRpc(context: CliContext, given: ParsedArguments): Promise<number> {
  const {agent, action, inputs} = calledAction(given);
  const one = isGiven(given, 'one') ? {limit: '1'} : {};
  const parsed: ParsedArguments = {
    ...given,
    flags: {...given.flags, ...one},
    arguments: {agent, action, args: inputs},
  };
  if (isGiven(parsed, 'no-results')) return sendOnly(context, parsed, {agent, action, inputs});
  let code = 0;
  const ended = await runReq(context, parsed, {
    onFinished: (statistics, found) => {
      // Names alone are taken as they are: no discovery was done.
      code = exitCodeOf(statistics, {isDiscovered: found !== undefined && !isNamed(parsed)});
    },
  });
  return ended === 0 ? code : ended;
}

async function sendOnly(
  context: CliContext,
  parsed: ParsedArguments,
  call: ReturnType<typeof calledAction>,
): Promise<number> {
  const {describeCall} = await import('./classic/rpc-run.ts');
  return withClient(context, parsed, async (command) => {
    const {ddl, action, data} = await describeCall(command, call);
    const found = await findNodes(context, command, {parsed, agent: ddl.metadata.name, isTold: false});
    const statistics = await command.client.perform({
      agent: ddl.metadata.name,
      action: action.name,
      data,
      targets: limited(command, found, parsed),
      collective: textFlag(parsed, 'target'),
      timeoutMs: command.client.requestTimeoutMs(ddl),
      replyTo: 'dev.null',
      signal: context.signal,
    });
    context.stdout.write(`Request sent with id: ${statistics.requestId}\n`);
    return 0;
  });
}
