/** `mco ping`, `find` and `rpc`: the work of our commands, the texts and exit codes of the Ruby client (cli.md 1.4 and 4). */
import {discoverOptions, filterFlagsOf, isGiven, numberFlag, textFlag, withClient} from '../commands/network.ts';
import {runReq} from '../commands/req-run.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {exitCodeOf, exitCodes} from './exit-codes.ts';

/** Every node of a fleet has it. */
const everywhereAgent = 'rpcutil';

export async function runMcoPing(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {stdout, signal} = context;
  const seconds = numberFlag(parsed, 'discovery-timeout');
  return withClient(context, parsed, async ({client}) => {
    const {answers} = await client.ping({
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
    stdout.write(`${times.length} replies max: ${max} min: ${min} avg: ${avg}\n`);
    return 0;
  });
}

export async function runMcoFind(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {stdout, stderr} = context;
  const isVerbose = isGiven(parsed, 'verbose');
  return withClient(
    context,
    parsed,
    async ({client, config}) => {
      const seconds = numberFlag(parsed, 'discovery-timeout') ?? config.get('discovery_timeout');
      const found = await client.discover({
        ...(await discoverOptions(context, parsed)),
        agent: everywhereAgent,
        onSelected: ({shownName}) => {
          const line = `Discovering hosts using the ${shownName} method for ${seconds} second(s) .... `;
          if (isVerbose) stderr.write(line);
        },
      });
      if (isVerbose) stderr.write(`${found.identities.length}\n\n`);
      stdout.write(found.identities.map((name) => `${inertLine(name)}\n`).join(''));
      return found.identities.length === 0 ? exitCodes.noNodes : 0;
    },
    {level: 'fatal'},
  );
}

export async function runMcoRpc(context: CliContext, parsed: ParsedArguments): Promise<number> {
  let code = 0;
  const ended = await runReq(context, parsed, {
    onFinished: (statistics, found) => {
      // Names alone are taken as they are: no discovery was done.
      code = exitCodeOf(statistics, {isDiscovered: found !== undefined && !isNamed(parsed)});
    },
  });
  return ended === 0 ? code : ended;
}

function isNamed(parsed: ParsedArguments): boolean {
  const {facts = [], classes = [], identities = [], combined = [], compound} = filterFlagsOf(parsed);
  const others = facts.length + classes.length + combined.length + (compound === undefined ? 0 : 1);
  return others === 0 && identities.length > 0 && !identities.some((name) => name.startsWith('/'));
}
