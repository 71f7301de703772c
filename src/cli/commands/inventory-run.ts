/** What one node holds, or how the fleet is divided into collectives (cli.md 3.4). */
import {ClientError, type FleetClient} from '../../client/index.ts';
import {escapeJsonLikeGo, jsonMembers} from '../../lib/json-text.ts';
import type {NodeReply, RequestStatistics} from '../../rpc/index.ts';
import {nameColumns} from '../render/columns.ts';
import {inertJson, inertLine} from '../render/inert.ts';
import {renderTable} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {sortedJson} from './facts-json.ts';
import {filterFlagsOf, isGiven, type NetworkCommand, withClient} from './network.ts';
import {refusalText} from './refusals.ts';
import {footerText} from './req-footer.ts';
import {replyDataText} from './req-text.ts';

const agent = 'rpcutil';

export async function runInventory(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const node = parsed.arguments['identity'];
  return withClient(context, parsed, async (command) => {
    if (isGiven(parsed, 'collectives')) return collectiveReport(context, parsed, command);
    if (typeof node !== 'string' || node === '') {
      throw new ClientError('ERR_CLIENT_INPUT', 'please specify a node to retrieve inventory for');
    }
    return nodeReport(context, {node, showFacts: isGiven(parsed, 'facts')}, command.client);
  });
}

interface Answers {
  readonly replies: readonly NodeReply[];
  readonly statistics: RequestStatistics;
}

async function ask(
  client: FleetClient,
  request: {
    readonly action: string;
    readonly targets: readonly string[];
    readonly signal: AbortSignal;
    readonly discoverMs?: number;
  },
): Promise<Answers> {
  const ddl = await client.describe(agent);
  const replies: NodeReply[] = [];
  const statistics = await client.perform(
    {...request, agent, data: {}, timeoutMs: client.requestTimeoutMs(ddl)},
    {reply: (reply) => replies.push(reply)},
  );
  return {replies, statistics};
}

type Data = Readonly<Record<string, unknown>>;

function dataOf(replies: readonly NodeReply[]): Data | undefined {
  const reply = replies.find((candidate) => candidate.statusCode === 0);
  const data = reply?.data;
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as Data) : undefined;
}

async function nodeReport(
  context: CliContext,
  wanted: {readonly node: string; readonly showFacts: boolean},
  client: FleetClient,
): Promise<number> {
  const targets = [wanted.node];
  const {signal} = context;
  const [inventory, statistics] = await Promise.all([
    ask(client, {action: 'inventory', targets, signal}),
    ask(client, {action: 'daemon_stats', targets, signal}),
  ]);
  const data = dataOf(inventory.replies);
  const reply = inventory.replies[0];
  if (data === undefined || reply === undefined) {
    throw new ClientError(
      'ERR_CLIENT_NO_NODES',
      refusalText(inventory.replies) ?? `no inventory received: choria why ${wanted.node} tells more`,
      {
        details: {node: wanted.node},
      },
    );
  }
  const sections = [
    `Inventory for ${inertLine(wanted.node)}\n\n`,
    serverSection(data, dataOf(statistics.replies) ?? {}),
    agentsSection(textsOf(data['agents'])),
    classesSection(textsOf(data['classes'])),
    machinesSection(data['machines']),
    wanted.showFacts ? factsSection(reply) : '',
  ];
  context.stdout.write(sections.join(''));
  return 0;
}

function serverSection(data: Data, statistics: Data): string {
  const upgradable = data['upgradable'] === true ? ' (upgradable during provisioning)' : '';
  const rows: readonly (readonly [string, string])[] = [
    ['Version', `${textOf(data['version'])}${upgradable}`],
    ['Start Time', startTime(statistics['starttime'])],
    ['Config File', textOf(statistics['configfile'])],
    ['Collectives', textsOf(data['collectives']).join(', ')],
    ['Main Collective', textOf(data['main_collective'])],
    ['Process ID', textOf(statistics['pid'])],
    ['Total Messages', textOf(statistics['total'])],
    ['Messages Passed Filters', textOf(statistics['passed'])],
    ['Messages Filtered', textOf(statistics['filtered'])],
    ['Expired Messages', textOf(statistics['ttlexpired'])],
    ['Replies Sent', textOf(statistics['replies'])],
    ['Events Published', textOf(statistics['events'])],
  ];
  const lines = rows.map(([label, value]) => `${label.padStart(27)}: ${inertLine(value)}\n`);
  return `  Choria Server Statistics:\n\n${lines.join('')}\n`;
}

function startTime(value: unknown): string {
  if (typeof value !== 'number' || !Number.isFinite(value) || Math.abs(value) > 8_640_000_000_000) return textOf(value);
  const iso = new Date(value * 1_000).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} +0000 UTC`;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function agentsSection(agents: readonly string[]): string {
  const names = agents
    .filter((name) => name !== '')
    .map(inertLine)
    .toSorted();
  return `  Agents:\n\n${columnRows(names, {columns: 3, width: 15})}\n`;
}

/** Columns with one space between them and none behind the last. */
function columnRows(names: readonly string[], shape: {readonly columns: number; readonly width: number}): string {
  return nameColumns(names, {...shape, indent: 4, padding: 1, order: 'columns'}).replaceAll(' \n', '\n');
}

const classColumnsMax = 40;

function classesSection(classes: readonly string[]): string {
  const names = classes.map(inertLine).toSorted();
  const longest = names.reduce((most, name) => Math.max(most, Array.from(name).length), 0);
  const width = Math.min(longest, classColumnsMax);
  return `  Tagged Classes:\n\n${columnRows(names, {columns: 2, width})}\n`;
}

function machinesSection(machines: unknown): string {
  if (!Array.isArray(machines) || machines.length === 0) return '';
  const lines = machines.map((machine: unknown) => {
    const fields = typeof machine === 'object' && machine !== null ? (machine as Data) : {};
    const [name, version, state] = ['name', 'version', 'current_state'].map((key) => inertLine(textOf(fields[key])));
    return `    ${name ?? ''} version ${version ?? ''} state ${state ?? ''}\n`;
  });
  return `  Autonomous Agents:\n\n${lines.join('')}\n`;
}

function factsSection(reply: NodeReply): string {
  const facts = jsonMembers(replyDataText(reply)).get('facts') ?? '{}';
  return `  Facts:\n\n    ${inertJson(sortedJson(escapeJsonLikeGo(facts), '    '))}\n\n`;
}

async function collectiveReport(
  context: CliContext,
  parsed: ParsedArguments,
  {client, paint}: NetworkCommand,
): Promise<number> {
  const {signal, stdout} = context;
  const found = await client.discover({filter: filterFlagsOf(parsed), agent, signal});
  signal.throwIfAborted();
  if (found.identities.length === 0) throw new ClientError('ERR_CLIENT_NO_NODES', 'no nodes were discovered');
  const {replies, statistics} = await ask(client, {
    action: 'collective_info',
    targets: found.identities,
    signal,
    discoverMs: found.elapsedMs,
  });
  const counts = new Map<string, number>();
  for (const reply of replies) {
    for (const name of textsOf(dataOf([reply])?.['collectives'])) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const refused = refusalText(replies);
  if (refused !== undefined) throw new ClientError('ERR_CLIENT_NO_NODES', refused);
  const rows = [...counts].toSorted(([a, countA], [b, countB]) => countB - countA || (a < b ? 1 : -1));
  const title = `Collective Report for ${statistics.ok} nodes`;
  stdout.write(`${renderTable({title, headers: ['Collective', 'Nodes'], rows})}\n`);
  if (statistics.noResponses.length > 0) stdout.write(footerText(statistics, {verbose: false, paint}));
  return 0;
}
