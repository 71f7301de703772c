import {describe, expect, test} from 'vitest';
import {startTestBroker, type TestBroker} from '../../../test/support/broker.ts';
import {RawClient} from '../../../test/support/raw-client.ts';
import {createStaticAuthenticator} from '../index.ts';

interface Traced {
  readonly request: object;
  readonly events: readonly object[];
}

function start(): Promise<TestBroker> {
  return startTestBroker({
    accounts: ['one', 'two'],
    authenticator: createStaticAuthenticator({
      users: [
        {user: 'a', password: 'x', account: 'one', permissions: {publish: {deny: ['secret', 'mapped.to.*']}}},
        {user: 'b', password: 'x', account: 'one', permissions: {subscribe: {deny: ['a.denied']}}},
        {user: 'two', password: 'x', account: 'two'},
      ],
    }),
    mappings: [{account: 'one', source: 'mapped.*', destination: 'a.$1'}],
    exports: [
      {kind: 'stream', from: 'one', to: 'two', subject: 'shared.>'},
      {kind: 'service', from: 'one', to: 'two', subject: 'ask', target: 'answer'},
    ],
  });
}

async function join(broker: TestBroker, words: string): Promise<RawClient> {
  const [user = '', ...rest] = words.split(' ');
  const client = await RawClient.connect(broker);
  const echo = rest.includes('no-echo') ? ',"echo":false' : '';
  client.send(
    `CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"user":"${user}","pass":"x","name":"${user}"${echo}}\r\nPING\r\n`,
  );
  await client.until(({received}) => received.includes('PONG\r\n'));
  return client;
}

/** What came for one message: its trace, and everything that was received beside it. */
async function trace(
  client: RawClient,
  subject: string,
  headers: readonly string[] = [],
): Promise<{readonly trace: Traced | undefined; readonly text: string}> {
  client.take();
  const block = `NATS/1.0\r\n${['Nats-Trace-Dest: own.trace', ...headers].map((line) => `${line}\r\n`).join('')}\r\n`;
  client.send(
    `SUB own.trace t\r\nHPUB ${subject} ${block.length} ${block.length + 2}\r\n${block}hi\r\nUNSUB t\r\nPING\r\n`,
  );
  await client.until(({received}) => received.endsWith('PONG\r\n'));
  const text = client.take();
  const found = /MSG own\.trace t \d+\r\n(.*)\r\n/.exec(text)?.[1];
  return {
    trace: found === undefined ? undefined : (JSON.parse(Buffer.from(found, 'latin1').toString('utf8')) as Traced),
    text,
  };
}

/** The raw client sends one byte for each character. */
function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/) as string;

describe('a traced message', () => {
  test('is told with its headers, where it came from and who got it', async () => {
    await using broker = await start();
    const [sender, other] = [await join(broker, 'a'), await join(broker, 'b')];
    other.send('SUB a.* 1\r\nSUB a.b group 2\r\nPING\r\n');
    await other.until(({received}) => received.split('PONG\r\n').length === 3);
    const seen = await trace(sender, 'a.b', [asBytes('X-Ünits: é'), 'X-Two: 1', 'X-Two: 2']);
    expect(seen.trace).toEqual({
      server: expect.objectContaining({name: 'broker.example.net', id: broker.engine.serverId}),
      request: {
        header: {'Nats-Trace-Dest': ['own.trace'], 'X-Ünits': ['é'], 'X-Two': ['1', '2']},
        msgsize: expect.any(Number),
      },
      events: [
        {type: 'in', ts: time, kind: 0, cid: expect.any(Number), name: 'a', acc: 'one', subj: 'a.b'},
        {type: 'eg', ts: time, kind: 0, cid: expect.any(Number), name: 'b', sub: 'a.*'},
        {type: 'eg', ts: time, kind: 0, cid: expect.any(Number), name: 'b', sub: 'a.b', queue: 'group'},
      ],
    });
    await other.until(({received}) => received.split('hi\r\n').length === 3);
  });

  test.each(['true', 'ON', '1'])('with Nats-Trace-Only %s reaches nobody and uses up no subscription', async (word) => {
    await using broker = await start();
    const [sender, other] = [await join(broker, 'a'), await join(broker, 'b')];
    other.send('SUB a.b 1\r\nUNSUB 1 1\r\nPING\r\n');
    await other.until(({received}) => received.split('PONG\r\n').length === 3);
    other.take();
    const seen = await trace(sender, 'a.b', [`Nats-Trace-Only: ${word}`]);
    expect(seen.trace?.events).toMatchObject([{type: 'in'}, {type: 'eg', name: 'b'}]);
    sender.send('PUB a.b 4\r\nreal\r\n');
    await other.until(({received}) => received.includes('real\r\n'));
    expect(other.take()).toBe('MSG a.b 1 4\r\nreal\r\n');
  });

  test('tells why it was not let in, not given, or given elsewhere', async () => {
    await using broker = await start();
    const [sender, other] = [await join(broker, 'a no-echo'), await join(broker, 'b')];
    other.send('SUB a.> 1\r\nPING\r\n');
    await other.until(({received}) => received.split('PONG\r\n').length === 3);
    sender.send('SUB a.own 1\r\n');
    expect((await trace(sender, 'secret')).trace?.events).toMatchObject([
      {type: 'in', subj: 'secret', error: 'Permissions Violation for Publish to "secret"'},
    ]);
    expect((await trace(sender, 'a.own')).trace?.events).toMatchObject([
      {type: 'in'},
      {sub: 'a.>'},
      {sub: 'a.own', error: 'Not delivered because of no echo'},
    ]);
    expect((await trace(sender, 'a.denied')).trace?.events).toMatchObject([
      {type: 'in'},
      {sub: 'a.>', error: 'Not delivered because subscription denies this subject'},
    ]);
    expect((await trace(sender, 'mapped.x')).trace?.events).toMatchObject([
      {type: 'in', subj: 'mapped.x'},
      {type: 'sm', to: 'a.x'},
      {type: 'eg', sub: 'a.>'},
    ]);
  });

  test('is followed to the border of another account, not behind it', async () => {
    await using broker = await start();
    const [sender, near, far] = [await join(broker, 'a'), await join(broker, 'b'), await join(broker, 'two')];
    far.send('SUB shared.* 1\r\nSUB answer 2\r\nPING\r\n');
    near.send('SUB ask 1\r\nPING\r\n');
    for (const client of [far, near]) await client.until(({received}) => received.split('PONG\r\n').length === 3);
    near.take();
    expect((await trace(sender, 'shared.x')).trace?.events).toMatchObject([
      {type: 'in', acc: 'one'},
      {type: 'se', acc: 'two', to: 'shared.x'},
    ]);
    expect((await trace(sender, 'ask my.reply')).trace?.events).toMatchObject([
      {type: 'in', acc: 'one'},
      {type: 'si', acc: 'two', from: 'ask', to: 'answer'},
      {type: 'eg', name: 'b'},
    ]);
    // Listeners beside the border get the message as it was sent, not as it crossed.
    await near.until(({received}) => received.endsWith('hi\r\n'));
    expect(near.take()).toMatch(/^HMSG ask 1 my\.reply /);
  });

  test.each([
    ['a destination that is no subject', 'a.b', ['Nats-Trace-Dest: a..b'], 0],
    ['a destination with a wildcard', 'a.b', ['Nats-Trace-Dest: a.*'], 0],
    ['a destination of the server itself', 'a.b', ['Nats-Trace-Dest: _GR_.x'], 1],
    ['a destination that the sender may not publish to', 'a.b', ['Nats-Trace-Dest: secret'], 1],
    ['a trace that is switched off', 'a.b', ['Nats-Trace-Dest: trace disabled'], 0],
    ['a trace of older servers', 'a.b', ['Nats-Trace-Dest: own.trace', 'Nats-Trace-Origin-Account: one'], 0],
  ])('%s: nothing is told', async (_what, subject, headers, refusals) => {
    await using broker = await start();
    const [sender, listener] = [await join(broker, 'a'), await join(broker, 'b')];
    listener.send('SUB > 1\r\nPING\r\n');
    await listener.until(({received}) => received.split('PONG\r\n').length === 3);
    listener.take();
    const block = `NATS/1.0\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;
    sender.send(`HPUB ${subject} ${block.length} ${block.length + 2}\r\n${block}hi\r\nPUB last 0\r\n\r\nPING\r\n`);
    await listener.until(({received}) => received.includes('MSG last'));
    const got = listener.take();
    // Without leave to have it told the message goes nowhere; otherwise it is a message like any other.
    expect(got.includes('HMSG a.b 1')).toBe(refusals === 0);
    expect(got).not.toContain('"events"');
    await sender.until(({received}) => received.endsWith('PONG\r\n'));
    expect(sender.take().split('Permissions Violation for Publish to').length - 1).toBe(refusals);
  });

  test('headers that cannot be read, or are no headers, are passed on as they are', async () => {
    await using broker = await start();
    const [sender, listener] = [await join(broker, 'a'), await join(broker, 'b')];
    listener.send('SUB a.b 1\r\nPING\r\n');
    await listener.until(({received}) => received.split('PONG\r\n').length === 3);
    listener.take();
    for (const block of [
      'Nats-Trace-Dest: a',
      'NATS/1.0\r\nNats-Trace-Dest',
      'NATS/1.0\r\nNats-Trace-Dest: \r\n\r\n',
    ]) {
      sender.send(`HPUB a.b ${block.length} ${block.length}\r\n${block}\r\n`);
      await listener.until(({received}) => received.includes('HMSG'));
      expect(listener.take()).toBe(`HMSG a.b 1 ${block.length} ${block.length}\r\n${block}\r\n`);
    }
  });
});
