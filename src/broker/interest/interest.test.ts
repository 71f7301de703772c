import {deflateRawSync} from 'node:zlib';
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {startTestBroker, testTlsMaterial} from '../../../test/support/broker.ts';
import {ConnectError, openConnection, queryInterest} from '../../connect/index.ts';
import {createNodePlatform} from '../../lib/node-platform.ts';
import {
  decodeInterestAnswer,
  decodeInterestQuery,
  encodeInterestAnswer,
  encodeInterestQuery,
  inboxPrefix,
} from '../../protocol/index.ts';
import {fleetAccountName} from '../authentication/accounts.ts';
import {createBrokerAuthenticator} from '../authentication/broker-auth.ts';
import {answerFrom, type Listening, readSubjects} from './answer.ts';

const platform = createNodePlatform();

describe('what a connection listens to', () => {
  test('is its own subjects and its agents, without patterns and without other collectives', () => {
    const subjects = [
      'mcollective.node.n1.example.net',
      'mcollective.broadcast.agent.rpcutil',
      'mcollective.broadcast.agent.>',
      'mcollective.node.*',
      'other.node.n1.example.net',
      'mcollective.reply.0123.>',
      'mcollectives.node.n2',
    ];
    const listening = readSubjects(subjects, 'mcollective');
    expect(listening?.identities).toEqual(['n1.example.net']);
    expect([...(listening?.agents ?? [])]).toEqual(['rpcutil']);
    expect(readSubjects(['>', 'mcollective.broadcast.agent.discovery'], 'mcollective')).toBeUndefined();
  });

  test('counts a server once, however many connections it has, and only with all agents asked for', () => {
    const listener = (identity: string, ...agents: string[]): Listening => ({
      identities: [identity],
      agents: new Set(agents),
    });
    const listeners = [listener('b', 'x', 'y'), listener('a', 'x', 'y'), listener('a', 'x', 'y'), listener('c', 'x')];
    const rest = {listeners, complete: true, brokers: 1};
    const both = answerFrom({collective: 'm', agents: ['x', 'y'], list: true, identities: ['c', 'd']}, rest);
    expect(both).toMatchObject({servers: 2, identities: ['a', 'b'], connected: ['c']});
    expect(answerFrom({collective: 'm', agents: []}, rest).servers).toBe(3);
    expect(answerFrom({collective: 'm'}, rest).servers).toBe(0);
  });
});

describe('messages about interest', () => {
  test('come out as they went in', () => {
    const name = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
    fc.assert(
      fc.property(
        name,
        fc.array(name, {maxLength: 5}),
        fc.array(name, {maxLength: 5}),
        (collective, agents, identities) => {
          const query = {collective, agents, identities, list: true};
          expect(decodeInterestQuery(encodeInterestQuery(query))).toEqual(query);
          const answer = {collective, servers: 2, identities, complete: true, truncated: false, brokers: 3};
          expect(decodeInterestAnswer(encodeInterestAnswer(answer))).toEqual(answer);
        },
      ),
    );
  });

  test('names that do not fit into one message are left out and it says so', () => {
    const identities = Array.from({length: 20_000}, (_, index) => `${'x'.repeat(50)}${index}`);
    const answer = {collective: 'm', servers: 20_000, identities, complete: true, truncated: false, brokers: 1};
    const encoded = encodeInterestAnswer(answer);
    expect(encoded.length).toBeLessThan(1000);
    expect(decodeInterestAnswer(encoded)).toMatchObject({servers: 20_000, truncated: true});
  });

  test('names that do not fit are packed for those who understand that, however many', () => {
    const identities = Array.from({length: 60_000}, (_, index) => `node${index}.${index * 7_919}.example.net`);
    const answer = {collective: 'm', servers: 60_000, identities, complete: true, truncated: false, brokers: 1};
    const encoded = encodeInterestAnswer(answer, {packs: true});
    expect(encoded.length).toBeLessThan(900_000);
    expect(decodeInterestAnswer(encoded)).toEqual(answer);
  });

  test('a small message that unpacks into a large one is refused', () => {
    const packed = deflateRawSync(Buffer.alloc(40_000_000, 'a')).toString('base64');
    const answer = {protocol: 'choria:broker:interest:reply:1', collective: 'm', servers: 1, brokers: 1, packed};
    expect(() => decodeInterestAnswer(Buffer.from(JSON.stringify(answer)))).toThrow('cannot be unpacked');
    for (const other of [1, 'no base64 of anything']) {
      const odd = Buffer.from(JSON.stringify({...answer, packed: other}));
      expect(() => decodeInterestAnswer(odd)).toThrow('"packed"');
    }
  });

  test.each([
    ['[]', 'no object'],
    ['{"collective":"m"}', '"protocol"'],
    ['{"protocol":"choria:broker:interest:request:1"}', '"collective"'],
    ['{"protocol":"choria:broker:interest:request:1","collective":"a.*"}', '"collective"'],
    ['{"protocol":"choria:broker:interest:request:1","collective":"m","agents":"x"}', '"agents"'],
    ['{"protocol":"choria:broker:interest:request:1","collective":"m","identities":["a b"]}', '"identities"'],
    ['{', 'Cannot read'],
  ])('%s is refused with a word', (text, word) => {
    expect(() => decodeInterestQuery(Buffer.from(text))).toThrow(word);
  });
});

describe('the embedded engine', () => {
  const open = (url: string, certificate: string, prefix: string) =>
    openConnection({
      platform,
      name: certificate,
      servers: [url],
      tls: {material: testTlsMaterial(certificate), verify: false},
      inboxPrefix: prefix,
    });

  test('tells a caller who is connected, and a node nothing', async () => {
    const authenticator = createBrokerAuthenticator({clock: platform.clock, privilegedCallers: ['^alice']});
    await using broker = await startTestBroker({tls: true, accounts: [fleetAccountName], authenticator});
    await using node1 = await open(broker.url, 'node1', inboxPrefix('mcollective', 'node1.example.net'));
    await using node2 = await open(broker.url, 'node2', inboxPrefix('mcollective', 'node2.example.net'));
    await using alice = await open(broker.url, 'alice', 'mcollective.reply.alice');
    for (const [node, name] of [
      [node1, 'node1.example.net'],
      [node2, 'node2.example.net'],
    ] as const) {
      node.subscribe(`mcollective.node.${name}`, () => {});
      node.subscribe('mcollective.broadcast.agent.discovery', () => {});
      await node.flush({timeoutMs: 5000});
    }
    node1.subscribe('mcollective.broadcast.agent.puppet', () => {});
    await node1.flush({timeoutMs: 5000});
    alice.subscribe('>', () => {});
    const ask = (query: object) => queryInterest(alice, {collective: 'mcollective', ...query}, {timeoutMs: 5000});
    expect(await ask({list: true})).toEqual({
      collective: 'mcollective',
      servers: 2,
      identities: ['node1.example.net', 'node2.example.net'],
      complete: true,
      truncated: false,
      brokers: 1,
    });
    expect((await ask({agents: ['discovery', 'puppet']}))?.servers).toBe(1);
    expect((await ask({identities: ['node2.example.net', 'gone.example.net']}))?.connected).toEqual([
      'node2.example.net',
    ]);
    expect((await ask({collective: 'elsewhere'}))?.servers).toBe(0);
    // Refused at once, not after the time given.
    expect(await queryInterest(node1, {collective: 'mcollective'}, {timeoutMs: 60_000})).toBeUndefined();
  });

  test('answers the asker only, so a reply subject does not make it speak to others', async () => {
    await using broker = await startTestBroker();
    await using asker = await openConnection({platform, name: 'a', servers: [broker.url], inboxPrefix: 'a'});
    await using other = await openConnection({platform, name: 'b', servers: [broker.url], inboxPrefix: 'b'});
    const seen: string[] = [];
    other.subscribe('victim', (message) => void seen.push(message.subject));
    await other.flush({timeoutMs: 5000});
    asker.publish('choria.broker.interest', encodeInterestQuery({collective: 'm'}), {replyTo: 'victim'});
    await asker.flush({timeoutMs: 5000});
    await other.flush({timeoutMs: 5000});
    expect(seen).toEqual([]);
  });

  test('a broker that has no such service, or answers nonsense, is as good as none', async () => {
    const failing = (error: Error) => ({request: () => Promise.reject(error)});
    for (const code of ['ERR_NO_RESPONDERS', 'ERR_REQUEST_TIMEOUT', 'ERR_PERMISSION'] as const) {
      expect(await queryInterest(failing(new ConnectError(code, 'no')), {collective: 'm'})).toBeUndefined();
    }
    await expect(
      queryInterest(failing(new ConnectError('ERR_CONNECTION_CLOSED', 'closed')), {collective: 'm'}),
    ).rejects.toThrow('closed');
    const payload = Buffer.from('{"servers":1}');
    const odd = {request: () => Promise.resolve({subject: 'x', replyTo: undefined, headers: undefined, payload})};
    expect(await queryInterest(odd, {collective: 'm'})).toBeUndefined();
    await expect(queryInterest(odd, {collective: 'a.b'})).rejects.toThrow('"collective"');
  });
});
