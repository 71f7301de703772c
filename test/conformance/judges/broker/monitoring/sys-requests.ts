/** Requests of the system account and the events of a connection that comes and goes: same subjects, same shapes. */
import type {TestBroker} from '../../../../support/broker.ts';
import type {RawClient} from '../../../../support/raw-client.ts';
import type {CaseResult, JudgeInput} from '../../../judge.ts';
import {difference, joinFleet, startFleetBroker, systemPassword} from './_shape.ts';

interface SysRequests {
  readonly requests: readonly {
    readonly request: string;
    readonly body: string;
    readonly replies: readonly Readonly<Record<string, unknown>>[];
  }[];
  readonly events: readonly {readonly subject: string; readonly data: unknown}[];
}

interface Message {
  readonly subject: string;
  readonly data: unknown;
}

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {requests, events} = input.data as SysRequests;
  const results: CaseResult[] = [];
  await using broker = await startFleetBroker({hasWebSocket: JSON.stringify(requests).includes('"handshake_timeout"')});
  const client = await joinFleet(broker, `"user":"system","pass":"${systemPassword}",`);
  try {
    for (const [index, item] of requests.entries()) results.push(await judgeRequest(item, {client, broker, index}));
    results.push(...(await judgeEvents(events, {client, broker})));
    return results;
  } finally {
    client.close();
  }
}

async function judgeRequest(
  item: SysRequests['requests'][number],
  at: {readonly client: RawClient; readonly broker: TestBroker; readonly index: number},
): Promise<CaseResult> {
  const {client, broker, index} = at;
  const name = item.request;
  // The vector's server is ours when the vector's own answer says that it was asked.
  const known = idOf(item.replies[0]) ?? '';
  const subject = known === '' ? item.request : item.request.replace(known, broker.engine.serverId);
  client.send(`PUB ${subject} _INBOX.s.${index} ${item.body.length}\r\n${item.body}\r\nPING\r\n`);
  await client.until(({received}) => received.includes('PONG\r\n'));
  // An answer is made after everything of the same write, so a second round shows that there is none.
  client.send('PING\r\n');
  await client.until(({received}) => received.split('PONG\r\n').length === 3);
  const wanted = item.replies.length;
  if (wanted > 0) await client.until(({received}) => messages(received).length >= wanted);
  const got = messages(client.take());
  if (got.length !== wanted) {
    return {name, passed: false, expected: `${wanted} replies`, got: `${got.length} replies`};
  }
  for (const [place, reply] of item.replies.entries()) {
    const found = difference(reply, got[place]?.data);
    if (found !== undefined) return {name, passed: false, expected: 'the same shape', got: found};
  }
  return {name, passed: true};
}

function idOf(reply: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const server = (reply?.['server'] ?? reply) as Readonly<Record<string, unknown>> | undefined;
  const id = server?.['id'];
  return typeof id === 'string' ? id : undefined;
}

async function judgeEvents(
  events: SysRequests['events'],
  at: {readonly client: RawClient; readonly broker: TestBroker},
): Promise<readonly CaseResult[]> {
  const {client, broker} = at;
  client.send('SUB $SYS.> 2\r\nPING\r\n');
  await client.until(({received}) => received.includes('PONG\r\n'));
  client.take();
  const other = await joinFleet(broker, '');
  other.close();
  await client.until(({received}) => received.includes('.DISCONNECT ') && received.endsWith('\r\n'));
  const left = [...messages(client.take())];
  return events.map((event, index) => {
    const name = `event ${index} ${event.subject}`;
    const place = left.findIndex((message) => message.subject === event.subject);
    const [message] = place < 0 ? [] : left.splice(place, 1);
    const found = message === undefined ? 'no such event' : difference(event.data, message.data);
    return found === undefined
      ? {name, passed: true}
      : {name, passed: false, expected: 'an event of the same shape', got: found};
  });
}

/** The whole messages in a text of bytes. */
function messages(text: string): readonly Message[] {
  const found: Message[] = [];
  for (const match of text.matchAll(/MSG (\S+) \S+(?: \S+)? (\d+)\r\n/g)) {
    const start = match.index + match[0].length;
    const payload = text.slice(start, start + Number(match[2]));
    if (payload.length < Number(match[2])) break;
    if (payload === '') continue;
    found.push({subject: match[1] ?? '', data: JSON.parse(Buffer.from(payload, 'latin1').toString('utf8'))});
  }
  return found;
}
