/** `mco inventory` of the classic client: one node in full, or the collectives with their sizes. */
import {isGiven, textFlag} from '../../commands/network.ts';
import {CliError} from '../../errors.ts';
import {inertLine} from '../../render/inert.ts';
import {horizontalGroups} from '../../render/columns.ts';
import type {CliContext, ParsedArguments} from '../../types.ts';
import {findNodes, limited} from '../discovery.ts';
import {exitCodeOf, exitCodes} from '../exit-codes.ts';
import {nameRows} from './report.ts';
import {askNodes, type ClassicCall, describeCall, withClassicCall} from './rpc-run.ts';
import {rubyInspect} from './ruby-inspect.ts';

const agent = 'rpcutil';
const collectiveColumns = 30;
const classColumns = 30;

type Data = Readonly<Record<string, unknown>>;

export function runClassicInventory(context: CliContext, given: ParsedArguments): Promise<number> {
  const node = given.arguments['identity'];
  return withClassicCall(context, given, (call) => {
    const map = textFlag(call.parsed, 'collective-graph');
    if (map !== undefined) return collectiveGraph(call, map);
    if (isGiven(call.parsed, 'collectives')) return collectives(call);
    if (typeof node === 'string') return inventory(call, node);
    throw new CliError('ERR_CLI_FAILED', 'Need to specify either a node name, script to run or other options');
  });
}

async function ask(call: ClassicCall, action: string, targets: readonly string[]) {
  const request = await describeCall(call.command, {agent, action, inputs: {}});
  return askNodes(call, request, {targets, discoverMs: 0});
}

/** Every collective with its members; undefined, after a word, when nobody was found. */
async function membersOfCollectives(
  call: ClassicCall,
): Promise<{readonly members: ReadonlyMap<string, readonly string[]>; readonly nodes: number} | undefined> {
  const {context, parsed, command} = call;
  const found = await findNodes(context, command, {parsed, agent, isTold: isGiven(parsed, 'verbose')});
  const targets = limited(command, found, parsed);
  if (targets.length === 0) {
    context.stderr.write('\nNo request sent, we did not discover any nodes.');
    return undefined;
  }
  const {replies} = await ask(call, 'collective_info', targets);
  const members = new Map<string, string[]>();
  for (const {sender, data} of replies) {
    for (const name of texts((data as Data | null)?.['collectives'])) {
      const known = members.get(name);
      if (known === undefined) members.set(name, [sender]);
      else known.push(sender);
    }
  }
  return {members, nodes: replies.length};
}

async function collectives(call: ClassicCall): Promise<number> {
  const known = await membersOfCollectives(call);
  if (known === undefined) return exitCodes.noNodes;
  const row = (name: string, count: string): string => `   ${name.padEnd(collectiveColumns)} ${count}\n`;
  const rows = [...known.members]
    .toSorted(([, a], [, b]) => a.length - b.length)
    .map(([name, nodes]) => row(inertLine(name), String(nodes.length)));
  const head = `${row('Collective', 'Nodes')}${row('==========', '=====')}`;
  const total = `   ${'Total nodes:'.padStart(collectiveColumns)} ${known.nodes}\n`;
  call.context.stdout.write(`${head}${rows.join('')}\n${total}\n`);
  return 0;
}

async function collectiveGraph(call: ClassicCall, path: string): Promise<number> {
  const {stdout, platform} = call.context;
  stdout.write('Retrieving collective info....\n');
  const known = await membersOfCollectives(call);
  if (known === undefined) return exitCodes.noNodes;
  const name = (text: string): string => JSON.stringify(inertLine(text));
  const lines = [...known.members]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([collective, nodes]) => [
      `   subgraph ${name(collective)} {`,
      ...nodes.map((node) => `      ${name(node)} -- ${name(collective)}`),
      '   }',
    ]);
  const text = `graph {\n${lines.map((line) => `${line}\n`).join('')}}\n`;
  await platform.files.writeAtomic(path, text, {mode: 0o644});
  stdout.write(`Graph of ${known.nodes} nodes has been written to ${inertLine(path)}\n`);
  return 0;
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function text(value: unknown): string {
  return inertLine(typeof value === 'string' ? value : value === undefined || value === null ? '' : rubyInspect(value));
}

async function inventory(call: ClassicCall, node: string): Promise<number> {
  const {context} = call;
  const [statistics, found] = await Promise.all([ask(call, 'daemon_stats', [node]), ask(call, 'inventory', [node])]);
  const [daemon, reply] = [statistics.replies[0], found.replies[0]];
  if (daemon === undefined || reply === undefined) {
    context.stderr.write(`Did not receive any results from node ${inertLine(node)}\n`);
    return exitCodes.noNodes;
  }
  const [stats, data] = [dataOf(daemon.data), dataOf(reply.data)];
  const facts = Object.entries(dataOf(data['facts'])).toSorted(([a], [b]) => (a < b ? -1 : 1));
  context.stdout.write(
    [
      `Inventory for ${inertLine(reply.sender)}:\n`,
      serverSection(stats, data),
      section('Agents', columns(texts(data['agents'])), 'No agents installed'),
      section(
        'Data Plugins',
        columns(texts(data['data_plugins']).map((name) => name.replace(/_data$/, ''))),
        'No data plugins installed',
      ),
      section('Configuration Management Classes', classRows(texts(data['classes'])), 'No classes applied'),
      section(
        'Facts',
        facts.map(([name, value]) => `      ${inertLine(name)} => ${text(value)}\n`).join(''),
        'No facts known',
      ),
    ].join('\n'),
  );
  return exitCodeOf(found.statistics, {isDiscovered: false});
}

function dataOf(value: unknown): Data {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Data) : {};
}

function serverSection(stats: Data, data: Data): string {
  const times = dataOf(stats['times']);
  const started = Number(stats['starttime']);
  const isTime = Number.isFinite(started) && Math.abs(started) < 8_000_000_000_000;
  const startText = isTime ? `${new Date(started * 1000).toISOString().slice(0, 19).replace('T', ' ')} +0000` : '';
  const rows: readonly (readonly [string, string])[] = [
    ['Version', text(stats['version'])],
    ['Start Time', startText],
    ['Config File', text(stats['configfile'])],
    ['Collectives', texts(data['collectives']).map(inertLine).join(', ')],
    ['Main Collective', text(data['main_collective'])],
    ['Process ID', text(stats['pid'])],
    ['Total Messages', text(stats['total'])],
    ['Messages Passed Filters', text(stats['passed'])],
    ['Messages Filtered', text(stats['filtered'])],
    ['Expired Messages', text(stats['ttlexpired'])],
    ['Replies Sent', text(stats['replies'])],
    ['Total Processor Time', `${text(times['utime'])} seconds`],
    ['System Time', `${text(times['stime'])} seconds`],
  ];
  return `   Server Statistics:\n${rows.map(([label, value]) => `${label.padStart(29)}: ${value}\n`).join('')}`;
}

function section(title: string, body: string, none: string): string {
  return `   ${title}:\n${body === '' ? `      ${none}\n` : body}`;
}

function columns(names: readonly string[]): string {
  return horizontalGroups(names.map(inertLine).toSorted(), 3)
    .map((row) => `      ${row.map((name) => name.padEnd(15)).join(' ')}\n`)
    .join('');
}

function classRows(names: readonly string[]): string {
  return names.length === 0 ? '' : nameRows(names, classColumns);
}
