/** Reports which values a fact has, and on how many nodes (cli.md 3.3). */
import {ClientError} from '../../client/index.ts';
import {compactJson, escapeJsonLikeGo, goJson, indentJson, jsonMembers} from '../../lib/json-text.ts';
import type {NodeReply} from '../../rpc/index.ts';
import {inertJson, inertLine} from '../render/inert.ts';
import {renderTable} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {discoverOptions, isGiven, noteCompleteness, textFlag, withClient} from './network.ts';
import {footerText} from './req-footer.ts';
import {refusalText} from './refusals.ts';
import {replyDataText} from './req-text.ts';

const factAgent = 'rpcutil';
const factAction = 'get_fact';

interface FactValue {
  readonly text: string;
  readonly nodes: readonly string[];
}

export async function runFacts(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const fact = String(parsed.arguments['fact']);
  return withClient(context, parsed, async (command) => {
    const {client, paint} = command;
    const ddl = await client.describe(factAgent);
    const found = await client.discover({...(await discoverOptions(context, parsed)), agent: factAgent});
    noteCompleteness(command, found);
    context.signal.throwIfAborted();
    if (found.identities.length === 0) throw new ClientError('ERR_CLIENT_NO_NODES', 'did not discover any nodes');
    const replies: NodeReply[] = [];
    const statistics = await client.perform(
      {
        agent: factAgent,
        action: factAction,
        data: {fact},
        targets: found.identities,
        collective: textFlag(parsed, 'target'),
        timeoutMs: client.requestTimeoutMs(ddl),
        discoverMs: found.elapsedMs,
        signal: context.signal,
      },
      {reply: (reply) => replies.push(reply)},
    );
    if (statistics.responses === 0) throw new ClientError('ERR_CLIENT_NO_NODES', 'no responses received');
    const values = collectValues(replies, isGiven(parsed, 'reverse'));
    if (values.length === 0) throw new ClientError('ERR_CLIENT_NO_NODES', refusalText(replies) ?? 'no facts returned');
    if (isGiven(parsed, 'json')) context.stdout.write(jsonReport(values));
    else if (isGiven(parsed, 'table')) context.stdout.write(tableReport(values, isGiven(parsed, 'show-nodes')));
    else {
      const footer = footerText(statistics, {verbose: isGiven(parsed, 'verbose'), paint});
      context.stdout.write(`${textReport(values, {fact, parsed})}${footer}`);
    }
    return context.signal.aborted ? 1 : 0;
  });
}

/** By how often each value was found; a value that several nodes share is listed once. */
function collectValues(replies: readonly NodeReply[], isReversed: boolean): readonly FactValue[] {
  const nodes = new Map<string, string[]>();
  for (const reply of replies) {
    if (reply.statusCode !== 0) continue;
    const text = valueName(jsonMembers(replyDataText(reply)).get('value'));
    const names = nodes.get(text);
    if (names === undefined) nodes.set(text, [reply.sender]);
    else names.push(reply.sender);
  }
  const sign = isReversed ? -1 : 1;
  return [...nodes]
    .map(([text, names]) => ({text, nodes: names.toSorted()}))
    .toSorted((a, b) => sign * (a.nodes.length - b.nodes.length) || (a.text < b.text ? -1 : 1));
}

function valueName(json: string | undefined): string {
  if (json === undefined || json === 'null') return 'nil';
  return json.startsWith('"') ? (JSON.parse(json) as string) : escapeJsonLikeGo(compactJson(json));
}

function jsonReport(values: readonly FactValue[]): string {
  const entries = values
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.text), Buffer.from(b.text)))
    .map(({text, nodes}) => `${goJson(text)}:${goJson({count: nodes.length, identities: nodes})}`);
  return `${inertJson(indentJson(`{${entries.join(',')}}`, {indent: '  '}))}\n`;
}

function tableReport(values: readonly FactValue[], showNodes: boolean): string {
  const headers = showNodes ? ['Fact', 'Matches', 'Nodes'] : ['Fact', 'Matches'];
  const rows = values.map(({text, nodes}) => [text, nodes.length, ...(showNodes ? [nodes] : [])]);
  return `${renderTable({headers, rows})}\n`;
}

function textReport(
  values: readonly FactValue[],
  options: {readonly fact: string; readonly parsed: ParsedArguments},
): string {
  const {fact, parsed} = options;
  const showNodes = isGiven(parsed, 'show-nodes') || isGiven(parsed, 'verbose');
  const shown = values.map((value) => ({...value, text: inertLine(value.text)}));
  const width = shown.reduce((most, {text}) => Math.max(most, Array.from(text).length), 0);
  const lines = shown.map(({text, nodes}) => {
    const fill = ' '.repeat(width - Array.from(text).length);
    const names = showNodes ? `\n${nodes.map((name) => `    ${inertLine(name)}\n`).join('')}\n` : '';
    return `  ${text}${fill} found ${nodes.length} times\n${names}`;
  });
  return `Report for fact: ${inertLine(fact)}\n\n${lines.join('')}`;
}
