import {readFileSync} from 'node:fs';
import {createServer as createPlainServer, type RequestListener} from 'node:http';
import {createServer as createTlsServer} from 'node:https';
import {createServer as createTcpServer, type AddressInfo, type Server} from 'node:net';
import {describe, expect, test} from 'vitest';
import {createNodeHttp} from './node-http.ts';

const http = createNodeHttp();
const pem = (name: string): string =>
  readFileSync(new URL(`../../test/fixtures/pki/${name}.pem`, import.meta.url), 'utf8');
const key = (name: string): string =>
  readFileSync(new URL(`../../test/fixtures/pki/${name}.key`, import.meta.url), 'utf8');

async function listening(server: Server): Promise<{readonly port: number} & AsyncDisposable> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

const bounds = {timeoutMs: 5_000, responseBytesMax: 1_000};

describe('asking an HTTP service', () => {
  test('gives status, headers and body, whatever the status', async () => {
    const answer: RequestListener = (request, response) => {
      request.resume();
      response.writeHead(503, 'Gone Fishing', {'X-Where': 'lake'}).end(`${request.method} ${request.url}`);
    };
    await using server = await listening(createPlainServer(answer));
    const response = await http.request({
      ...bounds,
      url: `http://127.0.0.1:${server.port}/a?b=c+d%20e`,
      method: 'POST',
      body: 'x',
    });
    expect({...response, where: response.headers.get('x-where'), body: response.body.toString()}).toMatchObject({
      status: 503,
      statusText: 'Gone Fishing',
      where: 'lake',
      body: 'POST /a?b=c+d%20e',
    });
  });

  test('a body larger than allowed is refused while it arrives', async () => {
    await using server = await listening(
      createPlainServer((_request, response) => void response.end('x'.repeat(1_001))),
    );
    await expect(http.request({...bounds, url: `http://127.0.0.1:${server.port}/`})).rejects.toMatchObject({
      code: 'ERR_HTTP_TOO_LARGE',
    });
  });

  test('a service that says nothing ends with a time-out that names the place', async () => {
    const sockets: {destroy(): void}[] = [];
    await using server = await listening(createTcpServer((socket) => void sockets.push(socket)));
    const url = `http://127.0.0.1:${server.port}/pdb?query=secret`;
    await expect(http.request({...bounds, url, timeoutMs: 20})).rejects.toMatchObject({
      code: 'ERR_HTTP_TIMEOUT',
      message: `Cannot GET http://127.0.0.1:${server.port}/pdb: no whole answer in 20 ms`,
    });
    for (const socket of sockets) socket.destroy();
  });

  test.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH\r\n'],
    ['a body that ends early', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'],
  ])('%s is no response', async (_what, bytes) => {
    await using server = await listening(createTcpServer((socket) => void socket.resume().end(bytes)));
    await expect(http.request({...bounds, url: `http://127.0.0.1:${server.port}/`})).rejects.toMatchObject({
      code: 'ERR_HTTP_RESPONSE',
    });
  });

  test('an aborted request fails with the reason of its signal', async () => {
    const reason = new Error('enough');
    await expect(http.request({...bounds, url: 'http://127.0.0.1:1/', signal: AbortSignal.abort(reason)})).rejects.toBe(
      reason,
    );
  });

  test.each(['ftp://host/', 'not a url', 'http://user:secret@host/'])('%s is no address', async (url) => {
    await expect(http.request({...bounds, url})).rejects.toMatchObject({code: 'ERR_HTTP_URL'});
  });

  test('TLS shows our certificate, and trusts nobody but the roots given', async () => {
    const options = {
      cert: pem('broker'),
      key: key('broker'),
      ca: pem('ca'),
      requestCert: true,
      rejectUnauthorized: true,
    };
    await using server = await listening(createTlsServer(options, (_request, response) => void response.end('hello')));
    const url = `https://127.0.0.1:${server.port}/`;
    const material = {certificatePem: pem('node1'), keyPem: key('node1'), caPem: pem('ca')};
    const response = await http.request({...bounds, url, tls: {material}});
    expect(response.body.toString()).toBe('hello');
    const stranger = {...material, caPem: pem('foreign-ca')};
    for (const tls of [{material: stranger}, {material: {}}, undefined]) {
      await expect(http.request({...bounds, url, ...(tls === undefined ? {} : {tls})})).rejects.toMatchObject({
        code: 'ERR_HTTP_CONNECT',
      });
    }
  });
});
