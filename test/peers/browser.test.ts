/** nats.js in a real browser (Debian's Chromium, headless) over the broker's WebSocket. */
import {createServer, type Server} from 'node:http';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {connect} from '@nats-io/transport-node';
import {build} from 'esbuild';
import {type Browser, chromium, type Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {startTestBroker, testTlsMaterial} from '../support/broker.ts';

const text = (data: Uint8Array): string => Buffer.from(data).toString('utf8');

let directory = '';
let browser: Browser;
let site: Server;
let origin = '';

/** The library as a page loads it: `window.nats`. */
async function bundleLibrary(): Promise<string> {
  const {outputFiles} = await build({
    stdin: {
      contents: "export * from '@nats-io/nats-core';",
      resolveDir: fileURLToPath(new URL('../..', import.meta.url)),
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'nats',
    platform: 'browser',
  });
  return outputFiles[0]?.text ?? '';
}

beforeAll(async () => {
  const script = await bundleLibrary();
  site = createServer((request, response) => {
    const isScript = request.url === '/nats.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<!doctype html><title>fleet</title><script src="/nats.js"></script>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  const address = site.address();
  if (address === null || typeof address === 'string') throw new Error('the site has no port');
  origin = `http://127.0.0.1:${address.port}`;
  directory = mkdtempSync(join(tmpdir(), 'choria-browser-'));
  browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']});
});

afterAll(async () => {
  await browser.close();
  await new Promise((resolve) => site.close(resolve));
  rmSync(directory, {recursive: true, force: true});
});

async function openPage(): Promise<Page> {
  const context = await browser.newContext({ignoreHTTPSErrors: true});
  const page = await context.newPage();
  await page.goto(origin);
  return page;
}

/** Runs in the page: connects, answers on `browser.echo`, asks `node.echo`, and returns what it was told. */
const conversation = `async (url) => {
  const client = await nats.wsconnect({servers: url, timeout: 10000, maxReconnectAttempts: 0});
  const seen = [];
  client.subscribe('browser.echo', {callback: (_error, message) => message.respond('browser: ' + message.string())});
  client.subscribe('news.>', {callback: (_error, message) => seen.push(message.subject)});
  await client.flush();
  const answer = await client.request('node.echo', 'x'.repeat(100000), {timeout: 10000});
  window.seen = seen;
  window.client = client;
  return answer.data.length;
}`;

describe('a browser on our broker', () => {
  test.each(['ws', 'wss'] as const)('talks over %s, compressed, with clients on the native port', async (scheme) => {
    await using broker = await startTestBroker({
      websocket: {
        host: '127.0.0.1',
        port: 0,
        isCompressed: true,
        ...(scheme === 'wss' ? {tls: {material: testTlsMaterial('broker'), clientCertificates: 'none' as const}} : {}),
      },
    });
    const native = await connect({servers: `127.0.0.1:${broker.port}`});
    native.subscribe('node.echo', {callback: (_error, message) => void message.respond(message.data)});
    await native.flush();
    const page = await openPage();
    const length = await page.evaluate(
      `(${conversation})(${JSON.stringify(`${scheme}://127.0.0.1:${broker.engine.webSocketPort}`)})`,
    );
    expect(length).toBe(100_000);
    const answer = await native.request('browser.echo', 'hello', {timeout: 10_000});
    expect(text(answer.data)).toBe('browser: hello');
    for (let count = 0; count < 500; count++) native.publish(`news.${count}`, 'x');
    await native.flush();
    await expect.poll(() => page.evaluate('window.seen.length'), {timeout: 10_000}).toBe(500);
    await page.evaluate('window.client.drain()');
    await native.close();
  });

  test('is let in from the origins that are allowed, and from no other', async () => {
    const dialFrom = async (allowedOrigins: readonly string[]): Promise<string> => {
      await using broker = await startTestBroker({websocket: {host: '127.0.0.1', port: 0, allowedOrigins}});
      const page = await openPage();
      const dial = `nats.wsconnect({servers: 'ws://127.0.0.1:${broker.engine.webSocketPort}', timeout: 5000, maxReconnectAttempts: 0, reconnect: false})
        .then((client) => client.close()).then(() => 'let in', () => 'refused')`;
      return await page.evaluate<string>(dial);
    };
    expect(await dialFrom([origin])).toBe('let in');
    expect(await dialFrom(['https://elsewhere.example.net'])).toBe('refused');
  });
});
