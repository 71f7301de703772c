/**
 * Traces of single messages: a message whose headers name a destination is followed through the engine, and what became of it is published
 * there, in nats-server's shape. With `Nats-Trace-Only` it is not given to anybody.
 *
 * The destination is published to with the sender's own rights: who may not publish there gets no trace, and the message goes nowhere.
 */
import {hasWildcard, isPublishSubject, type PublishFrame} from '../../natswire/index.ts';
import {engineLimits} from '../limits.ts';
import {timeText} from '../monitoring/text.ts';
import type {CompiledPermissions} from '../permissions.ts';
import {type Account, isReservedSubject} from './account.ts';
import type {ConnectOptions} from './connect-options.ts';
import type {EngineCore} from './core.ts';
import {publishOwn} from './own-message.ts';
import type {Receiver, TracedDelivery} from './parts.ts';
import type {TraceEvent, TraceSink} from './trace-sink.ts';
import {publishViolation} from './violations.ts';

const destinationHeader = 'Nats-Trace-Dest';
const onlyHeader = 'Nats-Trace-Only';
/** Of servers before 2.11, which traced otherwise: their traces are not ours to answer. */
const originHeader = 'Nats-Trace-Origin-Account';
/** Stands in the destination's place when somebody on the way wants no trace. */
const disabled = 'trace disabled';
const needle = Buffer.from(destinationHeader, 'latin1');
const firstLine = 'NATS/1.0\r\n';

/** nats-server's number for a client at the other end; an engine without links knows no others. */
const clientKind = 0;

/** These come as latin1, one character for each byte, as everywhere in the engine. */
const subjectKeys: ReadonlySet<string> = new Set(['to', 'from', 'sub', 'queue']);

/** Why a message was not given to somebody whose subscription matches, in nats-server's words. */
const obstacles = {
  noEcho: 'Not delivered because of no echo',
  denied: 'Not delivered because subscription denies this subject',
  subscriptionClosed: 'Not delivered because subscription is closed',
  clientClosed: 'Not delivered because client is closed',
} as const;

/** A connection as traces see it. */
interface TracedClient extends Receiver {
  readonly account: Account;
  readonly options: ConnectOptions;
  readonly permissions: CompiledPermissions | undefined;
  readonly isClosing: boolean;
  sendError(text: string): void;
}

/** What is found out about one message while it is routed. */
class MessageTrace implements TraceSink {
  /** The message is given to nobody. */
  readonly isOnly: boolean;
  readonly account: string;
  ingressError: string | undefined = undefined;
  readonly #core: EngineCore;
  readonly #events: object[] = [];

  constructor(core: EngineCore, what: {readonly account: string; readonly isOnly: boolean}) {
    this.#core = core;
    this.account = what.account;
    this.isOnly = what.isOnly;
  }

  get events(): readonly object[] {
    return this.#events;
  }

  add({type, ...rest}: TraceEvent): void {
    if (this.#events.length >= engineLimits.traceEventsMax) return;
    const shown = Object.entries(rest).map(([key, value]) => [
      key,
      typeof value === 'string' && subjectKeys.has(key) ? utf8(value) : value,
    ]);
    this.#events.push({type, ts: timeText(this.#core.clock.nowMs()), ...Object.fromEntries(shown)});
  }
}

/** Whether a message may ask for a trace; a quick look, for each message with headers. */
export function mentionsTrace(frame: PublishFrame): boolean {
  const start = frame.payloadStart;
  return frame.buffer.subarray(start, start + frame.headerBytes).includes(needle);
}

/** Publishes a message that mentions a trace: traced, untraced, or not at all. */
export function publishTraced(
  core: EngineCore,
  message: {readonly client: TracedClient; readonly frame: PublishFrame; readonly publish: () => void},
): void {
  const {client, frame, publish} = message;
  const headers = readTraceHeaders(frame.buffer.subarray(frame.payloadStart, frame.payloadStart + frame.headerBytes));
  const destination = headers.get(destinationHeader)?.[0];
  if (destination === undefined || destination === disabled) {
    publish();
    return;
  }
  const isOnly = ['1', 'true', 'on'].includes(headers.get(onlyHeader)?.[0]?.toLowerCase() ?? '');
  if (headers.has(originHeader) || !isPublishSubject(destination) || hasWildcard(destination)) {
    if (!isOnly) publish();
    return;
  }
  if (isReservedSubject(destination) || client.permissions?.mayPublish(destination) === false) {
    client.sendError(publishViolation(destination));
    core.violation(client, `have traces sent to "${destination}"`);
    return;
  }
  const {account} = client;
  const subject = frame.buffer.toString('utf8', frame.subjectStart, frame.subjectEnd);
  const size = frame.payloadEnd - frame.payloadStart;
  const time = timeText(core.clock.nowMs());
  const trace = new MessageTrace(core, {account: account.name, isOnly});
  core.traced(trace, publish);
  const {name} = client.options;
  const ingress = {
    type: 'in',
    ts: time,
    kind: clientKind,
    cid: client.id,
    ...(name === undefined || name === '' ? {} : {name}),
    acc: account.name,
    subj: subject,
    ...(trace.ingressError === undefined ? {} : {error: utf8(trace.ingressError)}),
  };
  const document = (): object => ({
    server: core.describeServer(),
    request: {header: headersDocument(headers), msgsize: size},
    events: [ingress, ...trace.events],
  });
  publishOwn(core, {account, subject: destination, document});
}

/** Says what becomes of the message at one connection; false when it is not given to it. */
export function traceDelivery(trace: TraceSink, client: TracedClient, delivery: TracedDelivery): boolean {
  const error = obstacleOf(client, delivery);
  const {subject, queue} = delivery.subscription;
  const {name} = client.options;
  trace.add({
    type: 'eg',
    kind: clientKind,
    cid: client.id,
    ...(name === undefined || name === '' ? {} : {name}),
    ...(client.account.name === trace.account ? {} : {acc: client.account.name}),
    sub: subject,
    ...(queue === undefined ? {} : {queue}),
    ...(error === undefined ? {} : {error}),
  });
  return error === undefined;
}

/** Why `deliver` will not give a message to this connection. */
function obstacleOf(client: TracedClient, {subscription, publisher, entry}: TracedDelivery): string | undefined {
  if (publisher === client && !client.options.isEcho) return obstacles.noEcho;
  const {isFiltered, queue} = subscription;
  if (isFiltered && client.permissions?.mayReceive(entry.text, queue) === false) return obstacles.denied;
  if (subscription.isClosed) return obstacles.subscriptionClosed;
  return client.isClosing ? obstacles.clientClosed : undefined;
}

/** Names as they were sent, first value first; what cannot be read ends the list, as in nats-server. Texts are latin1. */
function readTraceHeaders(block: Buffer): ReadonlyMap<string, readonly string[]> {
  const text = block.toString('latin1');
  const headers = new Map<string, string[]>();
  if (!text.startsWith(firstLine)) return headers;
  let place = firstLine.length;
  while (place < text.length) {
    const colon = text.indexOf(':', place);
    const end = colon < 0 ? -1 : text.indexOf('\r\n', colon);
    if (end < 0) break;
    const name = text.slice(place, colon);
    const value = trimBlanks(text.slice(colon + 1, end));
    if (name !== '' && value !== '') {
      const values = headers.get(name);
      if (values === undefined) headers.set(name, [value]);
      else values.push(value);
    }
    place = end + 2;
  }
  return headers;
}

function trimBlanks(text: string): string {
  const isBlank = (place: number): boolean => text[place] === ' ' || text[place] === '\t';
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return text.slice(start, end);
}

/** Without a prototype: names come from the sender. */
function headersDocument(headers: ReadonlyMap<string, readonly string[]>): object {
  const document = Object.create(null) as Record<string, readonly string[]>;
  for (const [name, values] of headers) document[utf8(name)] = values.map(utf8);
  return document;
}

function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
