/** `mco facts` of the classic client: values by name, each with how often it was found. */
import {inertLine} from '../../render/inert.ts';
import {isGiven} from '../../commands/network.ts';
import {CliError} from '../../errors.ts';
import type {CliContext, ParsedArguments} from '../../types.ts';
import {findNodes, limited} from '../discovery.ts';
import {exitCodeOf, exitCodes} from '../exit-codes.ts';
import {classicReport} from './report.ts';
import {askNodes, describeCall, withClassicCall} from './rpc-run.ts';
import {rubyInspect} from './ruby-inspect.ts';

const factAgent = 'rpcutil';
const valueColumns = 40;

export function runClassicFacts(context: CliContext, given: ParsedArguments): Promise<number> {
  const fact = given.arguments['fact'];
  if (typeof fact !== 'string') throw new CliError('ERR_CLI_FAILED', 'Please specify a fact to report for');
  return withClassicCall(context, given, async (call) => {
    const {parsed, command, paint} = call;
    const isVerbose = isGiven(parsed, 'verbose');
    const request = await describeCall(command, {agent: factAgent, action: 'get_fact', inputs: {fact}});
    const found = await findNodes(context, command, {parsed, agent: factAgent, isTold: isVerbose});
    const targets = limited(command, found, parsed);
    if (targets.length === 0) {
      context.stderr.write('\nNo request sent, we did not discover any nodes.');
      context.stdout.write(`No values found for fact ${inertLine(fact)}\n`);
      return exitCodes.noNodes;
    }
    const {replies, statistics} = await askNodes(call, request, {targets, discoverMs: found.elapsedMs});
    const nodes = new Map<string, string[]>();
    for (const {sender, data} of replies) {
      const value = data !== null && typeof data === 'object' ? (data as {readonly value?: unknown}).value : undefined;
      // As there: what is not set, and what is false, is not counted.
      if (value === undefined || value === null || value === false) continue;
      const text = typeof value === 'string' ? value : rubyInspect(value);
      nodes.set(text, [...(nodes.get(text) ?? []), sender]);
    }
    const report = classicReport({statistics, paint, caption: 'rpc stats', isVerbose, summaries: ''});
    context.stdout.write(`${factLines(fact, nodes, isVerbose)}${report}`);
    return exitCodeOf(statistics, {isDiscovered: found.isDiscovered});
  });
}

function factLines(fact: string, nodes: ReadonlyMap<string, readonly string[]>, isVerbose: boolean): string {
  if (nodes.size === 0) return `No values found for fact ${inertLine(fact)}\n`;
  const entries = [...nodes].map(([value, names]) => [inertLine(value), names] as const);
  const width = Math.max(valueColumns, ...entries.map(([value]) => value.length));
  const lines = entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([value, names]) => {
      const head = `        ${value.padEnd(width)} found ${names.length} times\n`;
      const shown = names.toSorted().map((name) => `            ${inertLine(name)}\n`);
      return isVerbose ? `${head}\n${shown.join('')}\n` : head;
    });
  return `Report for fact: ${inertLine(fact)}\n\n${lines.join('')}`;
}
