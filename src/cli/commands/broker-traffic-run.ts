/** `choria broker traffic`: how many messages of which kind pass, second by second, as far as this user may listen. */
import {inertJson} from '../render/inert.ts';
import {CliError} from '../errors.ts';
import {renderBytes} from '../render/bytes.ts';
import {renderTable} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {isGiven, numberFlag} from './network.ts';
import {clearScreen, pause} from './repeat.ts';

const intervalMs = 1000;
const flushMs = 5000;
/** Seconds that are shown. */
const rowsMax = 11;

/** What a subject is part of; the first prefix that fits decides. */
const kinds = [
  {table: 'General Traffic', name: 'System', prefixes: ['$SYS.']},
  {table: 'Cluster Traffic', name: 'JSA Update', prefixes: ['$JSC.ARU.']},
  {table: 'Cluster Traffic', name: 'Stream Info', prefixes: ['$JSC.SI.']},
  {table: 'Cluster Traffic', name: 'Consumer Info', prefixes: ['$JSC.CI.']},
  {table: 'Cluster Traffic', name: 'Stream Sync', prefixes: ['$JSC.SYNC']},
  {table: 'Cluster Traffic', name: 'Reply', prefixes: ['$JSC.ACK.', '$JSC.R.']},
  {table: 'Raft Traffic', name: 'Vote', prefixes: ['$NRG.V.']},
  {table: 'Raft Traffic', name: 'Append', prefixes: ['$NRG.AE.']},
  {table: 'Raft Traffic', name: 'Reply', prefixes: ['$NRG.R.']},
  {table: 'Raft Traffic', name: 'Remove Peer', prefixes: ['$NRG.RP.']},
  {table: 'Raft Traffic', name: 'Proposal', prefixes: ['$NRG.P.']},
  {table: 'General Traffic', name: 'JS ACK', prefixes: ['$JS.ACK.']},
  {table: 'General Traffic', name: 'JS API', prefixes: ['$JS.API.']},
] as const;

type TableName = (typeof kinds)[number]['table'];

const tables: Readonly<Record<TableName, readonly string[]>> = {
  'Raft Traffic': ['Vote', 'Append', 'Reply', 'Remove Peer', 'Proposal'],
  'Cluster Traffic': ['JSA Update', 'Stream Info', 'Consumer Info', 'Stream Sync', 'Reply'],
  'General Traffic': ['Requests', 'JS API', 'JS ACK', 'System', 'Rest'],
};
const tableNames = Object.keys(tables) as readonly TableName[];

/** One second. */
interface Counts {
  readonly byTable: Readonly<Record<TableName, Map<string, number>>>;
  bytes: number;
}

export function runBrokerTraffic(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const given = parsed.arguments['subjects'];
  const subjects = typeof given === 'string' ? given : '>';
  const looks = numberFlag(parsed, 'count') ?? Infinity;
  const isJson = isGiven(parsed, 'json');
  const {stdout, signal} = context;
  return withBroker(context, parsed, {
    run: async ({connection}) => {
      let counts = newCounts();
      connection.subscribe(subjects, (message) => {
        counts.bytes += message.payload.length;
        const {table, name} = kindOf(message.subject, message.replyTo);
        const row = counts.byTable[table];
        row.set(name, (row.get(name) ?? 0) + 1);
      });
      await connection.flush({timeoutMs: flushMs});
      if (connection.isRefused?.(subjects) === true) {
        throw new CliError(
          'ERR_CLI_FAILED',
          `the broker does not let this user listen to ${JSON.stringify(subjects)}: expected subjects within its rights`,
        );
      }
      const seconds: Counts[] = [];
      for (let look = 0; look < looks && !signal.aborted; look += 1) {
        await pause(context, intervalMs);
        if (signal.aborted) break;
        seconds.push(counts);
        if (seconds.length > rowsMax) seconds.shift();
        if (isJson) stdout.write(`${inertJson(JSON.stringify(documentOf(counts)))}\n`);
        else stdout.write(`${stdout.isTerminal ? clearScreen : ''}${page(seconds)}`);
        counts = newCounts();
      }
      return 0;
    },
  });
}

function newCounts(): Counts {
  return {byTable: {'Raft Traffic': new Map(), 'Cluster Traffic': new Map(), 'General Traffic': new Map()}, bytes: 0};
}

function kindOf(subject: string, replyTo: string | undefined): {readonly table: TableName; readonly name: string} {
  const found = kinds.find(({prefixes}) => prefixes.some((prefix) => subject.startsWith(prefix)));
  return found ?? {table: 'General Traffic', name: replyTo === undefined ? 'Rest' : 'Requests'};
}

/** What brokers say to each other is shown only where it is heard. */
function page(seconds: readonly Counts[]): string {
  return tableNames
    .filter((table) => table === 'General Traffic' || seconds.some(({byTable}) => byTable[table].size > 0))
    .map((table) => {
      const columns = tables[table];
      const isGeneral = table === 'General Traffic';
      const rows = seconds.map(({byTable, bytes}) => [
        ...columns.map((name) => grouped(byTable[table].get(name) ?? 0)),
        ...(isGeneral ? [renderBytes(bytes)] : []),
        grouped(total(byTable[table])),
      ]);
      const headers = [...columns, ...(isGeneral ? ['Total Bytes'] : []), 'Total Messages'];
      return `${renderTable({title: table, headers, rows})}\n`;
    })
    .join('');
}

function documentOf({byTable, bytes}: Counts): object {
  const parts = tableNames.map((table) => {
    const names = tables[table].map((name) => [keyOf(name), byTable[table].get(name) ?? 0]);
    return [keyOf(table.replace(' Traffic', '')), {...Object.fromEntries(names), total: total(byTable[table])}];
  });
  return {...Object.fromEntries(parts), bytes};
}

function keyOf(name: string): string {
  return name.toLowerCase().replaceAll(' ', '_');
}

function total(row: ReadonlyMap<string, number>): number {
  return [...row.values()].reduce((sum, count) => sum + count, 0);
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
