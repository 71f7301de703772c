import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {createManualClock} from '../../test/support/manual-clock.ts';
import {createNodeParts} from '../../test/support/node-parts.ts';
import {type ScriptedPeer, startScriptedBroker} from '../../test/support/scripted-broker.ts';
import {ConnectError} from './errors.ts';
import {type OpenConnectionOptions, openConnection} from './open.ts';
import type {Connection, MiddlewareMessage} from './types.ts';

const pki = (name: string): string => readFileSync(join(import.meta.dirname, '../../test/fixtures/pki', name), 'utf8');

const defaults = {name: 'test', inboxPrefix: 'mcollective.reply', attemptsMax: 1} as const;

async function pair(options: Partial<OpenConnectionOptions> = {}): Promise<{
  readonly broker: Awaited<ReturnType<typeof startScriptedBroker>>;
  readonly peer: ScriptedPeer;
  readonly connection: Connection;
  readonly connect: Readonly<Record<string, unknown>>;
}> {
  const parts = createNodeParts();
  const broker = await startScriptedBroker(parts.network);
  const opening = openConnection({...defaults, platform: parts, servers: [broker.url], ...options});
  const peer = await broker.next();
  const connect = await peer.greet();
  return {broker, peer, connection: await opening, connect};
}

async function failureOf(promise: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ConnectError) return error;
  throw new Error(`expected a ConnectError, got ${String(error)}`);
}

describe('starting', () => {
  test('CONNECT says what the reference says', async () => {
    const {broker, connection, connect} = await pair({auth: {user: 'u', password: 'p'}});
    await using _broker = broker;
    await using _connection = connection;
    expect(connect).toMatchObject({
      verbose: false,
      pedantic: false,
      echo: true,
      headers: true,
      no_responders: true,
      protocol: 1,
      name: 'test',
      user: 'u',
      pass: 'p',
    });
    expect(connection.connectedServer).toBe(broker.url);
    expect(connection.state).toBe('connected');
  });

  test('a token is proven by signing the nonce', async () => {
    const parts = createNodeParts();
    await using broker = await startScriptedBroker(parts.network);
    const opening = openConnection({
      ...defaults,
      platform: parts,
      servers: [broker.url],
      auth: {
        token: 'header.claims.sig',
        signNonce: (nonce) => Promise.resolve(Buffer.from(`signed ${nonce.toString()}?>`)),
      },
    });
    const peer = await broker.next();
    const connect = await peer.greet({nonce: 'abc'});
    await using _connection = await opening;
    expect(connect).toMatchObject({
      auth_token: 'header.claims.sig',
      jwt: 'header.claims.sig',
      sig: Buffer.from('signed abc?>').toString('base64url'),
    });
  });

  test.each([
    ['Authorization Violation', 'ERR_AUTHORIZATION'],
    ['Authentication Timeout', 'ERR_AUTHENTICATION_TIMEOUT'],
    ['maximum connections exceeded', 'ERR_BROKER_LIMIT'],
    ['User Authentication Expired', 'ERR_AUTHENTICATION_EXPIRED'],
    ['something else', 'ERR_BROKER'],
  ])('the refusal "%s" becomes %s', async (text, code) => {
    const parts = createNodeParts();
    await using broker = await startScriptedBroker(parts.network);
    const failure = failureOf(openConnection({...defaults, platform: parts, servers: [broker.url]}));
    const peer = await broker.next();
    peer.info();
    await peer.line('PING');
    peer.send(`-ERR '${text}'\r\n`);
    expect((await failure).code).toBe(code);
  });

  test('a peer that is no NATS server is told apart', async () => {
    const parts = createNodeParts();
    await using broker = await startScriptedBroker(parts.network);
    const failure = failureOf(openConnection({...defaults, platform: parts, servers: [broker.url]}));
    (await broker.next()).send('SSH-2.0-OpenSSH_9.2\r\n');
    expect((await failure).code).toBe('ERR_BROKER_PROTOCOL');
  });

  test('fault 79: a broker that accepts and says nothing is given up in time', async () => {
    const parts = createNodeParts();
    await using broker = await startScriptedBroker(parts.network);
    const failure = failureOf(
      openConnection({...defaults, platform: parts, servers: [broker.url], connectTimeoutMs: 30}),
    );
    await broker.next();
    expect((await failure).code).toBe('ERR_CONNECT_TIMEOUT');
  });

  test('a broker without TLS is refused when TLS is asked for, and the other way round', async () => {
    const parts = createNodeParts();
    await using broker = await startScriptedBroker(parts.network);
    const plain = failureOf(
      openConnection({...defaults, platform: parts, servers: [broker.url], tls: {material: {}, verify: true}}),
    );
    (await broker.next()).info();
    expect((await plain).code).toBe('ERR_TLS_NOT_OFFERED');
    const required = failureOf(openConnection({...defaults, platform: parts, servers: [broker.url]}));
    (await broker.next()).info({tls_required: true});
    expect((await required).code).toBe('ERR_TLS_REQUIRED');
  });

  test('bytes in clear behind INFO are never taken as if they came through TLS', async () => {
    const parts = createNodeParts();
    await using broker = await startScriptedBroker(parts.network);
    const failure = failureOf(
      openConnection({...defaults, platform: parts, servers: [broker.url], tls: {material: {}, verify: true}}),
    );
    (await broker.next()).send('INFO {"tls_required":true} \r\nMSG a 1 0\r\n\r\n');
    expect((await failure).code).toBe('ERR_BROKER_PROTOCOL');
  });

  test('TLS starts after INFO, and a broker of another CA is refused', async () => {
    const parts = createNodeParts();
    await using broker = await startScriptedBroker(parts.network);
    const url = broker.url.replace('127.0.0.1', 'localhost');
    const server = {certificatePem: pki('broker.pem'), keyPem: pki('broker.key'), caPem: pki('ca.pem')};
    const dial = (caPem: string): Promise<Connection> =>
      openConnection({...defaults, platform: parts, servers: [url], tls: {material: {caPem}, verify: true}});

    const opening = dial(pki('ca.pem'));
    const peer = await broker.next();
    peer.info({tls_required: true});
    await peer.stream.startTlsServer({material: server, clientCertificates: 'none', timeoutMs: 2000});
    peer.listen();
    await peer.line('CONNECT');
    peer.send('PONG\r\n');
    await using connection = await opening;
    expect(connection.connectedServer).toBe(url);

    const failure = failureOf(dial(pki('foreign-ca.pem')));
    const second = await broker.next();
    second.info({tls_required: true});
    await second.stream
      .startTlsServer({material: server, clientCertificates: 'none', timeoutMs: 2000})
      .catch((error: Error) => error);
    expect((await failure).code).toBe('ERR_CONNECT_TLS');
  });

  test('each broker of the list is tried, and the failure names them', async () => {
    const parts = createNodeParts();
    const failure = await failureOf(
      openConnection({...defaults, platform: parts, servers: ['127.0.0.1:1', 'nats://127.0.0.1:2']}),
    );
    expect(failure.code).toBe('ERR_CONNECT_FAILED');
    expect(failure.message).toContain('127.0.0.1:1');
    expect(failure.message).toContain('127.0.0.1:2');
  });

  test('the attempts end with the signal', async () => {
    const parts = createNodeParts();
    const controller = new AbortController();
    const opening = openConnection({
      ...defaults,
      attemptsMax: 1000,
      platform: parts,
      servers: ['127.0.0.1:1'],
      signal: controller.signal,
      attemptFailed: () => controller.abort(new Error('enough')),
    });
    await expect(opening).rejects.toThrow('enough');
  });
});

describe('messages', () => {
  test('what is published in one turn is on the wire in order, with headers and replies', async () => {
    const {broker, peer, connection} = await pair();
    await using _broker = broker;
    await using _connection = connection;
    connection.publish('a.b', Buffer.from('one'));
    connection.publish('a.c', Buffer.from(''), {replyTo: 'r.x'});
    connection.publish('a.d', Buffer.from('two'), {headers: {K: ['v', 'w']}});
    expect(await peer.line('PUB')).toBe('PUB a.b 3');
    expect(await peer.line('one')).toBe('one');
    expect(await peer.line('PUB')).toBe('PUB a.c r.x 0');
    expect(await peer.line('HPUB')).toBe('HPUB a.d 24 27');
    expect(await peer.line('two')).toBe('two');
    expect(connection.stats).toMatchObject({outMessages: 3});
  });

  test('large payloads go out whole', async () => {
    const {broker, peer, connection} = await pair();
    await using _broker = broker;
    await using _connection = connection;
    connection.publish('big', Buffer.alloc(200_000, 'x'));
    connection.publish('next', Buffer.from('y'));
    expect(await peer.line('PUB')).toBe('PUB big 200000');
    expect((await peer.line('xxx')).length).toBe(200_000);
    expect(await peer.line('PUB')).toBe('PUB next 1');
  });

  test('messages reach the handler of their subscription however the stream is cut', async () => {
    const {broker, peer, connection} = await pair();
    await using _broker = broker;
    await using _connection = connection;
    const seen: MiddlewareMessage[] = [];
    connection.subscribe('a.*', (message) => seen.push(message));
    connection.subscribe('b', () => {}, {queue: 'q'});
    await peer.line('SUB a.* 1');
    await peer.line('SUB b q 2');
    const text =
      "MSG a.x 1 3\r\nabc\r\nHMSG a.y 1 r.1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n-ERR 'Invalid Subject'\r\nPING\r\nMSG a.z 9 0\r\n\r\n";
    for (const char of text) {
      peer.send(char);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await peer.line('PONG');
    expect(
      seen.map((message) => [
        message.subject,
        message.replyTo,
        message.headers?.toString(),
        message.payload.toString(),
      ]),
    ).toEqual([
      ['a.x', undefined, undefined, 'abc'],
      ['a.y', 'r.1', 'NATS/1.0\r\n\r\n', 'hi'],
    ]);
  });

  test.each([
    ['', 'it is empty'],
    ['a..b', 'empty token'],
    ['.a', 'empty token'],
    ['a.', 'empty token'],
    ['a b', 'blank'],
    ['a\r\nPUB x 0', 'blank'],
    ['a.*', 'wildcard'],
    ['a.>', 'wildcard'],
    ['x'.repeat(5000), 'characters'],
  ])('fault 72: publishing to %j is refused before anything is sent', async (subject, reason) => {
    const {broker, peer, connection} = await pair();
    await using _broker = broker;
    await using _connection = connection;
    expect(() => connection.publish(subject, Buffer.alloc(0))).toThrow(reason);
    expect(() => connection.publish('ok', Buffer.alloc(0), {replyTo: subject})).toThrow(reason);
    connection.publish('after', Buffer.alloc(0));
    expect(await peer.line('PUB')).toBe('PUB after 0');
  });

  test('a payload above the broker limit is refused here instead of losing the connection', async () => {
    const parts = createNodeParts();
    await using broker = await startScriptedBroker(parts.network);
    const opening = openConnection({...defaults, platform: parts, servers: [broker.url]});
    await (await broker.next()).greet({max_payload: 100});
    await using connection = await opening;
    expect(() => connection.publish('a', Buffer.alloc(101))).toThrow('at most 100');
  });

  test('fault 3: a header value with a line end is refused', async () => {
    const {broker, connection} = await pair();
    await using _broker = broker;
    await using _connection = connection;
    expect(() => connection.publish('a', Buffer.alloc(0), {headers: {k: ['v\r\nx: y']}})).toThrow('line end');
    expect(() => connection.publish('a', Buffer.alloc(0), {headers: {'k: y': ['v']}})).toThrow('visible characters');
  });

  test('maxMessages ends a subscription by itself', async () => {
    const {broker, peer, connection} = await pair();
    await using _broker = broker;
    await using _connection = connection;
    let count = 0;
    connection.subscribe('a', () => count++, {maxMessages: 2});
    await peer.line('UNSUB 1 2');
    peer.send('MSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\nPING\r\n');
    await peer.line('PONG');
    expect(count).toBe(2);
  });

  test('requests are matched to answers, and nobody listening is known at once', async () => {
    const {broker, peer, connection} = await pair();
    await using _broker = broker;
    await using _connection = connection;
    const first = connection.request('q.one', Buffer.from('1'), {timeoutMs: 5000});
    const second = failureOf(connection.request('q.two', Buffer.from('2'), {timeoutMs: 5000}));
    const third = failureOf(connection.request('q.three', Buffer.from('3'), {timeoutMs: 20}));
    const replies = [await peer.line('PUB q.one'), await peer.line('PUB q.two')].map(
      (line) => line.split(' ')[2] ?? '',
    );
    expect(replies[0]).toMatch(/^mcollective\.reply\.[0-9a-f]{32}\.[0-9a-z]+$/);
    peer.send(`HMSG ${replies[1]} 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\nMSG ${replies[0]} 1 3\r\nyes\r\n`);
    expect((await first).payload.toString()).toBe('yes');
    expect((await second).code).toBe('ERR_NO_RESPONDERS');
    expect((await third).code).toBe('ERR_REQUEST_TIMEOUT');
  });

  test('a throwing handler costs neither the connection nor the next message', async () => {
    const errors: Error[] = [];
    const {broker, peer, connection} = await pair({events: {error: (error) => errors.push(error)}});
    await using _broker = broker;
    await using _connection = connection;
    let seen = 0;
    connection.subscribe('a', () => {
      seen++;
      throw new Error('oops');
    });
    await peer.line('SUB');
    peer.send('MSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\n-ERR \'Permissions Violation for Publish to "x"\'\r\nPING\r\n');
    await peer.line('PONG');
    expect(seen).toBe(2);
    expect(errors.map((error) => (error as ConnectError).code)).toEqual([
      'ERR_HANDLER',
      'ERR_HANDLER',
      'ERR_PERMISSION',
    ]);
    expect(connection.state).toBe('connected');
  });

  test('a broker that breaks the protocol is left', async () => {
    let reason: Error | undefined;
    const gone = new Promise<void>((resolve) => {
      void pair({
        events: {
          disconnected: (error) => {
            reason = error;
            resolve();
          },
        },
      }).then(async ({broker, peer, connection}) => {
        peer.send('MSG a 1 99999999999999999999\r\n');
        await gone;
        await connection.close();
        await broker[Symbol.asyncDispose]();
      });
    });
    await gone;
    expect((reason as ConnectError).code).toBe('ERR_BROKER_PROTOCOL');
  });
});

describe('a lost broker', () => {
  test('subscriptions come back, and what was published meanwhile follows', async () => {
    const parts = createNodeParts();
    const clock = createManualClock();
    const events: string[] = [];
    await using broker = await startScriptedBroker(parts.network);
    const opening = openConnection({
      ...defaults,
      platform: {...parts, clock},
      servers: [broker.url],
      events: {
        disconnected: () => events.push('disconnected'),
        reconnected: () => events.push('reconnected'),
      },
    });
    const peer = await broker.next();
    await peer.greet();
    await using connection = await opening;
    connection.subscribe('a', () => {});
    connection.subscribe('b', () => {}, {queue: 'q'}).unsubscribe();
    await peer.line('UNSUB');
    peer.stream.destroy();
    await expect.poll(() => connection.state).toBe('reconnecting');
    expect(connection.connectedServer).toBeUndefined();
    connection.publish('held', Buffer.from('later'));
    expect(() => connection.publish('held', Buffer.alloc(10 * 1024))).toThrow('buffer');
    // The first entry of the list is 500 ms, drawn up to one and a half of it.
    await clock.advance(750);
    const again = await broker.next();
    await again.greet();
    expect(await again.line('SUB')).toBe('SUB a 1');
    expect(await again.line('PUB')).toBe('PUB held 5');
    expect(again.lines.filter((line) => line.startsWith('SUB'))).toEqual([]);
    await expect.poll(() => connection.state).toBe('connected');
    expect(connection.stats.reconnects).toBe(1);
    expect(events).toEqual(['disconnected', 'reconnected']);
  });

  test('fault 79: a refused reconnection is tried again', async () => {
    const parts = createNodeParts();
    const clock = createManualClock();
    await using broker = await startScriptedBroker(parts.network);
    const opening = openConnection({...defaults, platform: {...parts, clock}, servers: [broker.url]});
    const peer = await broker.next();
    await peer.greet();
    await using connection = await opening;
    peer.send("-ERR 'User Authentication Expired'\r\n");
    await expect.poll(() => connection.state).toBe('reconnecting');
    for (let round = 0; round < 3; round++) {
      // Longer than the longest wait of this round, shorter than its shortest wait and the connect timeout.
      await clock.advance(1500);
      const refused = await broker.next();
      refused.info();
      await refused.line('PING');
      refused.send("-ERR 'Authorization Violation'\r\n");
      await refused.untilClosed();
    }
    await clock.advance(2250);
    await (await broker.next()).greet();
    await expect.poll(() => connection.state).toBe('connected');
  });

  test('fault 14: a broker that stops answering PING is given up within three intervals', async () => {
    const parts = createNodeParts();
    const clock = createManualClock();
    await using broker = await startScriptedBroker(parts.network);
    const lost: (Error | undefined)[] = [];
    const opening = openConnection({
      ...defaults,
      platform: {...parts, clock},
      servers: [broker.url],
      pingIntervalMs: 1000,
      events: {disconnected: (error) => lost.push(error)},
    });
    await (await broker.next()).greet();
    await using connection = await opening;
    await clock.advance(2100);
    expect(connection.state).toBe('connected');
    await clock.advance(1000);
    expect(connection.state).toBe('reconnecting');
    expect((lost[0] as ConnectError).code).toBe('ERR_STALE_CONNECTION');
  });
});

describe('ending', () => {
  test('flush waits for the broker and fails with the connection', async () => {
    const {broker, peer, connection} = await pair();
    await using _broker = broker;
    await using _connection = connection;
    const flushed = connection.flush({timeoutMs: 5000});
    await peer.line('PING');
    peer.send('PONG\r\n');
    await flushed;
    const failed = failureOf(connection.flush({timeoutMs: 5000}));
    await peer.line('PING');
    peer.stream.destroy();
    expect((await failed).code).toBe('ERR_CONNECTION_LOST');
    const late = failureOf(connection.flush({timeoutMs: 5000}));
    expect((await late).code).toBe('ERR_CONNECTION_LOST');
  });

  test('drain delivers what is under way, and handlers may still answer', async () => {
    const {broker, peer, connection} = await pair();
    await using _broker = broker;
    let seen = 0;
    connection.subscribe('a', (message) => {
      seen++;
      if (message.replyTo) connection.publish(message.replyTo, Buffer.from('bye'));
    });
    await peer.line('SUB');
    const drained = connection.drain();
    await peer.line('UNSUB 1');
    peer.send('MSG a 1 r.1 0\r\n\r\nPONG\r\n');
    await peer.line('PUB r.1 3');
    await peer.line('PING');
    peer.send('PONG\r\n');
    await drained;
    await peer.untilClosed();
    expect(seen).toBe(1);
    expect(connection.state).toBe('closed');
    expect(() => connection.publish('a', Buffer.alloc(0))).toThrow('closed');
  });

  test('close ends waiting requests and is told once', async () => {
    let closed = 0;
    const {broker, connection} = await pair({events: {closed: () => closed++}});
    await using _broker = broker;
    const waiting = failureOf(connection.request('q', Buffer.alloc(0), {timeoutMs: 60_000}));
    await connection.close();
    await connection.close();
    expect((await waiting).code).toBe('ERR_CONNECTION_CLOSED');
    expect(closed).toBe(1);
  });
});
