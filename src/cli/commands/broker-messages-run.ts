/** `choria broker publish`, `subscribe`, `request`, `reply` and `events`: plain messages, without the layers of a request to agents. */
import {isNoResponders, type Connection, type MiddlewareMessage, type PublishOptions} from '../../connect/index.ts';
import {decodeHeaders, WireError} from '../../natswire/index.ts';
import {CliError} from '../errors.ts';
import {writeLogLine} from '../fatal.ts';
import {messageBytesMax} from '../limits.ts';
import {inert, inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {goDuration} from './go-duration.ts';
import {isGiven, numberFlag, textFlag} from './network.ts';

const flushMs = 5000;

export function runBrokerPublish(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const subject = String(parsed.arguments['subject']);
  return withBroker(context, parsed, {
    run: async ({connection}) => {
      const body = await bodyOf(context, parsed);
      const reply = textFlag(parsed, 'reply');
      const options = {...headersOf(parsed), ...(reply === undefined ? {} : {replyTo: reply})};
      const count = Math.max(1, numberFlag(parsed, 'count') ?? 1);
      for (let index = 0; index < count; index += 1) {
        connection.publish(subject, body, options);
        // The queue of what is not sent yet is bounded; a pause for each thousand keeps well below.
        if (index % 1000 === 999) await connection.flush({timeoutMs: flushMs});
        if (!isGiven(parsed, 'quiet')) info(context, `Published ${body.length} bytes to ${JSON.stringify(subject)}\n`);
      }
      await connection.flush({timeoutMs: flushMs});
      return 0;
    },
  });
}

export function runBrokerSubscribe(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const subjects = parsed.arguments['subjects'] as readonly string[];
  const queue = textFlag(parsed, 'queue');
  return withBroker(context, parsed, {
    run: ({connection}) => {
      if (!isGiven(parsed, 'raw')) info(context, `Subscribing on ${subjects.join(', ')} \n`);
      let number = 0;
      return receive(context, connection, {
        subjects,
        queue,
        count: numberFlag(parsed, 'count'),
        idleMs: numberFlag(parsed, 'wait'),
        handle: (message) => {
          number += 1;
          showMessage(context, message, {number, parsed});
        },
      });
    },
  });
}

export function runBrokerReply(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const subject = String(parsed.arguments['subject']);
  const queue = textFlag(parsed, 'queue') ?? '';
  const isEcho = isGiven(parsed, 'echo');
  const given = parsed.arguments['body'];
  if (!isEcho && typeof given !== 'string') {
    throw new CliError('ERR_CLI_USAGE', 'a reply needs a body: expected an argument, or --echo');
  }
  return withBroker(context, parsed, {
    run: ({connection}) => {
      info(context, `Listening on ${JSON.stringify(subject)} in group ${JSON.stringify(queue)}\n`);
      let number = 0;
      return receive(context, connection, {
        subjects: [subject],
        queue: queue === '' ? undefined : queue,
        count: numberFlag(parsed, 'count'),
        idleMs: undefined,
        handle: (message) => {
          info(context, `[#${number}] Received on subject ${JSON.stringify(message.subject)}\n`);
          number += 1;
          if (message.replyTo === undefined) return;
          const body = isEcho ? message.payload : Buffer.from(String(given), 'utf8');
          connection.publish(message.replyTo, body, headersOf(parsed));
        },
      });
    },
  });
}

export function runBrokerRequest(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const subject = String(parsed.arguments['subject']);
  const wanted = numberFlag(parsed, 'replies') ?? 1;
  const isRaw = isGiven(parsed, 'raw');
  return withBroker(context, parsed, {
    run: async ({connection, newInbox}) => {
      const {clock} = context.platform;
      const body = await bodyOf(context, parsed);
      const inbox = newInbox();
      if (!isRaw) info(context, `Sending request on ${JSON.stringify(subject)}\n`);
      const sentMs = clock.monotonicMs();
      let isAnswered = false;
      let isRefused = false;
      const done = receive(context, connection, {
        subjects: [inbox],
        queue: undefined,
        count: wanted === 0 ? undefined : wanted,
        idleMs: numberFlag(parsed, 'timeout'),
        laterIdleMs: numberFlag(parsed, 'reply-timeout'),
        handle: (message) => {
          if (isNoResponders(message.headers, message.payload)) {
            isRefused = true;
            return 'stop';
          }
          isAnswered = true;
          if (!isRaw) info(context, `Received with rtt ${goDuration((clock.monotonicMs() - sentMs) * 1e6)}`);
          showHeaders(context, message);
          context.stdout.write(`${shown(context, message.payload)}\n${isRaw ? '' : '\n'}`);
          return undefined;
        },
      });
      connection.publish(subject, body, {...headersOf(parsed), replyTo: inbox});
      await done;
      if (isRefused) info(context, 'No responders are available');
      else if (!isAnswered)
        throw new CliError('ERR_CLI_FAILED', `nobody answered on ${JSON.stringify(subject)} in time`);
      return 0;
    },
  });
}

export function runBrokerEvents(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const given = parsed.flags['subjects'] as readonly string[] | undefined;
  const subjects =
    given === undefined || given.length === 0
      ? [
          '$SYS.ACCOUNT.*.CONNECT',
          '$SYS.ACCOUNT.*.DISCONNECT',
          '$SYS.SERVER.*.CLIENT.AUTH.ERR',
          '$SYS.SERVER.*.SHUTDOWN',
        ]
      : given;
  const isJson = isGiven(parsed, 'json');
  return withBroker(context, parsed, {
    systemCommand: 'events',
    run: ({connection}) => {
      if (!isJson) info(context, `Listening for events on ${subjects.join(', ')}\n`);
      return receive(context, connection, {
        subjects,
        queue: undefined,
        count: numberFlag(parsed, 'count'),
        idleMs: undefined,
        handle: (message) => {
          const text = message.payload.toString('utf8');
          context.stdout.write(isJson ? `${inertLine(text)}\n` : `${eventLine(message.subject, text)}\n`);
        },
      });
    },
  });
}

function eventLine(subject: string, text: string): string {
  const event = fieldsOf(parseJson(text));
  const client = fieldsOf(event['client']);
  const server = fieldsOf(event['server']);
  const kind = subject
    .split('.')
    .slice(subject.endsWith('AUTH.ERR') ? -2 : -1)
    .join(' ');
  const parts = [
    word(event['timestamp']) || word(server['time']),
    kind.toLowerCase(),
    client['id'] === undefined ? '' : `cid ${word(client['id'])}`,
    word(client['user']) || word(client['name']),
    client['host'] === undefined ? '' : `from ${word(client['host'])}`,
    event['reason'] === undefined ? '' : `because of ${word(event['reason'])}`,
    `on ${word(server['name'])}`,
  ];
  return inertLine(parts.filter((part) => part !== '').join(' '));
}

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** Until enough came, nothing came for too long, or the user interrupts. */
function receive(
  context: CliContext,
  connection: Connection,
  options: {
    readonly subjects: readonly string[];
    readonly queue: string | undefined;
    readonly count: number | undefined;
    readonly idleMs: number | undefined;
    /** After the first message. */
    readonly laterIdleMs?: number | undefined;
    readonly handle: (message: MiddlewareMessage) => 'stop' | undefined | void;
  },
): Promise<number> {
  const {signal, platform} = context;
  return new Promise((resolve) => {
    let left = options.count ?? Infinity;
    let idleMs = options.idleMs;
    const wait = () => (idleMs === undefined ? undefined : platform.clock.setTimer(finish, idleMs));
    const finish = (): void => {
      timer?.cancel();
      signal.removeEventListener('abort', finish);
      for (const subscription of subscriptions) subscription.unsubscribe();
      connection.flush({timeoutMs: flushMs}).then(
        () => resolve(0),
        () => resolve(0),
      );
    };
    const onMessage = (message: MiddlewareMessage): void => {
      if (left <= 0) return;
      left -= 1;
      timer?.cancel();
      idleMs = options.laterIdleMs ?? idleMs;
      const word = options.handle(message);
      if (word === 'stop') left = 0;
      if (left <= 0) finish();
      else timer = wait();
    };
    const queue = options.queue === undefined ? {} : {queue: options.queue};
    const subscriptions = options.subjects.map((subject) => connection.subscribe(subject, onMessage, queue));
    let timer = wait();
    signal.addEventListener('abort', finish, {once: true});
    if (signal.aborted) finish();
  });
}

function showMessage(
  context: CliContext,
  message: MiddlewareMessage,
  how: {readonly number: number; readonly parsed: ParsedArguments},
): void {
  const {parsed} = how;
  const {stdout} = context;
  if (isGiven(parsed, 'subjects-only')) {
    stdout.write(`${inertLine(message.subject)}\n`);
    return;
  }
  if (isGiven(parsed, 'raw')) {
    stdout.write(`${shown(context, message.payload)}\n`);
    return;
  }
  const reply = message.replyTo === undefined ? '' : ` with reply ${JSON.stringify(inertLine(message.replyTo))}`;
  stdout.write(`[#${how.number}] Received on ${JSON.stringify(inertLine(message.subject))}${reply}\n`);
  showHeaders(context, message);
  if (!isGiven(parsed, 'headers-only')) stdout.write(`${shown(context, message.payload)}\n\n`);
}

/** Bytes as they are for a file or a pipe, made harmless for a terminal. */
function shown(context: CliContext, payload: Buffer): string {
  const text = payload.toString('utf8');
  return context.stdout.isTerminal ? inert(text) : text;
}

function showHeaders(context: CliContext, message: MiddlewareMessage): void {
  if (message.headers === undefined) return;
  for (const line of headerLines(message.headers)) context.stdout.write(`${inertLine(line)}\n`);
  context.stdout.write('\n');
}

/** What cannot be read is shown as such: the sender's mistake must not end the receiver. */
function headerLines(block: Buffer): readonly string[] {
  try {
    return [...decodeHeaders(block).values].flatMap(([name, values]) => values.map((value) => `${name}: ${value}`));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return [`(${block.length} bytes of headers that cannot be read)`];
  }
}

async function bodyOf(context: CliContext, parsed: ParsedArguments): Promise<Buffer> {
  const given = parsed.arguments['body'];
  if (typeof given === 'string') return Buffer.from(given, 'utf8');
  return context.stdin.isPiped ? context.stdin.readAll(messageBytesMax) : Buffer.alloc(0);
}

export function headersOf(parsed: ParsedArguments): PublishOptions {
  const given = parsed.flags['header'] as readonly string[] | undefined;
  if (given === undefined || given.length === 0) return {};
  const headers: Record<string, string[]> = {};
  for (const text of given) {
    const colon = text.indexOf(':');
    if (colon <= 0) {
      throw new CliError('ERR_CLI_VALUE', `cannot use ${JSON.stringify(text)} as a header: expected KEY:VALUE`);
    }
    const name = text.slice(0, colon).trim();
    (Object.hasOwn(headers, name) ? headers[name] : (headers[name] = []))?.push(text.slice(colon + 1).trim());
  }
  return {headers};
}

function info(context: CliContext, message: string): void {
  writeLogLine(context, context.stderr, {level: 'info', message});
}
