/** `choria broker server list|ping|info`: what brokers say of themselves, by the requests of the system account. */
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import {renderBytes} from '../render/bytes.ts';
import {renderTable} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {goDuration} from './go-duration.ts';
import {isGiven, textFlag} from './network.ts';

import {type Answer, ask, countOf, json, listOf, number, text, uptimeOf} from './broker-server-ask.ts';

const listKeys: Readonly<Record<string, (answer: Answer) => string | number>> = {
  name: ({server}) => text(server, 'name'),
  cluster: ({server}) => text(server, 'cluster'),
  conns: ({body}) => number(body, 'connections'),
  subs: ({body}) => number(body, 'subscriptions'),
  routes: ({body}) => countOf(body, 'routes'),
  gws: ({body}) => countOf(body, 'gateways'),
  mem: ({body}) => number(body, 'mem'),
  cpu: ({body}) => number(body, 'cpu'),
  slow: ({body}) => number(body, 'slow_consumers'),
  uptime: ({body}) => text(body, 'start'),
  rtt: ({roundTripMs}) => roundTripMs,
};

export const serverSortKeys: readonly string[] = Object.keys(listKeys);

export function runBrokerServerList(context: CliContext, parsed: ParsedArguments): Promise<number> {
  return withBroker(context, parsed, {
    systemCommand: 'server list',
    run: async ({connection}) => {
      const expected = parsed.arguments['expect'];
      const found = await ask(context, connection, {
        subject: '$SYS.REQ.SERVER.PING',
        expected: typeof expected === 'number' ? expected : undefined,
      });
      const answers = sorted(found, {key: textFlag(parsed, 'sort') ?? 'rtt', isReversed: isGiven(parsed, 'reverse')});
      if (isGiven(parsed, 'json')) {
        context.stdout.write(json(answers.map(({server, body}) => ({server, statsz: body}))));
        return 0;
      }
      const shorten = parsed.flags['compact'] === false ? (name: string) => name : compactNames(answers);
      const rows = answers.map((answer) => listRow(context, answer, shorten));
      const table = {title: 'Server Overview', headers: listHeaders, rows, footer: listFooter(answers)};
      context.stdout.write(`${renderTable(table)}\n${renderTable(clusterTable(answers))}`);
      return 0;
    },
  });
}

function sorted(
  answers: readonly Answer[],
  {key, isReversed}: {readonly key: string; readonly isReversed: boolean},
): readonly Answer[] {
  const valueOf = listKeys[key] ?? (() => 0);
  const list = answers.toSorted((a, b) => {
    const [left, right] = [valueOf(a), valueOf(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  });
  return isReversed ? list.reverse() : list;
}

/** Without the domain that all have. */
function compactNames(answers: readonly Answer[]): (name: string) => string {
  const domains = new Set(
    answers.map(({server}) => {
      const name = text(server, 'name');
      const place = name.indexOf('.');
      return place < 0 ? '' : name.slice(place);
    }),
  );
  const [domain = ''] = domains;
  return domains.size === 1 && domain !== ''
    ? (name) => (name.endsWith(domain) ? name.slice(0, -domain.length) : name)
    : (name) => name;
}

function listRow(context: CliContext, {server, body, roundTripMs}: Answer, shorten: (name: string) => string) {
  return [
    shorten(text(server, 'name')),
    text(server, 'cluster'),
    shorten(text(server, 'host')),
    text(server, 'ver'),
    server['jetstream'] === true ? 'yes' : 'no',
    number(body, 'connections'),
    number(body, 'subscriptions'),
    countOf(body, 'routes'),
    countOf(body, 'gateways'),
    renderBytes(number(body, 'mem')),
    number(body, 'cpu'),
    number(body, 'cores'),
    number(body, 'slow_consumers'),
    uptimeOf(context, text(body, 'start')),
    goDuration(Math.max(1, Math.round(roundTripMs)) * 1e6),
  ];
}

function listFooter(answers: readonly Answer[]): readonly (string | number)[] {
  const sum = (name: string): number => answers.reduce((total, {body}) => total + number(body, name), 0);
  const clusters = new Set(answers.map(({server}) => text(server, 'cluster')));
  return [
    '',
    clusters.size,
    answers.length,
    '',
    answers.filter(({server}) => server['jetstream'] === true).length,
    sum('connections'),
    sum('subscriptions'),
    '',
    '',
    renderBytes(sum('mem')),
    '',
    '',
    sum('slow_consumers'),
    '',
    '',
  ];
}

function clusterTable(answers: readonly Answer[]) {
  const names = [...new Set(answers.map(({server}) => text(server, 'cluster')))].sort();
  const rows = names.map((name) => {
    const members = answers.filter(({server}) => text(server, 'cluster') === name);
    const sum = (value: (answer: Answer) => number): number =>
      members.reduce((total, member) => total + value(member), 0);
    const gateways = members.flatMap(({body}) => listOf(body, 'gateways'));
    return [
      name,
      members.length,
      gateways.length,
      gateways.reduce((total, gateway) => total + number(gateway, 'inbound_connections'), 0),
      sum(({body}) => number(body, 'connections')),
    ] as const;
  });
  const total = (place: 1 | 2 | 3 | 4): number => rows.reduce((count, row) => count + row[place], 0);
  return {
    title: 'Cluster Overview',
    headers: ['Cluster', 'Node Count', 'Outgoing Gateways', 'Incoming Gateways', 'Connections'],
    rows,
    footer: ['', total(1), total(2), total(3), total(4)],
  };
}

/** How many lines the distribution of answers has at most. */
const graphLinesMax = 10;
const graphColumns = 50;

export function runBrokerServerPing(context: CliContext, parsed: ParsedArguments): Promise<number> {
  return withBroker(context, parsed, {
    systemCommand: 'server ping',
    run: async ({connection}) => {
      const expected = parsed.arguments['expect'];
      const answers = await ask(context, connection, {
        subject: '$SYS.REQ.SERVER.PING',
        expected: typeof expected === 'number' ? expected : undefined,
      });
      for (const {server, roundTripMs} of answers) {
        const id = isGiven(parsed, 'id') ? `${inertLine(text(server, 'id'))} ` : '';
        const name = inertLine(text(server, 'name')).padEnd(60);
        context.stdout.write(`${id}${name} rtt=${goDuration(Math.round(roundTripMs * 1e6))}\n`);
      }
      context.stdout.write(
        `\n---- ping statistics ----\n${pingSummary(answers.map(({roundTripMs}) => roundTripMs))}\n`,
      );
      if (isGiven(parsed, 'graph') && answers.length > 0) {
        context.stdout.write(`\n${distribution(answers.map(({roundTripMs}) => roundTripMs))}`);
      }
      return 0;
    },
  });
}

function pingSummary(times: readonly number[]): string {
  if (times.length === 0) return 'no responses received';
  const average = times.reduce((sum, time) => sum + time, 0) / times.length;
  const show = (ms: number): string => `${ms.toFixed(2)}ms`;
  return `${times.length} replies max: ${show(Math.max(...times))} min: ${show(Math.min(...times))} avg: ${show(average)}`;
}

/** How many answers came in each stretch of time. */
function distribution(times: readonly number[]): string {
  const width = Math.max(1, Math.ceil(Math.max(...times) / graphLinesMax));
  const counts = Array.from({length: graphLinesMax}, (_unused, index) => {
    const last = index === graphLinesMax - 1;
    return times.filter((time) => time >= index * width && (last || time < (index + 1) * width)).length;
  });
  const most = Math.max(...counts);
  return counts
    .map((count, index) => {
      const bar = '*'.repeat(Math.round((count / most) * graphColumns));
      return `${String(index * width).padStart(5)}-${String((index + 1) * width).padEnd(5)} ms ${bar} ${count}\n`;
    })
    .join('');
}

const listHeaders = [
  'Name',
  'Cluster',
  'Host',
  'Version',
  'JS',
  'Conns',
  'Subs',
  'Routes',
  'GWs',
  'Mem',
  'CPU %',
  'Cores',
  'Slow',
  'Uptime',
  'RTT',
] as const;

export function runBrokerServerInfo(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const wanted = parsed.arguments['server'];
  return withBroker(context, parsed, {
    systemCommand: 'server info',
    run: async ({connection}) => {
      const answers = await ask(context, connection, {subject: '$SYS.REQ.SERVER.PING.VARZ', expected: undefined});
      const found = answers.find(
        ({server}) => typeof wanted !== 'string' || server['name'] === wanted || server['id'] === wanted,
      );
      if (found === undefined) {
        throw new CliError('ERR_CLI_FAILED', `no broker ${JSON.stringify(wanted)} answered, expected its name or id`);
      }
      const {body} = found;
      if (isGiven(parsed, 'json')) {
        context.stdout.write(json(body));
        return 0;
      }
      const rows: readonly (readonly [string, string])[] = [
        ['Name', text(body, 'server_name')],
        ['ID', text(body, 'server_id')],
        ['Version', text(body, 'version')],
        ['Cluster', text(found.server, 'cluster')],
        ['Listening on', `${text(body, 'host')}:${number(body, 'port')}`],
        ['TLS', body['tls_required'] === true ? 'required' : 'off'],
        ['Start Time', text(body, 'start')],
        ['Uptime', text(body, 'uptime')],
        ['Connections', `${number(body, 'connections')} of ${number(body, 'max_connections')}`],
        ['Connections since start', String(number(body, 'total_connections'))],
        ['Subscriptions', String(number(body, 'subscriptions'))],
        ['Received', `${number(body, 'in_msgs')} messages, ${renderBytes(number(body, 'in_bytes'))}`],
        ['Sent', `${number(body, 'out_msgs')} messages, ${renderBytes(number(body, 'out_bytes'))}`],
        ['Slow Consumers', String(number(body, 'slow_consumers'))],
        ['Maximum Payload', renderBytes(number(body, 'max_payload'))],
        ['Memory', renderBytes(number(body, 'mem'))],
        ['CPU', `${number(body, 'cpu')}% of ${number(body, 'cores')} cores`],
      ];
      const shown = rows.map(([label, value]) => `${`${label}:`.padStart(26)} ${inertLine(value)}\n`).join('');
      context.stdout.write(`Server information for ${inertLine(text(body, 'server_name'))}\n\n${shown}\n`);
      return 0;
    },
  });
}
