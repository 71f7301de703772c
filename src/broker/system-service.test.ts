import {describe, expect, test} from 'vitest';
import {startTestBroker, type TestBroker, type TestBrokerOptions} from '../../test/support/broker.ts';
import {RawClient} from '../../test/support/raw-client.ts';
import {createStaticAuthenticator} from './index.ts';

const authenticator = createStaticAuthenticator({
  users: [
    {user: 'root', password: 'x', account: 'system'},
    {user: 'a', password: 'x', account: 'one', permissions: {publish: {allow: ['$SYS.REQ.USER.INFO'], deny: ['b']}}},
    {user: 'b', password: 'x', account: 'one'},
    {user: 'c', password: 'x', account: 'two'},
  ],
});

function start(more: TestBrokerOptions = {}): Promise<TestBroker> {
  return startTestBroker({authenticator, accounts: ['system', 'one', 'two'], systemAccount: 'system', ...more});
}

async function join(broker: TestBroker, user: string): Promise<RawClient> {
  const client = await RawClient.connect(broker);
  client.send(
    `CONNECT {"verbose":false,"pedantic":false,"user":"${user}","pass":"x","name":"${user}"}\r\nSUB _INBOX.* 1\r\nPING\r\n`,
  );
  await client.until(({received}) => received.includes('PONG\r\n'));
  client.take();
  return client;
}

interface Answer {
  readonly server: unknown;
  readonly data?: {readonly connections?: readonly {readonly name: string; readonly cid: number}[]};
  readonly error?: {readonly code: number; readonly description: string};
}

/** The JSON of the answer; undefined when there is none. */
async function ask(client: RawClient, subject: string, body = ''): Promise<Answer | undefined> {
  client.send(`PUB ${subject} _INBOX.x ${body.length}\r\n${body}\r\nPING\r\n`);
  await client.until(({received}) => received.includes('PONG\r\n'));
  client.send('PING\r\n');
  await client.until(({received}) => received.split('PONG\r\n').length === 3);
  const text = /MSG _INBOX\.x 1 \d+\r\n(.*)\r\n/.exec(client.take())?.[1];
  return text === undefined ? undefined : (JSON.parse(text) as Answer);
}

describe('requests about the server', () => {
  test('a connection learns who it is and what it may do', async () => {
    await using broker = await start();
    const client = await join(broker, 'a');
    const info = await ask(client, '$SYS.REQ.USER.INFO');
    expect(info?.data).toEqual({
      user: 'a',
      account: 'one',
      account_name: 'one',
      permissions: {publish: {allow: ['$SYS.REQ.USER.INFO'], deny: ['b']}, subscribe: {}},
    });
  });

  test('an account sees its own connections and no others', async () => {
    await using broker = await start();
    const [client] = await Promise.all([join(broker, 'b'), join(broker, 'c'), join(broker, 'root')]);
    const seen = await ask(client, '$SYS.REQ.SERVER.PING.CONNZ', '{"acc":"two","auth":true}');
    expect(seen?.data?.connections?.map((item) => item.name)).toEqual(['b']);
    expect(await ask(client, '$SYS.REQ.SERVER.PING.VARZ')).toBeUndefined();
    expect(await ask(client, '$SYS.REQ.ACCOUNT.two.CONNZ')).toBeUndefined();
    expect(await ask(client, `$SYS.REQ.SERVER.${broker.engine.serverId}.KICK`, '{"cid":1}')).toBeUndefined();
  });

  test('the system account kicks a connection, and hears of it', async () => {
    await using broker = await start();
    const root = await join(broker, 'root');
    const victim = await join(broker, 'c');
    root.send('SUB $SYS.ACCOUNT.two.* 2\r\n');
    const connz = await ask(root, '$SYS.REQ.ACCOUNT.two.CONNZ');
    const cid = connz?.data?.connections?.[0]?.cid;
    const answer = await ask(root, `$SYS.REQ.SERVER.${broker.engine.serverId}.KICK`, JSON.stringify({cid}));
    expect(answer?.error).toBeUndefined();
    await victim.until(({isClosed}) => isClosed);
    await root.until(({received}) => received.includes('"reason":"Kicked"'));
    const closed = await ask(root, '$SYS.REQ.SERVER.PING.CONNZ', '{"state":1,"auth":true}');
    expect(closed?.data?.connections?.[0]).toMatchObject({cid, reason: 'Kicked', subscriptions: 1, account: 'two'});
    const again = await ask(root, `$SYS.REQ.SERVER.${broker.engine.serverId}.KICK`, JSON.stringify({cid}));
    expect(again?.error).toEqual({code: 500, description: 'no such client or leafnode id'});
  });

  test('the system account sends a connection away, and asks for pages without content', async () => {
    await using broker = await start();
    const root = await join(broker, 'root');
    const [old, modern] = [await join(broker, 'c'), await RawClient.connect(broker)];
    modern.send('CONNECT {"verbose":false,"protocol":1,"user":"b","pass":"x"}\r\nPING\r\n');
    await modern.until(({received}) => received.includes('connect_info'));
    const subject = `$SYS.REQ.SERVER.${broker.engine.serverId}.LDM`;
    const connz = await ask(root, '$SYS.REQ.ACCOUNT.one.CONNZ');
    const cid = connz?.data?.connections?.[0]?.cid;
    expect((await ask(root, subject, JSON.stringify({cid})))?.error).toBeUndefined();
    await modern.until(({received}) => received.includes('"ldm":true'));
    const oldCid = (await ask(root, '$SYS.REQ.ACCOUNT.two.CONNZ'))?.data?.connections?.[0]?.cid;
    for (const body of [{cid: oldCid}, {cid: 99}, {}]) {
      expect((await ask(root, subject, JSON.stringify(body)))?.error?.code).toBe(500);
    }
    expect((await ask(root, '$SYS.REQ.SERVER.PING.IPQUEUESZ'))?.data).toEqual({});
    old.close();
    modern.close();
  });

  test('a refused connection and the end of the server are told', async () => {
    const broker = await start();
    const root = await join(broker, 'root');
    root.send('SUB $SYS.SERVER.> 2\r\nPING\r\n');
    await root.until(({received}) => received.includes('PONG'));
    const stranger = await RawClient.connect(broker);
    stranger.send('CONNECT {"user":"nobody"}\r\n');
    await root.until(({received}) => received.includes('.CLIENT.AUTH.ERR '));
    await broker[Symbol.asyncDispose]();
    expect(root.received).toContain('.SHUTDOWN ');
  });

  test('an answer of the server is a delivery: it is counted, and ends a subscription that waits for one', async () => {
    await using broker = await start();
    const client = await join(broker, 'b');
    client.send('SUB once 7\r\nUNSUB 7 1\r\nPUB $SYS.REQ.USER.INFO once 0\r\n\r\n');
    await client.until(({received}) => received.includes('MSG once 7 '));
    expect(await ask(client, '$SYS.REQ.ACCOUNT.PING.CONNZ', '{"subscriptions":true}')).toMatchObject({
      data: {connections: [{out_msgs: 1, subscriptions_list: ['_INBOX.*']}]},
    });
  });

  test('what nobody answers has no responders', async () => {
    await using broker = await start();
    const root = await RawClient.connect(broker);
    root.send('CONNECT {"verbose":false,"headers":true,"no_responders":true,"user":"root","pass":"x"}\r\nSUB in 1\r\n');
    for (const subject of ['SERVER.PING.OTHER', 'SERVER.PING.KICK', 'SERVER.X.VARZ', 'ACCOUNT.one.OTHER', 'OTHER']) {
      root.send(`PUB $SYS.REQ.${subject} in 0\r\n\r\n`);
      await root.until(({received}) => received.includes(`503\r\nNats-Subject: $SYS.REQ.${subject}\r\n`));
    }
  });

  test.each([
    ['CONNZ', 'x', 400, "invalid character 'x' looking for beginning of value"],
    ['STATSZ', '[]', 400, 'json: cannot unmarshal array into Go value of type server.StatszEventOptions'],
    [
      'CONNZ',
      '{"cid":"x"}',
      400,
      'json: cannot unmarshal string into Go struct field ConnzEventOptions.ConnzOptions.cid of type uint64',
    ],
    [
      'VARZ',
      '{"tags":[1]}',
      400,
      'json: cannot unmarshal number into Go struct field VarzEventOptions.EventFilterOptions.tags of type string',
    ],
    ['CONNZ', '{"sort":"stop"}', 500, 'sort by stop only valid on closed connections'],
    ['CONNZ', '{"filter_subject":"a"}', 500, 'filter by subject only valid with account filtering'],
    ['SUBSZ', '{"test":"a.*"}', 500, 'invalid test subject, must be valid publish subject: a.*'],
    ['ACCOUNTZ', '{"account":"none"}', 500, 'Account none does not exist'],
  ])('%s refuses the body %s', async (page, body, code, description) => {
    await using broker = await start();
    const root = await join(broker, 'root');
    expect((await ask(root, `$SYS.REQ.SERVER.PING.${page}`, body))?.error).toEqual({code, description});
  });

  test.each([
    ['{"server_name":"other"}', false],
    ['{"SERVER_NAME":"broker"}', true],
    ['{"server_name":"broker","exact_match":true}', false],
    ['{"tags":["a"]}', false],
    ['{"domain":"a"}', false],
    ['{"host":"127.0.0.1","cluster":""}', true],
    ['null', true],
  ])('a question with the filter %s is for this server: %s', async (body, isMeant) => {
    await using broker = await start();
    const root = await join(broker, 'root');
    for (const place of ['PING', broker.engine.serverId]) {
      expect((await ask(root, `$SYS.REQ.SERVER.${place}.HEALTHZ`, body)) !== undefined).toBe(isMeant);
    }
  });

  test('the system account asks how many listen to a subject', async () => {
    await using broker = await start();
    const root = await join(broker, 'root');
    root.send('SUB a.b 2\r\nSUB a.* 3\r\nSUB a.b q 4\r\n');
    const count = async (question: string): Promise<unknown> => ask(root, '$SYS.DEBUG.SUBSCRIBERS', question);
    expect([await count('a.b'), await count('a.b q'), await count('a.b other'), await count('a.*')]).toEqual([
      3, 1, 0, 3,
    ]);
    expect([await count(' a.c '), await count(''), await count('$SYS.REQ.>')]).toEqual([1, 0, 0]);
    const client = await join(broker, 'b');
    expect(await ask(client, '$SYS.DEBUG.SUBSCRIBERS', 'a.b')).toBeUndefined();
  });

  test('the system account counts the connections of an account that has some', async () => {
    await using broker = await start();
    const root = await join(broker, 'root');
    await join(broker, 'b');
    expect(await ask(root, '$SYS.REQ.ACCOUNT.one.CONNS')).toMatchObject({acc: 'one', conns: 1});
    expect(await ask(root, '$SYS.REQ.ACCOUNT.two.CONNS')).toBeUndefined();
    expect(await ask(root, '$SYS.REQ.ACCOUNT.two.STATZ')).toBeUndefined();
    expect(await ask(root, '$SYS.REQ.ACCOUNT.two.STATZ', '{"include_unused":true}')).toMatchObject({
      data: {account_statz: [{acc: 'two', conns: 0}]},
    });
    expect((await ask(root, '$SYS.REQ.ACCOUNT.one.JSZ'))?.error?.description).toBe('jetstream not enabled');
  });

  test('the system account makes the broker read its configuration again, and learns why that failed', async () => {
    let asked = 0;
    await using broker = await start({
      onReloadAsked: () => {
        asked += 1;
        return asked === 1 ? Promise.resolve() : Promise.reject(new Error('no such file'));
      },
    });
    const root = await join(broker, 'root');
    const subject = `$SYS.REQ.SERVER.${broker.engine.serverId}.RELOAD`;
    expect(Object.keys((await ask(root, subject)) ?? {})).toEqual(['server']);
    expect((await ask(root, subject))?.error).toEqual({code: 500, description: 'no such file'});
    const client = await join(broker, 'b');
    expect(await ask(client, subject)).toBeUndefined();
    expect(asked).toBe(2);
    await using fixed = await start();
    const other = await join(fixed, 'root');
    expect((await ask(other, `$SYS.REQ.SERVER.${fixed.engine.serverId}.RELOAD`))?.error?.code).toBe(500);
  });

  test.each(['{', '[]', '{"sort":"bogus"}', '{"limit":"many"}', '{"__proto__":1}'])(
    'the body %s gets an answer, an error or not',
    async (body) => {
      await using broker = await start();
      const root = await join(broker, 'root');
      const answer = await ask(root, '$SYS.REQ.SERVER.PING.CONNZ', body);
      expect(answer === undefined ? [] : Object.keys(answer)).toContain('server');
    },
  );
});
