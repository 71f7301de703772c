/** `choria broker top NAME`: the connections of one broker, again and again until interrupted; needs the system account. */
import type {Connection} from '../../connect/index.ts';
import {CliError} from '../errors.ts';
import {renderBytes} from '../render/bytes.ts';
import {renderTable} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {ask, type Fields, listOf, number, text} from './broker-server-ask.ts';
import {isGiven, numberFlag, textFlag} from './network.ts';
import {clearScreen, pause} from './repeat.ts';

const sortFields: Readonly<Record<string, string>> = {
  cid: 'cid',
  subs: 'subscriptions',
  msgs_to: 'out_msgs',
  msgs_from: 'in_msgs',
  bytes_to: 'out_bytes',
  bytes_from: 'in_bytes',
};

export function runBrokerTop(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {stdout, signal} = context;
  const refreshes = numberFlag(parsed, 'max-refresh') ?? -1;
  const seconds = Math.max(1, numberFlag(parsed, 'interval') ?? 1);
  return withBroker(context, parsed, {
    systemCommand: 'top',
    run: async ({connection}) => {
      for (let shown = 1; !signal.aborted; shown++) {
        const page = await snapshot(context, parsed, connection);
        stdout.write(stdout.isTerminal ? `${clearScreen}${page}` : page);
        const output = textFlag(parsed, 'output');
        if (output !== undefined) {
          await context.platform.files.writeAtomic(output, page, {mode: 0o644});
          return 0;
        }
        if (refreshes >= 0 && shown >= Math.max(1, refreshes)) return 0;
        await pause(context, seconds * 1000);
      }
      return 0;
    },
  });
}

async function snapshot(context: CliContext, parsed: ParsedArguments, connection: Connection): Promise<string> {
  const name = String(parsed.arguments['name']);
  const limit = Math.max(1, numberFlag(parsed, 'conns') ?? 1024);
  const body = {server_name: name, limit, subscriptions: isGiven(parsed, 'subs')};
  const [answer] = await ask(context, connection, {subject: '$SYS.REQ.SERVER.PING.CONNZ', body, expected: 1});
  if (answer === undefined) {
    throw new CliError(
      'ERR_CLI_FAILED',
      `no broker ${JSON.stringify(name)} answered; broker server list shows those there are`,
    );
  }
  const field = sortFields[textFlag(parsed, 'sort') ?? 'cid'] ?? 'cid';
  const connections = listOf(answer.body, 'connections').toSorted((a, b) =>
    field === 'cid' ? number(a, field) - number(b, field) : number(b, field) - number(a, field),
  );
  const size = (count: number): string => (isGiven(parsed, 'raw') ? String(count) : renderBytes(count));
  const title = `${connections.length} of ${number(answer.body, 'total')} connections of ${name}`;
  const extra = isGiven(parsed, 'subs');
  return renderTable({
    title,
    headers: [...headers, ...(extra ? ['Subscriptions'] : [])],
    rows: connections.map((client) => [...rowOf(client, size), ...(extra ? [subjectsOf(client)] : [])]),
  });
}

const headers = [
  'CID',
  'Name',
  'Host',
  'Subs',
  'Pending',
  'Msgs To',
  'Msgs From',
  'Bytes To',
  'Bytes From',
  'Uptime',
] as const;

function rowOf(client: Fields, size: (count: number) => string): readonly (string | number)[] {
  return [
    number(client, 'cid'),
    text(client, 'name'),
    `${text(client, 'ip')}:${number(client, 'port')}`,
    number(client, 'subscriptions'),
    size(number(client, 'pending_bytes')),
    number(client, 'out_msgs'),
    number(client, 'in_msgs'),
    size(number(client, 'out_bytes')),
    size(number(client, 'in_bytes')),
    text(client, 'uptime'),
  ];
}

function subjectsOf(client: Fields): string {
  const list = client['subscriptions_list'];
  return Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string').join(', ') : '';
}
