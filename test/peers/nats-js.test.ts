/** The ecosystem's own client, nats.js, against our broker. */
import {connect, headers, type NatsConnection, wsconnect} from '@nats-io/transport-node';
import {describe, expect, test} from 'vitest';
import {WebSocket} from 'ws';
import {startTestBroker} from '../support/broker.ts';

const text = (data: Uint8Array): string => Buffer.from(data).toString('utf8');

function dial(port: number): Promise<NatsConnection> {
  return connect({servers: `127.0.0.1:${port}`, reconnectTimeWait: 50, maxReconnectAttempts: -1});
}

describe('nats.js on our broker', () => {
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

  test('it comes back after the broker went away, with its subscriptions', async () => {
    const first = await startTestBroker();
    const {port} = first;
    const client = await dial(port);
    const seen: string[] = [];
    client.subscribe('again', {callback: (_error, message) => void seen.push(text(message.data))});
    await client.flush();
    await first[Symbol.asyncDispose]();
    await using _second = await startTestBroker({port});
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
