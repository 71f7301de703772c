import {describe, expect, test} from 'vitest';
import {startTestBroker, type TestBroker} from '../../test/support/broker.ts';
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

function start(): Promise<TestBroker> {
  return startTestBroker({authenticator, accounts: ['system', 'one', 'two'], systemAccount: 'system'});
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
  readonly error?: {readonly code: number};
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
    expect(closed?.data?.connections?.[0]).toMatchObject({cid, reason: 'Kicked', subscriptions: 0, account: 'two'});
    const again = await ask(root, `$SYS.REQ.SERVER.${broker.engine.serverId}.KICK`, JSON.stringify({cid}));
    expect(again?.error?.code).toBe(400);
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
      expect((await ask(root, subject, JSON.stringify(body)))?.error?.code).toBe(400);
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
