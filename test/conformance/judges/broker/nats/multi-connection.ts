/** Several raw clients at once: scripts of each, and what must hold of queue groups, limits, keep-alive and a graceful stop. */
import type {CaseResult, JudgeInput} from '../../../judge.ts';
import {RawClient, type ServerSettings, splitOperations, startBroker, type WireStep} from './_raw.ts';

interface MultiCase {
  readonly name: string;
  readonly note: string;
  readonly connections?: Readonly<Record<string, readonly WireStep[]>>;
  readonly result: '' | Readonly<Record<string, unknown>>;
}

/** The settings of the reference's server for the cases about time and limits, as its transcripts name them. */
const pingSettings: ServerSettings = {
  ping_interval: '1s',
  ping_max: 1,
  max_pending: 65_536,
  max_payload: 32_768,
  write_deadline: '1s',
};

export default async function* judge(input: JudgeInput): AsyncIterable<CaseResult> {
  const {cases} = input.data as {readonly cases: readonly MultiCase[]};
  const subscribed = new Map<string, string[]>();
  for (const item of cases) {
    const problem =
      item.connections === undefined ? await judgeResult(item) : await judgeScripts(item.connections, subscribed);
    yield problem === undefined
      ? {name: item.name, passed: true}
      : {name: item.name, passed: false, expected: problem.expected, got: problem.got};
  }
}

type Problem = {readonly expected: string; readonly got: string} | undefined;

function hello(name: string): string {
  const hasHeaders = !name.includes('no headers');
  return `CONNECT {"verbose":false,"pedantic":false,"protocol":0,"headers":${hasHeaders},"no_responders":${hasHeaders}}\r\nPING\r\n`;
}

async function open(broker: {readonly host: string; readonly port: number}, name = ''): Promise<RawClient> {
  const client = await RawClient.connect(broker);
  client.send(hello(name));
  await client.until((entry) => entry.received.includes('PONG\r\n'));
  client.take();
  return client;
}

/** A connection keeps the subscriptions of earlier cases, as the captured session did; who only listens begins. */
async function judgeScripts(
  connections: Readonly<Record<string, readonly WireStep[]>>,
  subscribed: Map<string, string[]>,
): Promise<Problem> {
  await using broker = await startBroker({});
  const clients = new Map<string, RawClient>();
  for (const name of Object.keys(connections)) {
    const client = await open(broker, name);
    const earlier = subscribed.get(name) ?? [];
    if (earlier.length > 0) {
      client.send(`${earlier.join('')}PING\r\n`);
      await client.until((entry) => entry.received.includes('PONG\r\n'));
      client.take();
    }
    clients.set(name, client);
  }
  const publishes = (steps: readonly WireStep[]): number => (steps[0]?.data.includes('PUB ') === true ? 1 : 0);
  const order = Object.entries(connections).sort(([, left], [, right]) => publishes(left) - publishes(right));
  const runs: Promise<Problem>[] = [];
  for (const [name, steps] of order) {
    const client = clients.get(name);
    if (client === undefined) continue;
    runs.push(runScript(client, steps));
    const lines = steps
      .filter((step) => step.dir === 'client')
      .flatMap((step) => step.data.match(/^SUB .*\r\n/gm) ?? []);
    subscribed.set(name, [...(subscribed.get(name) ?? []), ...lines]);
    // Its subscriptions are there when its own PING is answered.
    if (publishes(steps) === 0) await client.until((entry) => entry.hasReceivedAny);
  }
  const problems = await Promise.all(runs);
  for (const client of clients.values()) client.close();
  return problems.find((problem) => problem !== undefined);
}

async function runScript(client: RawClient, steps: readonly WireStep[]): Promise<Problem> {
  for (const step of steps) {
    if (step.dir === 'client') {
      client.send(step.data);
      continue;
    }
    const got = await client.read({length: step.data.length, closed: step.closed_after === true});
    const sorted = (text: string): string => splitOperations(text).toSorted().join('');
    if (sorted(got) !== sorted(step.data)) return {expected: JSON.stringify(step.data), got: JSON.stringify(got)};
  }
  return undefined;
}

function judgeResult(item: MultiCase): Promise<Problem> {
  const result = item.result === '' ? {} : item.result;
  if ('counts' in result) return judgeShares(result as {counts: readonly number[]; total: number});
  if ('connection_closed_by_server' in result) return judgeSlowConsumer(result);
  if ('pings' in result) return judgeKeepAlive(result as {closed: boolean});
  if ('events' in result) return judgeLameDuck(result as {new_connection: string});
  if ('seconds' in result) return judgeStale(result as {bytes: string; seconds: number});
  if ('bytes' in result) return judgeTooMany(item.note, result as {bytes: string; closed: boolean});
  return Promise.resolve({expected: 'a known kind of result', got: Object.keys(result).join(', ')});
}

async function judgeShares(result: {readonly counts: readonly number[]; readonly total: number}): Promise<Problem> {
  await using broker = await startBroker({});
  const members = await Promise.all(result.counts.map(() => open(broker)));
  for (const member of members) {
    member.send('SUB work workers 1\r\nPING\r\n');
    await member.until((entry) => entry.received.includes('PONG'));
  }
  const publisher = await open(broker);
  publisher.send(`${'PUB work 1\r\nx\r\n'.repeat(result.total)}PING\r\n`);
  await publisher.until((entry) => entry.received.includes('PONG'));
  const counts = await Promise.all(
    members.map(async (member) => {
      member.send('PING\r\n');
      await member.until((entry) => entry.received.split('PONG').length > 2);
      return member.take().split('MSG work').length - 1;
    }),
  );
  for (const client of [...members, publisher]) client.close();
  const total = counts.reduce((sum, count) => sum + count, 0);
  const fair = result.total / counts.length;
  const isFair = total === result.total && counts.every((count) => count > fair * 0.7 && count < fair * 1.3);
  return isFair ? undefined : {expected: JSON.stringify(result), got: JSON.stringify(counts)};
}

async function judgeTooMany(
  note: string,
  result: {readonly bytes: string; readonly closed: boolean},
): Promise<Problem> {
  const limit = Number(/max_connections (\d+)/.exec(note)?.[1]);
  await using broker = await startBroker({max_connections: limit});
  const clients = await Promise.all(Array.from({length: limit}, () => open(broker)));
  const last = await RawClient.connect(broker);
  const got = await last.read({length: result.bytes.length, closed: result.closed});
  for (const client of clients) client.close();
  return got === result.bytes && last.isClosed === result.closed
    ? undefined
    : {expected: JSON.stringify(result), got: JSON.stringify(got)};
}

async function judgeStale(result: {readonly bytes: string; readonly seconds: number}): Promise<Problem> {
  await using broker = await startBroker(pingSettings);
  const client = await RawClient.connect(broker);
  client.send('CONNECT {"verbose":false}\r\n');
  await client.until((entry) => entry.received.endsWith('\r\n'));
  client.take();
  const startedAt = performance.now();
  await client.until((entry) => entry.isClosed);
  const seconds = (performance.now() - startedAt) / 1000;
  const got = `${client.take()}EOF`;
  return got === result.bytes && Math.abs(seconds - result.seconds) < 1
    ? undefined
    : {expected: JSON.stringify(result), got: JSON.stringify({bytes: got, seconds})};
}

async function judgeKeepAlive(result: {readonly closed: boolean}): Promise<Problem> {
  await using broker = await startBroker(pingSettings);
  const client = await open(broker);
  for (let answered = 0; answered < 2; answered += 1) {
    await client.until((entry) => entry.received.includes('PING\r\n') || entry.isClosed);
    client.take();
    client.send('PONG\r\n');
  }
  client.send('PING\r\n');
  await client.until((entry) => entry.received.includes('PONG\r\n') || entry.isClosed);
  const {isClosed} = client;
  client.close();
  return isClosed === result.closed ? undefined : {expected: JSON.stringify(result), got: `closed=${isClosed}`};
}

async function judgeSlowConsumer(result: Readonly<Record<string, unknown>>): Promise<Problem> {
  await using broker = await startBroker(pingSettings);
  const slow = await open(broker);
  slow.send('SUB flood 1\r\nPING\r\n');
  await slow.until((entry) => entry.received.includes('PONG'));
  slow.stream.pause();
  const publisher = await open(broker);
  for (let sent = 0; sent < 1000; sent += 50) {
    publisher.send(`${`PUB flood 32000\r\n${'x'.repeat(32_000)}\r\n`.repeat(50)}PING\r\n`);
    await publisher.until((entry) => entry.received.includes('PONG') || entry.isClosed);
    publisher.take();
  }
  const publisherClosed = publisher.isClosed;
  slow.stream.resume();
  await slow.until((entry) => entry.isClosed);
  publisher.close();
  const got = {
    connection_closed_by_server: slow.isClosed,
    error_line_received: slow.take().includes('-ERR'),
    publisher_closed: publisherClosed,
  };
  const isSame = Object.entries(got).every(([key, value]) => result[key] === value);
  return isSame ? undefined : {expected: JSON.stringify(result), got: JSON.stringify(got)};
}

async function judgeLameDuck(result: {readonly new_connection: string}): Promise<Problem> {
  await using broker = await startBroker({});
  const client = await RawClient.connect(broker);
  client.send('CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n');
  await client.until((entry) => entry.received.split('INFO ').length > 2);
  client.take();
  const stopped = broker.engine.stop({graceMs: 300});
  await client.until((entry) => entry.received.includes('"ldm":true'));
  const next = await RawClient.connect(broker).then(
    () => 'connected',
    (error: {readonly details?: {readonly code?: string}}) => error.details?.code ?? 'failed',
  );
  await client.until((entry) => entry.isClosed);
  await stopped;
  const refused = next === 'ECONNREFUSED' ? 'ConnectionRefusedError' : next;
  return refused === result.new_connection ? undefined : {expected: result.new_connection, got: refused};
}
