import {describe, expect, test} from 'vitest';
import {RawClient} from '../../test/support/raw-client.ts';
import {testTlsMaterial} from '../../test/support/broker.ts';
import {createNodeHttpServers} from './node-http-server.ts';
import type {HttpServerOptions} from './http-server.ts';

async function serve(options: Partial<HttpServerOptions> = {}) {
  const listener = await createNodeHttpServers().listen({
    host: '127.0.0.1',
    port: 0,
    handler: (request) => ({
      status: 200,
      body: `${request.method} ${request.path} ${request.query.toString()} ${request.body.length} ${request.tls?.version ?? 'plain'}`,
    }),
    ...options,
  });
  return {...listener, [Symbol.asyncDispose]: () => listener.close({graceMs: 50})};
}

async function exchange(place: {readonly host: string; readonly port: number}, text: string): Promise<string> {
  const client = await RawClient.connect(place);
  client.send(text);
  await client.until(({isClosed}) => isClosed);
  return client.received;
}

describe('the HTTP server', () => {
  test('gives a request whole and sends the response', async () => {
    await using server = await serve();
    const answer = await fetch(`http://127.0.0.1:${server.port}/a/b?x=1&x=2`, {method: 'POST', body: 'abc'});
    expect([answer.status, await answer.text()]).toEqual([200, 'POST /a/b x=1&x=2 3 plain']);
  });

  test('speaks TLS when it is told to', async () => {
    await using server = await serve({tls: {material: testTlsMaterial('broker'), clientCertificates: 'none'}});
    const client = await RawClient.connect(server);
    await client.stream.startTlsClient({
      material: {},
      verify: false,
      serverName: 'broker.example.net',
      timeoutMs: 5000,
    });
    client.listen();
    client.send('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    await client.until(({received}) => received.includes('1.3'));
    client.close();
  });

  test('fault 69: a bomb of headers is refused', async () => {
    await using server = await serve();
    const answer = await exchange(server, `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 431 /);
  });

  test('fault 69: a body beyond the limit is refused before it is read', async () => {
    await using server = await serve({limits: {bodyBytesMax: 10}});
    const answer = await exchange(server, 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n01234567890');
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  test.each([
    ['headers', 'GET / HTTP/1.1\r\nHost: h\r\nX-Slow: '],
    ['a body', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab'],
  ])('fault 69: %s that never end are cut', async (_name, text) => {
    await using server = await serve({limits: {headersTimeoutMs: 60, requestTimeoutMs: 60}});
    expect(await exchange(server, text)).not.toContain('200 OK');
  });

  test('a handler that throws is a 500 without details', async () => {
    const errors: unknown[] = [];
    await using server = await serve({
      handler: () => {
        throw new Error('the secret');
      },
      onError: (error) => errors.push(error),
    });
    const answer = await fetch(`http://127.0.0.1:${server.port}/`);
    expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error\n']);
    expect(errors).toHaveLength(1);
  });
});
