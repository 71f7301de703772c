/** The ecosystem's own client, nats.js, against our broker. */
import {readFileSync} from 'node:fs';
import {
  type ConnectionOptions,
  connect,
  headers,
  type NatsConnection,
  nkeyAuthenticator,
  wsconnect,
} from '@nats-io/transport-node';
import {describe, expect, test} from 'vitest';
import {WebSocket} from 'ws';
import {startTestBroker} from '../support/broker.ts';
import {startBrokerProcess} from './clients/programs.ts';
import {type Variant, variants} from './clients/variants.ts';

const text = (data: Uint8Array): string => Buffer.from(data).toString('utf8');

function dial(port: number): Promise<NatsConnection> {
  return connect({servers: `127.0.0.1:${port}`, reconnectTimeWait: 50, maxReconnectAttempts: -1});
}

function optionsOf({env}: Variant): ConnectionOptions {
  const file = (option: 'ca' | 'cert' | 'key', name: string): Readonly<Record<string, string>> =>
    env[name] === undefined ? {} : {[option]: readFileSync(env[name], 'utf8')};
  return {
    ...(env['NATS_TOKEN'] === undefined ? {} : {token: env['NATS_TOKEN']}),
    ...(env['NATS_USER'] === undefined ? {} : {user: env['NATS_USER'], pass: env['NATS_PASSWORD'] ?? ''}),
    ...(env['NATS_SEED'] === undefined ? {} : {authenticator: nkeyAuthenticator(Buffer.from(env['NATS_SEED']))}),
    ...(env['NATS_CA'] === undefined
      ? {}
      : {tls: {...file('ca', 'NATS_CA'), ...file('cert', 'NATS_CERT'), ...file('key', 'NATS_KEY')}}),
  };
}

describe('nats.js on our broker', () => {
  test.each(variants)('works with $name', async (variant) => {
    await using broker = await startBrokerProcess(variant.ours);
    const client = await connect({...optionsOf(variant), servers: `127.0.0.1:${broker.port}`});
    client.subscribe('echo', {callback: (_error, message) => void message.respond(`re: ${text(message.data)}`)});
    const answer = await client.request('echo', 'hi', {timeout: 5000});
    expect(text(answer.data)).toBe('re: hi');
    await client.drain();
  });

  test('a wrong token is refused with the words of nats-server', async () => {
    await using broker = await startBrokerProcess({credentials: {token: {text: 'open sesame', account: '$G'}}});
    const dialled = connect({servers: `127.0.0.1:${broker.port}`, token: 'open barley', maxReconnectAttempts: 0});
    await expect(dialled).rejects.toThrow('Authorization Violation');
  });

  test('a consumer that is slow is told so, and loses nothing', async () => {
    await using broker = await startTestBroker();
    const client = await dial(broker.port);
    const other = await dial(broker.port);
    const subscription = client.subscribe('s', {slow: 10});
    const statuses: string[] = [];
    void (async () => {
      for await (const status of client.status()) statuses.push(status.type);
    })();
    await client.flush();
    for (let count = 0; count < 1000; count++) other.publish('s', 'x');
    await other.flush();
    await client.flush();
    await expect.poll(() => statuses).toContain('slowConsumer');
    let seen = 0;
    await subscription.drain();
    for await (const _message of subscription) seen++;
    expect(seen).toBe(1000);
    await client.close();
    await other.close();
  });

  test('publishes and subscribes, wildcards included', async () => {
    await using broker = await startTestBroker();
    const client = await dial(broker.port);
    const seen: string[] = [];
    client.subscribe('a.*.c', {
      callback: (_error, message) => void seen.push(`${message.subject} ${text(message.data)}`),
    });
    client.subscribe('a.>', {callback: (_error, message) => void seen.push(`> ${message.subject}`)});
    client.publish('a.b.c', 'hello');
    client.publish('a.b.d', 'no');
    await client.flush();
    await client.flush();
    expect(seen.sort((a, b) => (a < b ? -1 : 1))).toEqual(['> a.b.c', '> a.b.d', 'a.b.c hello']);
    await client.close();
  });

  test('each message of a queue group reaches one member', async () => {
    await using broker = await startTestBroker();
    const client = await dial(broker.port);
    const counts = [0, 0, 0];
    for (const index of counts.keys()) {
      client.subscribe('work', {queue: 'workers', callback: () => void (counts[index] = (counts[index] ?? 0) + 1)});
    }
    for (let count = 0; count < 300; count++) client.publish('work');
    await client.flush();
    await client.flush();
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    await client.close();
  });

  test('requests are answered, and nobody listening is told at once', async () => {
    await using broker = await startTestBroker();
    const client = await dial(broker.port);
    client.subscribe('echo', {callback: (_error, message) => void message.respond(`re: ${text(message.data)}`)});
    const answer = await client.request('echo', 'hi', {timeout: 5000});
    expect(text(answer.data)).toBe('re: hi');
    await expect(client.request('nobody', 'hi', {timeout: 5000})).rejects.toThrow(/no responders/i);
    await client.close();
  });

  test('headers arrive as they were sent', async () => {
    await using broker = await startTestBroker();
    const client = await dial(broker.port);
    const seen: string[][] = [];
    client.subscribe('h', {callback: (_error, message) => void seen.push(message.headers?.values('X-Test') ?? [])});
    const sent = headers();
    sent.append('X-Test', 'one');
    sent.append('X-Test', 'two');
    client.publish('h', 'body', {headers: sent});
    await client.flush();
    await client.flush();
    expect(seen).toEqual([['one', 'two']]);
    await client.close();
  });

  test('comes back with its subscriptions after a kill -9 of the broker', async () => {
    const first = await startBrokerProcess({});
    const {port} = first;
    const client = await dial(port);
    const seen: string[] = [];
    client.subscribe('again', {callback: (_error, message) => void seen.push(text(message.data))});
    await client.flush();
    await first[Symbol.asyncDispose]();
    await using _second = await startBrokerProcess({port});
    await expect
      .poll(
        async () => {
          client.publish('again', 'back');
          await client.flush();
          return seen.includes('back');
        },
        {timeout: 20_000},
      )
      .toBe(true);
    await client.close();
  });

  test('a drain delivers what is under way', async () => {
    await using broker = await startTestBroker();
    const client = await dial(broker.port);
    const other = await dial(broker.port);
    let seen = 0;
    client.subscribe('d', {callback: () => void seen++});
    await client.flush();
    for (let count = 0; count < 1000; count++) other.publish('d', 'x');
    await other.flush();
    await client.drain();
    expect(seen).toBe(1000);
    await other.close();
  });

  test('works over a WebSocket', async () => {
    await using broker = await startTestBroker({websocket: {host: '127.0.0.1', port: 0}});
    // Node 20 has no WebSocket of its own, which the library would use.
    const client = await wsconnect({
      servers: `ws://127.0.0.1:${broker.engine.webSocketPort}`,
      wsFactory: (url) => Promise.resolve({socket: new WebSocket(url) as never, encrypted: false}),
    });
    client.subscribe('echo', {callback: (_error, message) => void message.respond(message.data)});
    const answer = await client.request('echo', 'x'.repeat(100_000), {timeout: 5000});
    expect(answer.data.length).toBe(100_000);
    await client.drain();
  });
});
