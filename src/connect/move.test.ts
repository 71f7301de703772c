import {describe, expect, test} from 'vitest';
import {startTestBroker} from '../../test/support/broker.ts';
import {createManualClock} from '../../test/support/manual-clock.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import {openConnection} from './index.ts';
import {Overlap} from './move.ts';

const platform = createNodePlatform();
const bytes = (text: string): Buffer => Buffer.from(text);
const message = (text: string, subject = 's') => ({
  sid: 1,
  subject,
  replyTo: undefined,
  headerBytes: undefined,
  payload: bytes(text),
});

describe('moving to another broker', () => {
  test('a message from both is given once, and as often as it was really sent', () => {
    const overlap = new Overlap();
    expect(overlap.isNew('old', message('a'))).toBe(true);
    expect(overlap.isNew('next', message('a'))).toBe(false);
    expect(overlap.isNew('next', message('a'))).toBe(true);
    expect(overlap.isNew('old', message('a'))).toBe(false);
    expect(overlap.isNew('next', message('b'))).toBe(true);
    expect(overlap.isNew('old', message('a', 'other'))).toBe(true);
  });

  test('a broker that stops politely hands its client over before it closes the link', async () => {
    const first = await startTestBroker();
    await using second = await startTestBroker();
    const events: string[] = [];
    let places = [first.url];
    await using connection = await openConnection({
      platform,
      name: 'mover',
      servers: () => Promise.resolve(places),
      inboxPrefix: 'inbox',
      events: {
        disconnected: () => void events.push('disconnected'),
        reconnected: (server) => void events.push(`now at ${server}`),
      },
    });
    const seen: string[] = [];
    connection.subscribe('news', ({payload}) => void seen.push(payload.toString()));
    await connection.flush({timeoutMs: 5000});
    places = [first.url, second.url];
    await using publisher = await openConnection({
      platform,
      name: 'publisher',
      servers: [second.url],
      inboxPrefix: 'other',
    });
    const stopped = first.engine.stop({graceMs: 10_000});
    await expect.poll(() => connection.connectedServer).toBe(second.url);
    publisher.publish('news', bytes('from the second'));
    connection.subscribe('more', ({payload}) => void seen.push(payload.toString()));
    await connection.flush({timeoutMs: 5000});
    publisher.publish('more', bytes('of a new subscription'));
    await publisher.flush({timeoutMs: 5000});
    await expect.poll(() => seen).toEqual(['from the second', 'of a new subscription']);
    // Ends as soon as nobody is left, long before the grace is over.
    await stopped;
    await connection.flush({timeoutMs: 5000});
    expect(events).toEqual([`now at ${second.url}`]);
  });

  test('without another broker a client stays until the link is closed, and comes back', async () => {
    const first = await startTestBroker();
    const events: string[] = [];
    await using connection = await openConnection({
      platform,
      name: 'stayer',
      servers: [first.url],
      inboxPrefix: 'inbox',
      events: {disconnected: () => void events.push('disconnected')},
    });
    await connection.flush({timeoutMs: 5000});
    await first.engine.stop({graceMs: 50});
    await expect.poll(() => events).toEqual(['disconnected']);
    expect(connection.state).toBe('reconnecting');
    await using _again = await startTestBroker({port: first.port});
    await expect.poll(() => connection.state, {timeout: 10_000}).toBe('connected');
  });
});

describe('a token that ends', () => {
  test('is replaced on a second connection before it does, and no message is lost or given twice', async () => {
    await using broker = await startTestBroker();
    await using publisher = await openConnection({
      platform,
      name: 'publisher',
      servers: [broker.url],
      inboxPrefix: 'p',
    });
    const clock = createManualClock();
    const startMs = clock.nowMs();
    let token = {text: 'first', endsAtMs: startMs + 3_600_000};
    let file = token;
    const events: string[] = [];
    await using connection = await openConnection({
      platform: {...platform, clock},
      name: 'renewing',
      servers: [broker.url],
      inboxPrefix: 'r',
      auth: {
        get token() {
          return token.text;
        },
        get expiresAtMs() {
          return token.endsAtMs;
        },
      },
      prepare: () => {
        token = file;
        return Promise.resolve();
      },
      events: {
        disconnected: () => void events.push('disconnected'),
        reconnected: () => void events.push('moved'),
      },
    });
    const seen: string[] = [];
    connection.subscribe('news', ({payload}) => void seen.push(payload.toString()));
    await connection.flush({timeoutMs: 5000});
    await clock.advance(3_500_000);
    expect(events).toEqual([]);
    file = {text: 'second', endsAtMs: startMs + 7_200_000};
    let sent = 0;
    while (events.length === 0 && clock.nowMs() < startMs + 3_600_000) {
      publisher.publish('news', bytes(`message ${(sent += 1)}`));
      await publisher.flush({timeoutMs: 5000});
      await clock.advance(1000);
    }
    await clock.advance(10_000);
    await connection.flush({timeoutMs: 5000});
    expect(events).toEqual(['moved']);
    expect(seen).toEqual(Array.from({length: sent}, (_, index) => `message ${index + 1}`));
    expect(broker.engine.statistics().connections).toBe(2);
  });

  test('that is not renewed is looked for until its end, and not after', async () => {
    await using broker = await startTestBroker();
    const clock = createManualClock();
    const endsAtMs = clock.nowMs() + 120_000;
    let looks = 0;
    await using connection = await openConnection({
      platform: {...platform, clock},
      name: 'ending',
      servers: [broker.url],
      inboxPrefix: 'r',
      auth: {token: 'only', expiresAtMs: endsAtMs},
      prepare: () => {
        looks += 1;
        return Promise.resolve();
      },
    });
    await clock.advance(300_000);
    expect(looks).toBeGreaterThan(5);
    expect(looks).toBeLessThan(20);
    expect(connection.state).toBe('connected');
  });
});
