import {describe, expect, test} from 'vitest';
import {createStaticAuthenticator} from '../../src/broker/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {startTestBroker, type TestBroker, testTlsMaterial} from '../support/broker.ts';
import {RawClient} from '../support/raw-client.ts';

const hello = 'CONNECT {"verbose":false,"pedantic":false,"protocol":1,"headers":true,"no_responders":true}\r\nPING\r\n';

const authenticator = createStaticAuthenticator({
  users: [
    {user: 'admin', password: 'x', account: 'fleet'},
    {
      user: 'narrow',
      password: 'x',
      account: 'fleet',
      permissions: {subscribe: {allow: ['data.>', 'q.* workers'], deny: ['data.secret.>']}},
    },
  ],
});

function hailing(user: string): string {
  return `CONNECT {"verbose":false,"pedantic":false,"user":"${user}","pass":"x"}\r\nPING\r\n`;
}

async function join(broker: TestBroker, connect = hello): Promise<RawClient> {
  const client = await RawClient.connect(broker);
  client.send(connect);
  await client.until((item) => item.received.includes('PONG\r\n'));
  await client.read({length: 1, closed: false});
  return client;
}

describe('before CONNECT', () => {
  const locked = {authenticator, accounts: ['fleet'], limits: {authTimeoutMs: 100}};

  test.each(['PING\r\n', 'SUB > 1\r\n', 'PUB a 1\r\na\r\n', 'HPUB a 1 1\r\na\r\n', 'x', 'UNSUB 1\r\n'])(
    'fault 5: %j is answered with a refusal and nothing else',
    async (text) => {
      await using broker = await startTestBroker(locked);
      const client = await RawClient.connect(broker);
      client.send(text);
      expect(await client.read({length: 1, closed: true})).toBe("<INFO>\r\n-ERR 'Authorization Violation'\r\n");
    },
  );

  test('fault 5: a second, wrong CONNECT ends the connection; one of a megabyte is cut at the line limit', async () => {
    await using broker = await startTestBroker(locked);
    const client = await join(broker, hailing('admin'));
    client.send('CONNECT {"user":"admin","pass":"wrong"}\r\n');
    expect(await client.read({length: 1, closed: true})).toBe("-ERR 'Authorization Violation'\r\n");
    const huge = await RawClient.connect(broker);
    huge.send(`CONNECT {"name":"${'a'.repeat(1_000_000)}"}\r\n`);
    expect(await huge.read({length: 1, closed: true})).toContain("-ERR 'maximum control line exceeded'");
  });

  test('fault 6: silent connections are cut in time and disturb nobody', async () => {
    await using broker = await startTestBroker(locked);
    const silent = await Promise.all(Array.from({length: 200}, () => RawClient.connect(broker)));
    const healthy = await join(broker, hailing('admin'));
    await Promise.all(silent.map((client) => client.until((item) => item.isClosed)));
    expect(silent.every((client) => client.received.includes("-ERR 'Authentication Timeout'"))).toBe(true);
    healthy.send('SUB a 1\r\nPUB a 1\r\nx\r\n');
    expect(await healthy.read({length: 1, closed: false})).toBe('MSG a 1 1\r\nx\r\n');
    healthy.close();
  });

  test('fault 79: a connection that never says CONNECT, or never shakes hands, is served nothing and cut', async () => {
    await using broker = await startTestBroker({...locked, tls: true, limits: {tlsTimeoutMs: 100, authTimeoutMs: 100}});
    const client = await RawClient.connect(broker);
    expect(await client.read({length: 1, closed: true})).toBe('<INFO>\r\n');
  });
});

describe('permissions', () => {
  test.each([
    ['SUB data.secret.x 1\r\n', 'Subscription to "data.secret.x"'],
    ['SUB data.secret.> 1\r\n', 'Subscription to "data.secret.>"'],
    ['SUB > 1\r\n', 'Subscription to ">"'],
    ['SUB _INBOX.> 1\r\n', 'Subscription to "_INBOX.>"'],
    ['SUB mcollective.reply.> 1\r\n', 'Subscription to "mcollective.reply.>"'],
    ['SUB q.a others 1\r\n', 'Subscription to "q.a" using queue "others"'],
  ])('fault 10: %j is refused', async (text, what) => {
    await using broker = await startTestBroker({authenticator, accounts: ['fleet']});
    const client = await join(broker, hailing('narrow'));
    client.send(text);
    expect(await client.read({length: 1, closed: false})).toBe(`-ERR 'Permissions Violation for ${what}'\r\n`);
    client.close();
  });

  test('fault 10: a wildcard over a denied subject does not deliver what is denied', async () => {
    await using broker = await startTestBroker({authenticator, accounts: ['fleet']});
    const narrow = await join(broker, hailing('narrow'));
    const admin = await join(broker, hailing('admin'));
    narrow.send('SUB data.> 1\r\nPING\r\n');
    await narrow.until((item) => item.received.includes('PONG'));
    admin.send('PUB data.secret.x 1\r\na\r\nPUB data.open 1\r\nb\r\n');
    await narrow.until((item) => item.received.includes('data.open'));
    expect(narrow.received).toBe('PONG\r\nMSG data.open 1 1\r\nb\r\n');
    narrow.close();
    admin.close();
  });
});

describe('connections that do not keep up', () => {
  test('fault 12: readers that stop are cut at their limit, the others lose nothing', async () => {
    await using broker = await startTestBroker({limits: {pendingBytesMax: 1_000_000}});
    const stopped = await Promise.all(Array.from({length: 5}, () => join(broker)));
    const reading = await join(broker);
    for (const client of [...stopped, reading]) client.send('SUB flood 1\r\nPING\r\n');
    for (const client of stopped) {
      await client.until((item) => item.received.includes('PONG'));
      client.stream.pause();
    }
    const publisher = await join(broker);
    const message = `PUB flood 20000\r\n${'x'.repeat(20_000)}\r\n`;
    let sent = 0;
    while (broker.engine.statistics().slowConsumers < 5 && sent < 2000) {
      publisher.send(`${message}PING\r\n`);
      sent += 1;
      const goal = sent;
      await publisher.until((item) => item.received.split('PONG').length - 1 >= goal);
      await reading.until((item) => item.received.split('MSG flood').length - 1 >= goal);
    }
    expect(broker.engine.statistics().slowConsumers).toBe(5);
    expect(reading.received.split('MSG flood')).toHaveLength(sent + 1);
    expect(publisher.isClosed).toBe(false);
    for (const client of [...stopped, reading, publisher]) client.close();
  });

  test('fault 12, fault 59: many slow readers together use no more memory than all may; the slowest are cut, the others lose nothing', async () => {
    await using broker = await startTestBroker({limits: {pendingBytesMax: 8_000_000, pendingBytesTotalMax: 8_000_000}});
    const stopped = await Promise.all(Array.from({length: 12}, () => join(broker)));
    const reading = await join(broker);
    for (const client of [...stopped, reading]) client.send('SUB flood 1\r\nPING\r\n');
    for (const client of stopped) {
      await client.until((item) => item.received.includes('PONG'));
      client.stream.pause();
    }
    const publisher = await join(broker);
    const message = `PUB flood 100000\r\n${'x'.repeat(100_000)}\r\nPING\r\n`;
    let sent = 0;
    let mostWaiting = 0;
    while (broker.engine.statistics().slowConsumers === 0 && sent < 500) {
      publisher.send(message);
      sent += 1;
      const goal = sent;
      await publisher.until((item) => item.received.split('PONG').length - 1 >= goal);
      await reading.until((item) => item.received.split('MSG flood').length - 1 >= goal);
      const clients = [...broker.engine.monitoring.clients.values()];
      mostWaiting = Math.max(
        mostWaiting,
        clients.reduce((sum, client) => sum + client.pendingBytes, 0),
      );
    }
    expect(broker.engine.statistics().slowConsumers).toBeGreaterThan(0);
    expect(mostWaiting).toBeLessThan(10_000_000);
    expect(reading.received.split('MSG flood')).toHaveLength(sent + 1);
    for (const client of [...stopped, reading, publisher]) client.close();
  });

  test('fault 59: a process that stands still blames nobody for the time of that', async () => {
    await using broker = await startTestBroker({
      limits: {authTimeoutMs: 300, pingIntervalMs: 150, pingsOutMax: 1, writeDeadlineMs: 300},
      accounts: ['users'],
      authenticator: createStaticAuthenticator({users: [{user: 'a', password: 'x', account: 'users'}]}),
    });
    const late = await RawClient.connect(broker);
    const good = await RawClient.connect(broker);
    good.send('CONNECT {"verbose":false,"user":"a","pass":"x"}\r\nPING\r\n');
    await good.until((item) => item.received.includes('PONG'));
    // What both send now lies in their sockets while nothing runs, for longer than any of these deadlines.
    late.send('CONNECT {"verbose":false,"user":"a","pass":"x"}\r\nPING\r\n');
    good.send('PING\r\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    await late.until((item) => item.received.includes('PONG') || item.isClosed);
    await good.until((item) => item.received.split('PONG').length > 2 || item.isClosed);
    expect([late.isClosed, good.isClosed]).toEqual([false, false]);
    expect(late.received).not.toContain('-ERR');
    late.close();
    good.close();
  });

  test('fault 13: a reader that takes too long for one hand-over is cut by the write deadline', async () => {
    await using broker = await startTestBroker({limits: {writeDeadlineMs: 150}});
    const slow = await join(broker);
    slow.send('SUB flood 1\r\nPING\r\n');
    await slow.until((item) => item.received.includes('PONG'));
    slow.stream.pause();
    const publisher = await join(broker);
    publisher.send(`PUB flood 1000000\r\n${'x'.repeat(1_000_000)}\r\n`.repeat(12));
    publisher.send('PING\r\n');
    await publisher.until((item) => item.received.includes('PONG'));
    slow.stream.resume();
    slow.stream.pause();
    const {clock} = createNodePlatform();
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (broker.engine.statistics().slowConsumers === 1) resolve();
        else clock.setTimer(look, 20);
      };
      look();
    });
    slow.stream.resume();
    await slow.until((item) => item.isClosed);
    publisher.close();
  });

  test('fault 14: a connection that answers no PING is cut within two intervals', async () => {
    await using broker = await startTestBroker({limits: {pingIntervalMs: 100, pingsOutMax: 1}});
    const client = await RawClient.connect(broker);
    client.send('CONNECT {"verbose":false}\r\n');
    expect(await client.read({length: 1, closed: true})).toBe("<INFO>\r\nPING\r\n-ERR 'Stale Connection'\r\n");
  });

  test('fault 16: a connection that cannot be accepted is logged, and listening goes on', async () => {
    const platform = createNodePlatform();
    const lines: string[] = [];
    let report: ((error: Error) => void) | undefined;
    const network: typeof platform.network = {
      connect: (options) => platform.network.connect(options),
      listen: (options, onConnection) => {
        report = options.onAcceptError;
        return platform.network.listen(options, onConnection);
      },
    };
    const logger = {
      ...(await import('../../src/lib/logger.ts')).silentLogger,
      warn: (message: string) => lines.push(message),
    };
    await using broker = await startTestBroker({platform: {...platform, network}, logger});
    report?.(Object.assign(new Error('accept EMFILE'), {code: 'EMFILE'}));
    const client = await join(broker);
    expect(lines).toEqual(['Could not accept a connection']);
    client.close();
  });
});

describe('TLS', () => {
  const platform = createNodePlatform();

  test('fault 19: plain text on the TLS port is answered with nothing', async () => {
    await using broker = await startTestBroker({tls: true});
    const client = await RawClient.connect(broker);
    client.send(hello);
    expect(await client.read({length: 1, closed: true})).toContain('<INFO>\r\n');
  });

  test('fault 19: a TLS handshake on a plain port is a protocol error', async () => {
    await using broker = await startTestBroker();
    const client = await RawClient.connect(broker);
    client.send('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03');
    expect(await client.read({length: 1, closed: true})).toBe("<INFO>\r\n-ERR 'Unknown Protocol Operation'\r\n");
  });

  test('fault 19: versions below TLS 1.2 and suites without encryption are refused', async () => {
    const {connect} = await import('node:tls');
    const {connect: connectPlain} = await import('node:net');
    await using broker = await startTestBroker({tls: true});
    for (const weak of [
      {minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0'},
      {maxVersion: 'TLSv1.2', ciphers: 'NULL:@SECLEVEL=0'},
    ] as const) {
      const outcome = await new Promise<string>((resolve) => {
        const raw = connectPlain(broker.port, broker.host);
        raw.once('data', () => {
          try {
            const secure = connect({socket: raw, rejectUnauthorized: false, ...weak}, () => resolve('connected'));
            secure.on('error', () => resolve('refused'));
          } catch {
            // The local library does not even offer it.
            resolve('refused');
          }
        });
        raw.on('error', () => resolve('refused'));
      });
      expect(outcome).toBe('refused');
    }
  });

  test('fault 19: a handshake that is too slow is cut', async () => {
    await using broker = await startTestBroker({tls: true, limits: {tlsTimeoutMs: 100}});
    const client = await RawClient.connect(broker);
    client.send('\x16\x03\x01');
    expect(await client.read({length: 1, closed: true})).toBe('<INFO>\r\n');
  });

  test('fault 19: a good client is served inside TLS', async () => {
    await using broker = await startTestBroker({tls: true});
    const stream = await platform.network.connect({host: broker.host, port: broker.port, timeoutMs: 5000});
    await new Promise<void>((resolve) => {
      stream.onData = () => resolve();
    });
    await stream.startTlsClient({
      material: testTlsMaterial('node1'),
      serverName: 'localhost',
      verify: true,
      timeoutMs: 5000,
    });
    const client = new RawClient(stream, platform);
    client.send(hello);
    expect(await client.read({length: 'PONG\r\n<INFO>\r\n'.length, closed: false})).toBe('PONG\r\n<INFO>\r\n');
    client.close();
  });
});
