import {describe, expect, test} from 'vitest';
import {startTestBroker, type TestBroker, type TestBrokerOptions} from '../support/broker.ts';
import {RawClient} from '../support/raw-client.ts';
import {refusedSizes} from '../support/refused-sizes.ts';

const hello = 'CONNECT {"verbose":false,"pedantic":false,"protocol":1,"headers":true,"no_responders":true}\r\nPING\r\n';

async function join(broker: TestBroker, connect = hello): Promise<RawClient> {
  const client = await RawClient.connect(broker);
  client.send(connect);
  await client.read({length: '<INFO>\r\nPONG\r\n<INFO>\r\n'.length, closed: false});
  return client;
}

/** Sends and gives back everything until the connection closes. */
async function untilClosed(text: string, options: TestBrokerOptions = {}): Promise<string> {
  await using broker = await startTestBroker(options);
  const client = await join(broker);
  client.send(text);
  return await client.read({length: 0, closed: true});
}

/** Sends with a PING behind and gives back what came with the PONG. */
async function answered(text: string, options: TestBrokerOptions = {}): Promise<string> {
  await using broker = await startTestBroker(options);
  const client = await join(broker);
  client.send(`${text}PING\r\n`);
  await client.until((item) => item.received.endsWith('PONG\r\n'));
  const got = client.received;
  client.close();
  return got;
}

describe('control lines', () => {
  test('fault 1: a control line without end, a byte at a time, is cut with an error at the limit', async () => {
    await using broker = await startTestBroker();
    const client = await join(broker);
    client.send('SUB ');
    for (let sent = 0; sent < 5000 && !client.isClosed; sent += 1) client.send('a');
    expect(await client.read({length: 1, closed: true})).toBe("-ERR 'maximum control line exceeded'\r\n");
  });

  test.each(refusedSizes)(
    'fault 2: a size of "%s" ends the connection before anything is kept for it',
    async (size, error) => {
      expect(await untilClosed(`PUB foo ${size}\r\n`)).toBe(error);
    },
  );

  test('fault 3: headers longer than the whole end the connection', async () => {
    expect(await untilClosed('HPUB foo 20 10\r\nNATS/1.0\r\n\r\n\r\n')).toBe('');
  });

  test('fault 3: header blocks are carried as they are: without version, with ten thousand lines, with line breaks', async () => {
    const block = `${'A: b\r\n'.repeat(10_000)}X: y\rZ: \n\r\n`;
    const got = await answered(`SUB foo 1\r\nHPUB foo ${block.length} ${block.length + 2}\r\n${block}hi\r\n`);
    expect(got).toBe(`HMSG foo 1 ${block.length} ${block.length + 2}\r\n${block}hi\r\nPONG\r\n`);
  });

  test('fault 4: a payload without its line end ends the connection', async () => {
    expect(await untilClosed('PUB foo 2\r\nabcd\r\n')).toBe("-ERR 'Unknown Protocol Operation'\r\n");
  });

  test('fault 4: a frame split at every byte has the result of the whole one', async () => {
    const text = 'SUB foo.* 7\r\nHPUB foo.a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPUB foo.b rep 5\r\nhel\r\n\r\nUNSUB 7\r\n';
    const whole = await answered(text);
    expect(whole).toBe('HMSG foo.a 7 12 14\r\nNATS/1.0\r\n\r\nhi\r\nMSG foo.b 7 rep 5\r\nhel\r\n\r\nPONG\r\n');
    await using broker = await startTestBroker();
    const clients = await Promise.all(Array.from({length: text.length}, () => join(broker)));
    for (const [place, client] of clients.entries()) client.send(text.slice(0, place));
    // Everybody's first half is there once the broker has answered somebody who wrote after them.
    const last = await join(broker);
    last.close();
    for (const [place, client] of clients.entries()) {
      client.send(`${text.slice(place)}PING\r\n`);
      await client.until((item) => item.received.endsWith('PONG\r\n'));
      const own = client.received;
      client.send('UNSUB 7\r\n');
      client.close();
      expect(own.includes('HMSG foo.a 7'), `split at ${place}`).toBe(true);
      expect(own.includes('MSG foo.b 7 rep 5\r\nhel\r\n\r\n'), `split at ${place}`).toBe(true);
    }
  });

  test('fault 4: half a frame and silence is pinged and then cut', async () => {
    await using broker = await startTestBroker({limits: {pingIntervalMs: 60, pingsOutMax: 1}});
    const client = await join(broker);
    client.send('PUB foo 10\r\nabc');
    expect(await client.read({length: 1, closed: true})).toContain("-ERR 'Stale Connection'");
  });
});

describe('subjects', () => {
  test.each(['a..b', '.a', 'a.', 'a.>.b'])('fault 7: %j cannot be subscribed to', async (subject) => {
    expect(await answered(`SUB ${subject} 1\r\n`)).toBe("-ERR 'Invalid Subject'\r\nPONG\r\n");
  });

  test('fault 7: odd bytes are ordinary, and reach whoever subscribed to exactly them', async () => {
    for (const subject of ['a\x00b', 'a\x01', '\xff\xfe.x', `${'t.'.repeat(1500)}t`, 'x'.repeat(4000)]) {
      const got = await answered(`SUB ${subject} 1\r\nPUB ${subject} 1\r\na\r\n`);
      expect(got).toBe(`MSG ${subject} 1 1\r\na\r\nPONG\r\n`);
    }
  });

  test('fault 7: an 8 kB subject is too long', async () => {
    expect(await untilClosed(`PUB ${'x'.repeat(8192)} 1\r\na\r\n`)).toBe("-ERR 'maximum control line exceeded'\r\n");
  });

  test('fault 8: a publish to a wildcard is taken literally', async () => {
    const got = await answered('SUB foo.bar 1\r\nSUB foo.* 2\r\nPUB foo.* 1\r\na\r\nPUB > 1\r\nb\r\n');
    expect(got).toBe('MSG foo.* 2 1\r\na\r\nPONG\r\n');
  });

  test('fault 8: a reply that is the server’s own is refused', async () => {
    expect(await answered('PUB foo _R_.x 1\r\na\r\nPUB foo $JS.ACK.x 1\r\na\r\n')).toBe(
      '-ERR \'Permissions Violation for Publish with Reply of "_R_.x"\'\r\n-ERR \'Permissions Violation for Publish with Reply of "$JS.ACK.x"\'\r\nPONG\r\n',
    );
  });

  test('fault 9: subscriptions stop at the limit and the connection lives on', async () => {
    const many = Array.from({length: 200}, (_item, index) => `SUB s.${index} ${index}\r\n`).join('');
    const got = await answered(`${many}SUB s.0 0\r\nUNSUB 999\r\nUNSUB 1 0\r\nSUB late 500\r\nPUB late 1\r\na\r\n`, {
      limits: {subscriptionsMax: 100},
    });
    // 100 of the 200, and the one that says again what is there: at the limit nothing more is looked at, as in nats-server.
    expect(got.split("-ERR 'maximum subscriptions exceeded'\r\n")).toHaveLength(102);
    expect(got.endsWith('MSG late 500 1\r\na\r\nPONG\r\n')).toBe(true);
  });
});
