/** `choria broker server report ...`: tables over all brokers, by the requests of the system account. */
import type {Connection} from '../../connect/index.ts';
import {renderBytes} from '../render/bytes.ts';
import {renderTable, type Table} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {type Answer, ask, countOf, type Fields, json, listOf, number, text} from './broker-server-ask.ts';
import {isGiven, numberFlag, textFlag} from './network.ts';

type Runner = (context: CliContext, parsed: ParsedArguments) => Promise<number>;

const sortFields: Readonly<Record<string, string>> = {
  'in-bytes': 'in_bytes',
  'out-bytes': 'out_bytes',
  'in-msgs': 'in_msgs',
  'out-msgs': 'out_msgs',
  cid: 'cid',
  subs: 'subscriptions',
};

export function runBrokerConnections(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const sort = textFlag(parsed, 'sort') ?? 'subs';
  const top = Math.max(1, numberFlag(parsed, 'top') ?? 1000);
  const account = textFlag(parsed, 'account');
  return withBroker(context, parsed, {
    systemCommand: 'server report connections',
    run: async ({connection}) => {
      const answers = await ask(context, connection, {
        subject: '$SYS.REQ.SERVER.PING.CONNZ',
        body: connectionFilters(parsed, {limit: top, account}),
        expected: expectedOf(parsed),
      });
      const all = answers.flatMap(({server, body}) => listOf(body, 'connections').map((client) => ({server, client})));
      const field = sortFields[sort];
      const direction = isGiven(parsed, 'reverse') ? -1 : 1;
      all.sort((a, b) =>
        field === undefined
          ? direction * text(a.client, 'start').localeCompare(text(b.client, 'start'))
          : direction * (number(b.client, field) - number(a.client, field)),
      );
      const shown = all.slice(0, top);
      if (isGiven(parsed, 'json')) {
        context.stdout.write(json(shown.map(({server, client}) => ({server: server['name'], ...client}))));
        return 0;
      }
      const rows = shown.map(({server, client}) => [
        number(client, 'cid'),
        text(client, 'name'),
        text(server, 'name'),
        text(server, 'cluster'),
        `${text(client, 'ip')}:${number(client, 'port')}`,
        text(client, 'account'),
        text(client, 'uptime'),
        number(client, 'in_msgs'),
        number(client, 'out_msgs'),
        renderBytes(number(client, 'in_bytes')),
        renderBytes(number(client, 'out_bytes')),
        number(client, 'subscriptions'),
      ]);
      const title = `Top ${shown.length} Connections out of ${all.length} by ${sort}`;
      const perServer = answers.map(({server, body}) => [
        text(server, 'name'),
        text(server, 'cluster'),
        number(body, 'total'),
      ]);
      const servers = {title: 'Connections per server', headers: ['Server', 'Cluster', 'Connections'], rows: perServer};
      context.stdout.write(`\n${renderTable({title, headers: connectionHeaders, rows})}\n${renderTable(servers)}`);
      return 0;
    },
  });
}

const connectionHeaders = [
  'CID',
  'Name',
  'Server',
  'Cluster',
  'IP',
  'Account',
  'Uptime',
  'In Msgs',
  'Out Msgs',
  'In Bytes',
  'Out Bytes',
  'Subs',
] as const;

function connectionFilters(
  parsed: ParsedArguments,
  {limit, account}: {readonly limit: number; readonly account: string | undefined},
): object {
  const states: Readonly<Record<string, number>> = {open: 0, closed: 1, all: 2};
  const subject = textFlag(parsed, 'subject');
  const user = textFlag(parsed, 'username');
  return {
    auth: true,
    limit,
    state: states[textFlag(parsed, 'state') ?? 'open'] ?? 0,
    ...(account === undefined ? {} : {acc: account}),
    ...(subject === undefined ? {} : {filter_subject: subject, subscriptions: true}),
    ...(user === undefined ? {} : {user}),
    ...serverFilters(parsed),
  };
}

/** Only brokers of this name or cluster answer. */
export function serverFilters(parsed: ParsedArguments): object {
  const host = textFlag(parsed, 'host');
  const name = textFlag(parsed, 'name');
  const cluster = textFlag(parsed, 'cluster');
  return {
    ...(host === undefined ? {} : {host}),
    ...(name === undefined ? {} : {server_name: name}),
    ...(cluster === undefined ? {} : {cluster}),
  };
}

function expectedOf(parsed: ParsedArguments): number | undefined {
  const limit = parsed.arguments['limit'];
  return typeof limit === 'number' ? limit : undefined;
}

interface Report {
  readonly name: string;
  readonly subject: string;
  readonly table: (answers: readonly Answer[]) => Table;
}

function runReport(report: Report): Runner {
  return (context, parsed) =>
    withBroker(context, parsed, {
      systemCommand: `server report ${report.name}`,
      run: async ({connection}) => {
        const answers = await askAll(context, connection, {parsed, subject: report.subject});
        if (isGiven(parsed, 'json')) {
          context.stdout.write(json(answers.map(({server, body}) => ({server: server['name'], ...body}))));
          return 0;
        }
        context.stdout.write(renderTable(report.table(answers)));
        return 0;
      },
    });
}

async function askAll(
  context: CliContext,
  connection: Connection,
  {parsed, subject}: {readonly parsed: ParsedArguments; readonly subject: string},
): Promise<readonly Answer[]> {
  const found = await ask(context, connection, {subject, body: serverFilters(parsed), expected: expectedOf(parsed)});
  const byName = found.toSorted((a, b) => text(a.server, 'name').localeCompare(text(b.server, 'name')));
  return isGiven(parsed, 'reverse') ? byName.reverse() : byName;
}

const where = (server: Fields): readonly string[] => [text(server, 'name'), text(server, 'cluster')];

export const runBrokerCpu = runReport({
  name: 'cpu',
  subject: '$SYS.REQ.SERVER.PING.VARZ',
  table: (answers) => ({
    title: 'CPU Usage',
    headers: ['Server', 'Cluster', 'CPU %', 'Cores', 'Connections'],
    rows: answers.map(({server, body}) => [
      ...where(server),
      number(body, 'cpu'),
      number(body, 'cores'),
      number(body, 'connections'),
    ]),
  }),
});

export const runBrokerMemory = runReport({
  name: 'mem',
  subject: '$SYS.REQ.SERVER.PING.VARZ',
  table: (answers) => ({
    title: 'Memory Usage',
    headers: ['Server', 'Cluster', 'Memory', 'Connections', 'Subscriptions'],
    rows: answers.map(({server, body}) => [
      ...where(server),
      renderBytes(number(body, 'mem')),
      number(body, 'connections'),
      number(body, 'subscriptions'),
    ]),
  }),
});

export const runBrokerHealth = runReport({
  name: 'health',
  subject: '$SYS.REQ.SERVER.PING.HEALTHZ',
  table: (answers) => ({
    title: 'Health Report',
    headers: ['Server', 'Cluster', 'Status', 'Error'],
    rows: answers.map(({server, body}) => [...where(server), text(body, 'status'), text(body, 'error')]),
  }),
});

export const runBrokerRoutes = runReport({
  name: 'routes',
  subject: '$SYS.REQ.SERVER.PING.ROUTEZ',
  table: (answers) => ({
    title: 'Routes',
    headers: ['Server', 'Cluster', 'To', 'Address', 'RTT', 'In Msgs', 'Out Msgs', 'Pending', 'Subs'],
    rows: answers.flatMap(({server, body}) =>
      listOf(body, 'routes').map((route) => [
        ...where(server),
        text(route, 'remote_name') || text(route, 'remote_id'),
        `${text(route, 'ip')}:${number(route, 'port')}`,
        text(route, 'rtt'),
        number(route, 'in_msgs'),
        number(route, 'out_msgs'),
        renderBytes(number(route, 'pending_size')),
        number(route, 'subscriptions'),
      ]),
    ),
  }),
});

export const runBrokerLeafnodes = runReport({
  name: 'leafnodes',
  subject: '$SYS.REQ.SERVER.PING.LEAFZ',
  table: (answers) => ({
    title: 'Leafnodes',
    headers: ['Server', 'Cluster', 'Name', 'Account', 'Address', 'RTT', 'In Msgs', 'Out Msgs', 'Subs'],
    rows: answers.flatMap(({server, body}) =>
      listOf(body, 'leafs').map((leaf) => [
        ...where(server),
        text(leaf, 'name'),
        text(leaf, 'account'),
        `${text(leaf, 'ip')}:${number(leaf, 'port')}`,
        text(leaf, 'rtt'),
        number(leaf, 'in_msgs'),
        number(leaf, 'out_msgs'),
        number(leaf, 'subscriptions'),
      ]),
    ),
  }),
});

export const runBrokerGateways = runReport({
  name: 'gateways',
  subject: '$SYS.REQ.SERVER.PING.GATEWAYZ',
  table: (answers) => ({
    title: 'Gateways',
    headers: ['Server', 'Gateway', 'Address', 'Outgoing', 'Incoming'],
    rows: answers
      .filter(({body}) => text(body, 'name') !== '')
      .map(({server, body}) => [
        text(server, 'name'),
        text(body, 'name'),
        `${text(body, 'host')}:${number(body, 'port')}`,
        sizeOf(body, 'outbound_gateways'),
        sizeOf(body, 'inbound_gateways'),
      ]),
  }),
});

function sizeOf(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === 'object' && value !== null ? Object.keys(value).length : countOf(fields, name);
}

export const runBrokerAccounts: Runner = (context, parsed) => {
  const wanted = parsed.arguments['account'];
  return withBroker(context, parsed, {
    systemCommand: 'server report accounts',
    run: async ({connection}) => {
      const top = Math.max(1, numberFlag(parsed, 'top') ?? 1000);
      const answers = await ask(context, connection, {
        subject: '$SYS.REQ.SERVER.PING.CONNZ',
        body: {auth: true, limit: 10_000, ...serverFilters(parsed)},
        expected: expectedOf(parsed),
      });
      const clients = answers.flatMap(({body}) => listOf(body, 'connections'));
      const names = [...new Set(clients.map((client) => text(client, 'account')))].sort();
      const chosen = names.filter((name) => typeof wanted !== 'string' || name === wanted).slice(0, top);
      const accounts = chosen.map((name) => accountTotals(name, clients));
      if (isGiven(parsed, 'json')) {
        context.stdout.write(json(accounts));
        return 0;
      }
      const rows = accounts.map((account) => [
        account.account,
        account.connections,
        account.in_msgs,
        account.out_msgs,
        renderBytes(account.in_bytes),
        renderBytes(account.out_bytes),
        account.subs,
      ]);
      const headers = ['Account', 'Connections', 'In Msgs', 'Out Msgs', 'In Bytes', 'Out Bytes', 'Subs'];
      context.stdout.write(`\n${renderTable({title: `${accounts.length} Accounts Overview`, headers, rows})}`);
      return 0;
    },
  });
};

function accountTotals(account: string, clients: readonly Fields[]) {
  const own = clients.filter((client) => text(client, 'account') === account);
  const sum = (name: string): number => own.reduce((total, client) => total + number(client, name), 0);
  return {
    account,
    connections: own.length,
    in_msgs: sum('in_msgs'),
    out_msgs: sum('out_msgs'),
    in_bytes: sum('in_bytes'),
    out_bytes: sum('out_bytes'),
    subs: sum('subscriptions'),
  };
}
