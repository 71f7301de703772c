import {describe, expect, test} from 'vitest';
import {startTestBroker, testTlsMaterial} from '../../test/support/broker.ts';
import {createNodeParts} from '../../test/support/node-parts.ts';
import {RawClient} from '../../test/support/raw-client.ts';
import {openConnection} from '../connect/index.ts';

const websocket = {host: '127.0.0.1', port: 0};
const upgrade =
  'GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

describe('WebSockets', () => {
  test.each([false, true])('our own client asks and is answered, TLS: %s', async (isTls) => {
    const tls = {material: testTlsMaterial('broker'), clientCertificates: 'if-given'} as const;
    await using broker = await startTestBroker({websocket: isTls ? {...websocket, tls} : websocket});
    const url = `${isTls ? 'wss' : 'ws'}://127.0.0.1:${broker.engine.webSocketPort}/any/path`;
    await using connection = await openConnection({
      platform: createNodeParts(),
      servers: [url],
      name: 'test',
      inboxPrefix: '_INBOX',
      ...(isTls ? {tls: {material: testTlsMaterial('alice'), verify: false}} : {}),
    });
    expect(connection.connectedServer).toBe(url);
    const large = Buffer.alloc(200_000, 'x');
    connection.subscribe('echo', (message) => connection.publish(message.replyTo ?? '', message.payload));
    const answer = await connection.request('echo', large, {timeoutMs: 5000});
    expect(answer.payload.equals(large)).toBe(true);
  });

  test('fault 17: a bomb before CONNECT is refused at its first kilobytes', async () => {
    await using broker = await startTestBroker({websocket});
    const client = await RawClient.connect({host: '127.0.0.1', port: broker.engine.webSocketPort});
    client.send(`${upgrade}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n`);
    await client.until(({received}) => received.includes('\r\n\r\n'));
    // 20,000 zero bytes deflate to a few; they are more than a CONNECT may be.
    const {deflateRawSync, constants} = await import('node:zlib');
    const bomb = deflateRawSync(Buffer.alloc(20_000), {finishFlush: constants.Z_SYNC_FLUSH}).subarray(0, -4);
    client.send(Buffer.concat([Buffer.from([0xc2, 0x80 | bomb.length, 0, 0, 0, 0]), bomb]).toString('latin1'));
    await client.until(({isClosed}) => isClosed);
    expect(client.received).toContain('too large');
  });

  test('fault 17: a request that never ends, and one that is too long, are cut', async () => {
    await using broker = await startTestBroker({websocket, limits: {webSocketHandshakeMs: 50}});
    const place = {host: '127.0.0.1', port: broker.engine.webSocketPort};
    const slow = await RawClient.connect(place);
    slow.send('GET / HTTP/1.1\r\nHost: h\r\n');
    const long = await RawClient.connect(place);
    long.send(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`);
    await Promise.all([slow, long].map((client) => client.until(({isClosed}) => isClosed)));
    expect(long.received).toMatch(/^HTTP\/1.1 431 /);
    expect(broker.engine.statistics().connections).toBe(0);
  });

  test('a refused request may be followed by a good one', async () => {
    await using broker = await startTestBroker({websocket});
    const client = await RawClient.connect({host: '127.0.0.1', port: broker.engine.webSocketPort});
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.until(({received}) => received.endsWith('Bad Request\n'));
    client.send(`${upgrade}\r\n`);
    await client.until(({received}) => received.includes('INFO {'));
  });

  test.each([
    ['hello', '400 Bad Request'],
    ['CONNECT {}\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\n\r\n', '400 Bad Request: missing required Host header'],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\nHost: a b\r\n\r\n', '400 Bad Request: malformed Host header'],
    ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', '505 HTTP Version Not Supported: unsupported protocol version'],
    ['GET elsewhere HTTP/1.1\r\nHost: a\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\nHost: a\r\nUpgrade : websocket\r\n\r\n', '400 Bad Request: invalid header name'],
    ['GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\nHost: a\r\n(x): y\r\n\r\n', '400 Bad Request'],
    ['G@T / HTTP/1.1\r\nHost: a\r\n\r\n', '400 Bad Request'],
    ['GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n', '400 Bad Request'],
  ])('what is no request is answered as nats-server answers it, and cut: %j', async (text, status) => {
    await using broker = await startTestBroker({websocket});
    const client = await RawClient.connect({host: '127.0.0.1', port: broker.engine.webSocketPort});
    client.send(text.includes('\n') ? text : `${text}\r\n`);
    await client.until(({isClosed}) => isClosed);
    const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n`;
    expect(client.received).toBe(`${head}${status}`);
  });

  test.each([
    ['in HTTP/1.0', upgrade.replace('HTTP/1.1', 'HTTP/1.0')],
    ['with lines that end with LF alone', upgrade.replaceAll('\r', '')],
    ['with its key twice', `${upgrade}Sec-WebSocket-Key: x\r\n`],
    ['with an empty origin', `${upgrade}Origin: \r\n`],
    ['behind another that was refused', `GET / HTTP/1.1\r\nHost: h\r\n\r\n${upgrade}`],
  ])('a request is accepted %s', async (_name, text) => {
    const allowedOrigins = ['https://console.example.net'];
    await using broker = await startTestBroker({websocket: {...websocket, allowedOrigins}});
    const client = await RawClient.connect({host: '127.0.0.1', port: broker.engine.webSocketPort});
    client.send(`${text}\r\n`);
    await client.until(({received}) => received.includes('INFO {'));
    client.close();
  });

  test.each([
    ['/leafnode', '', '404'],
    ['/a/mqtt', '', '404'],
    ['/', 'Sec-WebSocket-Origin: https://elsewhere.example.net\r\n', '403'],
    ['/', 'Transfer-Encoding: gzip\r\n', '501'],
    ['/', `X: ${'x'.repeat(20_000)}\r\n`, '431'],
  ])('a request to %s is refused with %s%s', async (path, headers, status) => {
    await using broker = await startTestBroker({
      websocket: {...websocket, allowedOrigins: ['https://console.example.net']},
    });
    const client = await RawClient.connect({host: '127.0.0.1', port: broker.engine.webSocketPort});
    client.send(`${upgrade.replace('GET /', `GET ${path}`)}${headers}\r\n`);
    await client.until(({received}) => received.includes(`HTTP/1.1 ${status} `));
    client.close();
  });

  test('a refused request that says close is the last', async () => {
    await using broker = await startTestBroker({websocket});
    const client = await RawClient.connect({host: '127.0.0.1', port: broker.engine.webSocketPort});
    client.send(`GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n${upgrade}\r\n`);
    await client.until(({isClosed}) => isClosed);
    expect(client.received).toMatch(/^HTTP\/1\.1 400 [^]*\r\nConnection: close\r\n\r\nBad Request\n$/);
  });

  test('who speaks before the request was answered gets no answer', async () => {
    await using broker = await startTestBroker({websocket});
    const client = await RawClient.connect({host: '127.0.0.1', port: broker.engine.webSocketPort});
    client.send(`${upgrade}\r\nPING\r\n`);
    await client.until(({isClosed}) => isClosed);
    expect(client.received).toBe('');
  });

  test('a browser gets its messages in small frames', async () => {
    await using broker = await startTestBroker({websocket, limits: {payloadBytesMax: 100_000}});
    const client = await RawClient.connect({host: '127.0.0.1', port: broker.engine.webSocketPort});
    client.send(`${upgrade}User-Agent: Mozilla/5.0\r\nNats-No-Masking: true\r\n\r\n`);
    await client.until(({received}) => received.includes('INFO {'));
    client.take();
    const text = `CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 5000\r\n${'x'.repeat(5000)}\r\n`;
    const head = Buffer.from([0x82, 126, text.length >> 8, text.length & 0xff]).toString('latin1');
    client.send(head + text);
    await client.until(({received}) => received.length > 5000);
    // Binary, not the last, 4,096 bytes; then the rest as a continuation.
    const received = Buffer.from(client.received, 'latin1');
    expect([received[0], received[1], received.readUInt16BE(2)]).toEqual([0x02, 126, 4096]);
    expect(received[4 + 4096]).toBe(0x80);
  });
});
