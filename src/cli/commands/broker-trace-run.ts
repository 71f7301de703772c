/**
 * `choria broker trace`: sends a message that the brokers follow on its way, and shows what became of it.
 *
 * Each broker that the message passes publishes what it did with it to an inbox of ours; the events name each other by hops.
 */
import type {Connection} from '../../connect/index.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {headersOf} from './broker-messages-run.ts';
import {type Fields, fieldsOf, json, listOf, number, text} from './broker-server-ask.ts';
import {goDuration} from './go-duration.ts';
import {isGiven, numberFlag} from './network.ts';
import {pause} from './repeat.ts';

/** Brokers of a network that have heard of our inbox by now. */
const propagationMs = 250;
const documentsMax = 1000;
const hopHeader = 'Nats-Trace-Hop';

/** By nats-server's numbers: what stands at the other end, how it is counted, and how its line begins. */
const kinds = [
  {name: 'Client', id: 'cid', arrow: '--C'},
  {name: 'Router', id: 'rid', arrow: '-->'},
  {name: 'Gateway', id: 'gid', arrow: '==>'},
  {name: 'System', id: 'id', arrow: ''},
  {name: 'Leafnode', id: 'lid', arrow: '~~>'},
  {name: 'JetStream', id: 'id', arrow: '--J'},
  {name: 'Account', id: 'id', arrow: ''},
] as const;
const unknownKind = {name: 'Unknown Kind', id: 'id', arrow: ''} as const;
const clientKind = 0;
const jetStreamKind = 5;
const legend = `Legend: ${['Client', 'Router', 'Gateway', 'Leafnode', 'JetStream']
  .map((name) => `${name}: ${kinds.find((kind) => kind.name === name)?.arrow ?? ''}`)
  .join(' ')} Error: --X`;

/** What came, by hop; that of the first broker has none. */
interface Trace {
  readonly origin: Fields | undefined;
  readonly hops: ReadonlyMap<string, Fields>;
}

export function runBrokerTrace(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const subject = String(parsed.arguments['subject']);
  const body = parsed.arguments['payload'];
  const payload = Buffer.from(typeof body === 'string' ? body : '', 'utf8');
  const isDelivered = isGiven(parsed, 'deliver');
  const given = headersOf(parsed).headers ?? {};
  return withBroker(context, parsed, {
    run: async ({connection, newInbox}) => {
      const inbox = newInbox();
      const timeoutMs = numberFlag(parsed, 'connect-timeout') ?? 5000;
      const only = isDelivered ? {} : {'Nats-Trace-Only': ['true']};
      const headers = {...given, 'Nats-Trace-Dest': [inbox], ...only};
      const isJson = isGiven(parsed, 'json');
      if (!isJson) {
        const how = isDelivered ? 'with delivery to the final destination' : '';
        context.stdout.write(`Tracing message route to subject ${inertLine(subject)} ${how}\n\n`);
      }
      const trace = await collect(context, connection, {
        inbox,
        timeoutMs,
        publish: () => connection.publish(subject, payload, {headers}),
      });
      if (trace.origin === undefined) throw new CliError('ERR_CLI_FAILED', whyNothing({connection, inbox, timeoutMs}));
      if (isJson) context.stdout.write(json([trace.origin, ...trace.hops.values()]));
      else context.stdout.write(shown(trace, trace.origin, isGiven(parsed, 'timestamp')));
      return 0;
    },
  });
}

function whyNothing(what: {
  readonly connection: Connection;
  readonly inbox: string;
  readonly timeoutMs: number;
}): string {
  if (what.connection.isRefused?.(what.inbox) === true) {
    return `cannot trace: the broker lets this user not publish to ${JSON.stringify(what.inbox)}, where traces have to go; expected a user with that right`;
  }
  return `no broker told of the message within ${goDuration(what.timeoutMs * 1e6)}: expected one that traces, such as nats-server 2.11 or later`;
}

/** Until every hop that was named has told its part, or nothing came for too long. */
async function collect(
  context: CliContext,
  connection: Connection,
  options: {readonly inbox: string; readonly timeoutMs: number; readonly publish: () => void},
): Promise<Trace> {
  const {clock} = context.platform;
  const hops = new Map<string, Fields>();
  let origin: Fields | undefined;
  let finish = (): void => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let timer = clock.setTimer(() => finish(), options.timeoutMs);
  const subscription = connection.subscribe(options.inbox, ({payload}) => {
    const document = parse(payload);
    if (document === undefined || hops.size >= documentsMax) return;
    timer.cancel();
    if (ingressOf(document)?.['kind'] === clientKind) origin ??= document;
    else hops.set(hopOf(document), document);
    if (isComplete({origin, hops})) finish();
    else timer = clock.setTimer(() => finish(), options.timeoutMs);
  });
  const stop = (): void => finish();
  context.signal.addEventListener('abort', stop, {once: true});
  try {
    await connection.flush({timeoutMs: options.timeoutMs});
    await pause(context, propagationMs);
    options.publish();
    await connection.flush({timeoutMs: options.timeoutMs});
    // A refusal came before the answer to the flush: nothing will come.
    if (connection.isRefused?.(options.inbox) === true) finish();
    await done;
  } finally {
    timer.cancel();
    context.signal.removeEventListener('abort', stop);
    subscription.unsubscribe();
  }
  return {origin, hops};
}

function parse(payload: Buffer): Fields | undefined {
  try {
    const document = fieldsOf(JSON.parse(payload.toString('utf8')));
    return ingressOf(document) === undefined ? undefined : document;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function ingressOf(document: Fields): Fields | undefined {
  const [first] = listOf(document, 'events');
  return first?.['type'] === 'in' ? first : undefined;
}

function hopOf(document: Fields): string {
  const values = fieldsOf(fieldsOf(document['request'])['header'])[hopHeader];
  return Array.isArray(values) && typeof values[0] === 'string' ? values[0] : '';
}

function egressesOf(document: Fields): readonly Fields[] {
  return listOf(document, 'events').filter((event) => event['type'] === 'eg');
}

function isComplete({origin, hops}: Trace): boolean {
  if (origin === undefined) return false;
  return [origin, ...hops.values()]
    .flatMap(egressesOf)
    .every((egress) => text(egress, 'hop') === '' || hops.has(text(egress, 'hop')));
}

function shown(trace: Trace, origin: Fields, hasTimes: boolean): string {
  const started = text(ingressOf(origin) ?? {}, 'ts');
  const counts = new Map<string, number>();
  const lines = render(origin, {trace, counts, hasTimes, sinceText: started, depth: 0, seen: new Set()});
  const counted = [...counts].toSorted(([, a], [, b]) => b - a);
  const width = Math.max(0, ...counted.map(([name]) => name.length));
  const egress = counted.map(([name, count]) => `  ${name.padStart(width)}: ${count}\n`).join('');
  const streams = counts.get('JetStream') ?? 0;
  const warning = streams > 1 ? `WARNING: The message was received by ${streams} streams\n` : '';
  return `${lines.join('')}\n${legend}\n\n${egress === '' ? '' : `Egress Count:\n\n${egress}`}${warning}`;
}

interface Rendering {
  readonly trace: Trace;
  readonly counts: Map<string, number>;
  readonly hasTimes: boolean;
  /** When what led here happened. */
  readonly sinceText: string;
  readonly depth: number;
  /** Hops on the way here: what names itself is shown once. */
  readonly seen: ReadonlySet<string>;
}

function render(document: Fields, how: Rendering): readonly string[] {
  const {trace, counts} = how;
  const line = (content: string, event: Fields): string =>
    `${' '.repeat(how.depth * 4)}${how.hasTimes ? `[${since(how.sinceText, text(event, 'ts'))}] ` : ''}${inertLine(content)}\n`;
  const lines: string[] = [];
  const events = listOf(document, 'events');
  for (const event of events) {
    if (event['type'] !== 'eg') for (const content of linesOf(document, event)) lines.push(line(content, event));
    if (event['type'] === 'js') count(counts, jetStreamKind);
  }
  const ingress = ingressOf(document) ?? {};
  const isUnseen = events.length === 1 && ingress['kind'] === clientKind && text(ingress, 'error') === '';
  if (isUnseen) lines.push(`${' '.repeat(how.depth * 4)}--X No active interest\n`);
  for (const egress of egressesOf(document)) {
    count(counts, number(egress, 'kind'));
    for (const content of egressLines(egress)) lines.push(line(content, egress));
    const hop = text(egress, 'hop');
    if (hop === '' || how.seen.has(hop)) continue;
    const next = trace.hops.get(hop);
    const deeper = {...how, depth: how.depth + 1, sinceText: text(egress, 'ts'), seen: new Set([...how.seen, hop])};
    if (next === undefined) lines.push(`${' '.repeat(deeper.depth * 4)}!!! This broker told nothing in time\n`);
    else lines.push(...render(next, deeper));
  }
  return lines;
}

function count(counts: Map<string, number>, kind: number): void {
  const {name} = kinds[kind] ?? unknownKind;
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Everything but where the message went. */
function linesOf(document: Fields, event: Fields): readonly string[] {
  const error = text(event, 'error') === '' ? [] : [`--X Error: ${text(event, 'error')}`];
  switch (event['type']) {
    case 'in': {
      const server = fieldsOf(document['server']);
      const kind = kinds[number(event, 'kind')] ?? unknownKind;
      const cluster = kind.name === 'Client' || kind.name === 'Gateway' ? pairs(server, {cluster: 'cluster'}) : [];
      return [[peer(event), ...cluster, ...pairs(server, {server: 'name', version: 'ver'})].join(' '), ...error];
    }
    case 'sm':
      return [`    Mapping ${pairs(event, {subject: 'to'}).join(' ')}`];
    case 'si':
      return [`    Service Import ${pairs(event, {from: 'from', to: 'to', account: 'acc'}).join(' ')}`];
    case 'se':
      return [`    Stream Export ${pairs(event, {subject: 'to', account: 'acc'}).join(' ')}`];
    case 'js': {
      const action = event['nointerest'] === true ? 'no interest' : 'stored';
      const rest = pairs({...event, action}, {action: 'action', stream: 'stream', subject: 'subject'});
      return [`--J JetStream ${rest.join(' ')}`, ...error];
    }
    default:
      return [];
  }
}

function egressLines(egress: Fields): readonly string[] {
  const {arrow} = kinds[number(egress, 'kind')] ?? unknownKind;
  const rest = pairs(egress, {account: 'acc', subject: 'sub', queue: 'queue'});
  const error = text(egress, 'error') === '' ? [] : [`  --X Error: ${text(egress, 'error')}`];
  return [[arrow, peer(egress), ...rest].filter((part) => part !== '').join(' '), ...error];
}

/** Who is at the other end: `Client "name" cid:7`. */
function peer(event: Fields): string {
  const {name, id} = kinds[number(event, 'kind')] ?? unknownKind;
  const own = text(event, 'name') === '' ? '' : ` ${JSON.stringify(text(event, 'name'))}`;
  return `${name}${own} ${id}:${number(event, 'cid')}`;
}

/** `label:"value"` for each field that is there. */
function pairs(fields: Fields, labels: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(labels).flatMap(([label, name]) =>
    text(fields, name) === '' ? [] : [`${label}:${JSON.stringify(text(fields, name))}`],
  );
}

/** Clocks of several machines: what seems to go backwards is called so. */
function since(from: string, to: string): string {
  const micros = microsecondsOf(to) - microsecondsOf(from);
  if (!Number.isFinite(micros)) return '0s';
  return micros < 0 ? 'Skew' : goDuration(micros * 1000);
}

/** Of a time with up to nine digits of a second. */
function microsecondsOf(time: string): number {
  const digits = /\.(\d+)/.exec(time)?.[1] ?? '';
  const seconds = Date.parse(time.replace(/\.\d+/, ''));
  return seconds * 1000 + Number(digits.padEnd(6, '0').slice(0, 6));
}
