/** `choria broker server ...`: what brokers say of themselves and of their connections, by the requests of the system account. */
import type {Connection} from '../../connect/index.ts';
import {CliError} from '../errors.ts';
import {inertJson, inertLine} from '../render/inert.ts';
import {renderBytes} from '../render/bytes.ts';
import {renderTable} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {goDuration} from './go-duration.ts';
import {isGiven, numberFlag, textFlag} from './network.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Answer {
  readonly server: Fields;
  readonly body: Fields;
  readonly roundTripMs: number;
}

/** After the first answer others have this long: they are as near as the first. */
const laterMs = 300;
const firstMs = 2000;
const answersMax = 1000;
const inboxBytes = 12;

export function runBrokerServerList(context: CliContext, parsed: ParsedArguments): Promise<number> {
  return withBroker(context, parsed, {
    systemCommand: 'server list',
    run: async ({connection}) => {
      const expected = parsed.arguments['expect'];
      const answers = await ask(context, connection, {
        subject: '$SYS.REQ.SERVER.PING',
        expected: typeof expected === 'number' ? expected : undefined,
      });
      if (isGiven(parsed, 'json')) {
        context.stdout.write(json(answers.map(({server, body}) => ({server, statsz: body}))));
        return 0;
      }
      const rows = answers.map(({server, body, roundTripMs}) => [
        text(server, 'name'),
        text(server, 'cluster'),
        text(server, 'host'),
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
      ]);
      context.stdout.write(renderTable({title: 'Server Overview', headers: listHeaders, rows}));
      return 0;
    },
  });
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
    systemCommand: 'server connections',
    run: async ({connection}) => {
      const answers = await ask(context, connection, {
        subject: '$SYS.REQ.SERVER.PING.CONNZ',
        body: {auth: true, limit: top, ...(account === undefined ? {} : {acc: account})},
        expected: undefined,
      });
      const all = answers.flatMap(({server, body}) => listOf(body, 'connections').map((client) => ({server, client})));
      const field = sortFields[sort];
      all.sort((a, b) =>
        field === undefined
          ? text(a.client, 'start').localeCompare(text(b.client, 'start'))
          : number(b.client, field) - number(a.client, field),
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
      context.stdout.write(`${renderTable({title, headers: connectionHeaders, rows})}\n${renderTable(servers)}`);
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

export function runBrokerKick(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const cid = Number(parsed.arguments['client']);
  const id = String(parsed.arguments['server']);
  if (!/^[A-Za-z0-9_-]+$/.test(id)) {
    throw new CliError('ERR_CLI_VALUE', `cannot use ${JSON.stringify(id)} as the id of a broker`);
  }
  return withBroker(context, parsed, {
    systemCommand: 'server kick',
    run: async ({connection}) => {
      const [answer] = await ask(context, connection, {
        subject: `$SYS.REQ.SERVER.${id}.KICK`,
        body: {cid},
        expected: 1,
      });
      const problem = answer?.body['description'];
      if (answer === undefined || typeof problem === 'string') {
        const why = typeof problem === 'string' ? problem : `no broker has the id ${JSON.stringify(id)}`;
        throw new CliError('ERR_CLI_FAILED', `could not close connection ${cid}: ${why}`);
      }
      context.stdout.write(`Closed connection ${cid}\n`);
      return 0;
    },
  });
}

/** Every broker answers; an error is given as the body. */
function ask(
  context: CliContext,
  connection: Connection,
  question: {readonly subject: string; readonly body?: object; readonly expected: number | undefined},
): Promise<readonly Answer[]> {
  const {clock, random} = context.platform;
  const inbox = `_INBOX.${random.bytes(inboxBytes).toString('hex')}`;
  return new Promise((resolve) => {
    const answers: Answer[] = [];
    const sentMs = clock.monotonicMs();
    const finish = (): void => {
      timer.cancel();
      subscription.unsubscribe();
      resolve(answers);
    };
    const subscription = connection.subscribe(inbox, (message) => {
      timer.cancel();
      const answer = readAnswer(message.payload);
      if (answer !== undefined) answers.push({...answer, roundTripMs: clock.monotonicMs() - sentMs});
      // An empty message is the broker's word that nobody listens.
      const isEnough = message.payload.length === 0 || answers.length >= (question.expected ?? answersMax);
      if (isEnough) finish();
      else timer = clock.setTimer(finish, laterMs);
    });
    let timer = clock.setTimer(finish, firstMs);
    const body = question.body === undefined ? '' : JSON.stringify(question.body);
    connection.publish(question.subject, Buffer.from(body, 'utf8'), {replyTo: inbox});
  });
}

/** Undefined for what is no answer. */
function readAnswer(payload: Buffer): Omit<Answer, 'roundTripMs'> | undefined {
  let fields: Fields;
  try {
    fields = fieldsOf(JSON.parse(payload.toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return {server: fieldsOf(fields['server']), body: fieldsOf(fields['data'] ?? fields['statsz'] ?? fields['error'])};
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

function number(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === 'number' ? value : 0;
}

function listOf(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name];
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function countOf(fields: Fields, name: string): number {
  return listOf(fields, name).length;
}

function uptimeOf(context: CliContext, start: string): string {
  const startedMs = Date.parse(start);
  if (!Number.isFinite(startedMs)) return '';
  const seconds = Math.max(0, Math.floor((context.platform.clock.nowMs() - startedMs) / 1000));
  return goDuration(seconds * 1e9);
}

function json(value: unknown): string {
  return `${inertJson(JSON.stringify(value, null, 2))}\n`;
}
