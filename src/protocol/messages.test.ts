import {createHash, randomBytes} from 'node:crypto';
import * as fc from 'fast-check';
import {beforeAll, describe, expect, test} from 'vitest';
import type {ProvenCaller, RequestProof, SecurityProvider} from '../crypto/index.ts';
import {decodeBase64} from './base64.ts';
import {decodeBody, encodeBody} from './body.ts';
import {filterFromWire, filterToWire} from './filter-wire.ts';
import {nanosecondsToMs, newRequestId} from './ids.ts';
import {createReply, encodeReplyTransport, openReply} from './reply.ts';
import {createRequestCache, openRequest} from './request.ts';
import {encodeRequest, type NewRequest} from './request-encode.ts';
import {encodeTransport, openTransport} from './transport.ts';
import {createTransportCache} from './transport-cache.ts';
import type {Filter, ProtocolVersion, Transport} from './types.ts';

const nowMs = Date.UTC(2026, 10, 21, 12);

/** Signs with a plain hash: what is tested here is the messages, not the keys. */
function hashProvider(technology: SecurityProvider['technology']): SecurityProvider & {verified: number} {
  const hash = (message: Uint8Array): Buffer => createHash('sha256').update(message).digest();
  return {
    name: 'test',
    technology,
    certname: 'rip.mcollective',
    callerId: 'choria=rip.mcollective',
    credential: 'credential',
    tls: {},
    trustId: 'test',
    verified: 0,
    sign: async (message) => hash(message),
    verifyRequest(proof: RequestProof): ProvenCaller {
      this.verified += 1;
      expect(hash(proof.message).equals(proof.signature)).toBe(true);
      return {callerId: proof.claimedCaller, signedBy: proof.claimedCaller, validUntilMs: nowMs + 60_000};
    },
    validate: async () => [],
  };
}

const text = fc.string({minLength: 1, maxLength: 20});
const filters: fc.Arbitrary<Filter> = fc.record({
  facts: fc.array(
    fc.record({fact: text, operator: fc.constantFrom('==', '!=', '=~', '<', '<=', '>', '>='), value: text}),
  ),
  classes: fc.array(text),
  agents: fc.array(text),
  identities: fc.array(text),
  compounds: fc.array(fc.array(fc.record({expr: text}), {maxLength: 2}), {maxLength: 2}),
});
const names = fc.stringMatching(/^[a-z0-9_.-]{1,20}$/);

describe.each<ProtocolVersion>([1, 2])('messages of version %i', (version) => {
  const provider = hashProvider(version === 1 ? 'x509' : 'ed25519+jwt');
  const requests: fc.Arbitrary<NewRequest> = fc.record({
    id: fc.constant('').map(() => newRequestId(version, {random: {bytes: (count) => randomBytes(count)}, nowMs})),
    senderId: names,
    collective: names,
    agent: names,
    ttlSeconds: fc.integer({min: 30, max: 100_000}),
    sentAtMs: fc.integer({min: 1, max: 4_000_000_000}).map((seconds) => seconds * 1_000),
    filter: filters,
    body: fc
      .oneof(fc.uint8Array({minLength: 1}), fc.string({minLength: 1}), fc.constant('ping'))
      .map((body) => Buffer.from(body as string)),
  });

  test('a request comes out as it went in', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const payload = await encodeRequest(request, {provider});
        const opened = openRequest({version, payload, trace: []}, {provider, nowMs});
        expect(opened.request).toEqual({...request, version, callerId: provider.callerId, filter: request.filter});
      }),
    );
  });

  test('a reply comes out as it went in', async () => {
    const body =
      version === 1
        ? fc.string({unit: 'grapheme'}).map((item) => Buffer.from(item))
        : fc.uint8Array().map((item) => Buffer.from(item));
    await fc.assert(
      fc.asyncProperty(body, names, async (bytes, senderId) => {
        const payload = await createReply(
          {version, id: 'a'.repeat(32), agent: 'rpcutil'},
          {senderId, body: bytes, nowMs},
        );
        expect(openReply({version, payload, trace: []})).toEqual({
          version,
          requestId: 'a'.repeat(32),
          senderId,
          agent: 'rpcutil',
          sentAtMs: nowMs,
          body: bytes,
          senderVerified: false,
        });
      }),
    );
  });

  test('a transport comes out as it went in', () => {
    const subject = fc
      .array(fc.stringMatching(/^[a-zA-Z0-9_-]{1,8}$/), {minLength: 1, maxLength: 5})
      .map((parts) => parts.join('.'));
    const transports: fc.Arbitrary<Transport> = fc.record(
      {
        version: fc.constant(version),
        payload: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        trace: fc.array(fc.tuple(names, names, names), {maxLength: 5}),
        replyTo: subject,
        senderId: names,
        federation: fc.record(
          {requestId: names, replyTo: subject, targets: fc.array(subject)},
          {requiredKeys: ['requestId', 'targets']},
        ),
      },
      {requiredKeys: ['version', 'payload', 'trace']},
    );
    fc.assert(
      fc.property(transports, (transport) => {
        expect(openTransport(encodeTransport(transport))).toEqual(transport);
      }),
    );
  });

  test('identical bytes are opened once for all servers that share a cache', async () => {
    const counting = hashProvider(provider.technology);
    const request = fc.sample(requests, 1)[0];
    if (request === undefined) throw new Error('no sample');
    const payload = await encodeRequest(request, {provider: counting});
    const cache = createRequestCache();
    const first = openRequest({version, payload, trace: []}, {provider: counting, nowMs, cache});
    const second = openRequest({version, payload: Buffer.from(payload), trace: []}, {provider: counting, nowMs, cache});
    expect(second).toBe(first);
    expect(counting.verified).toBe(1);
    openRequest({version, payload, trace: []}, {provider: counting, nowMs: nowMs + 11_000, cache});
    expect(counting.verified).toBe(2);
  });
});

test('equal bytes give one transport object, others another, and the oldest is dropped', () => {
  const make = (senderId: string): Buffer =>
    encodeTransport({version: 1, payload: Buffer.from('x'), senderId, trace: []});
  const cache = createTransportCache(2);
  const first = cache.open(make('a'));
  expect(cache.open(make('a'))).toBe(first);
  expect(cache.open(make('b'))).not.toBe(first);
  expect(cache.open(make('a'))).toBe(first);
  cache.open(make('c'));
  expect(cache.open(make('a'))).toEqual(first);
  expect(cache.open(make('a'))).not.toBe(first);
  expect(() => cache.open(Buffer.from('x'))).toThrow(/not JSON/);
});

test('a reply to a federated request carries its header and all earlier hops, another only its own', () => {
  const request: Transport = {
    version: 1,
    payload: Buffer.from('x'),
    replyTo: 'choria.federation.production.collective',
    trace: [['a', 'client', 'a']],
    federation: {requestId: 'r', replyTo: 'mcollective.reply.x.1', targets: ['mcollective.node.n1']},
  };
  const options = {payload: Buffer.from('y'), senderId: 'n1', connectedServer: 'nats://b:4222'};
  const hop = ['nats://b:4222', 'n1', 'nats://b:4222'];
  expect(openTransport(encodeReplyTransport(request, options))).toEqual({
    version: 1,
    payload: Buffer.from('y'),
    senderId: 'n1',
    trace: [['a', 'client', 'a'], hop],
    federation: {requestId: 'r', replyTo: 'mcollective.reply.x.1', targets: []},
  });
  const {federation: _federation, ...plain} = request;
  expect(openTransport(encodeReplyTransport(plain, options)).trace).toEqual([hop]);
});

test('line ends inside base64 are ignored, everything else that is not base64 is refused', () => {
  expect(decodeBase64('cGlu\nZw==\r\n')?.toString()).toBe('ping');
  for (const bad of ['cGluZw', 'cGluZw=', 'cGlu Zw==', 'c=luZw==', '=', '====', 'cGluZw==A', '-_==']) {
    expect(decodeBase64(bad)).toBeUndefined();
  }
});

test('bodies that look like base64 are protected, so that agents see what was sent', () => {
  expect(encodeBody(Buffer.from('ping'))).toBe('cGluZw==');
  expect(encodeBody(Buffer.from('{"a":1}'))).toBe('{"a":1}');
  expect(decodeBody('abcd')).toEqual(Buffer.from('abcd', 'base64'));
  fc.assert(
    fc.property(fc.uint8Array({minLength: 1}), (body) => decodeBody(encodeBody(body)).equals(Buffer.from(body))),
  );
});

test('filters keep every entry on the wire', () => {
  fc.assert(
    fc.property(filters, (filter) => {
      expect(filterFromWire(JSON.parse(JSON.stringify(filterToWire(filter))))).toEqual(filter);
    }),
  );
});

test('a nanosecond time gives the millisecond it was made from', () => {
  fc.assert(
    fc.property(fc.integer({min: 0, max: 4_000_000_000_000}), (ms) => nanosecondsToMs(Number(`${ms}000000`)) === ms),
  );
});

let stale: string;
beforeAll(async () => {
  const {generateValidators} = await import('../../tools/generate-schemas.ts');
  stale = generateValidators();
});

test('the compiled schemas are those of src/protocol/schemas', async () => {
  const {readFileSync} = await import('node:fs');
  const {validatorsPath} = await import('../../tools/generate-schemas.ts');
  expect(readFileSync(validatorsPath, 'utf8')).toBe(stale);
});
