import {randomBytes} from 'node:crypto';
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {WireError} from './errors.ts';
import {
  deflateMessage,
  encodeFrameHead,
  maskedCopy,
  type WebSocketFrameOptions,
  WebSocketFrameParser,
} from './websocket-frames.ts';
import {
  acceptOf,
  answerUpgrade,
  checkUpgradeResponse,
  encodeUpgradeRequest,
  parseHttpHead,
} from './websocket-handshake.ts';

const open: WebSocketFrameOptions = {mask: 'optional', isCompressed: true, inflatedBytesMax: () => 100_000};

function frame(
  payload: Uint8Array,
  options: {opcode?: number; isFinal?: boolean; isCompressed?: boolean; mask?: Buffer} = {},
): Buffer {
  const {opcode = 2, isFinal = true, isCompressed = false, mask} = options;
  const head = encodeFrameHead({opcode, length: payload.length, isFinal, isCompressed, mask});
  return Buffer.concat([head, mask === undefined ? payload : maskedCopy(payload, mask)]);
}

function read(chunks: readonly Buffer[], options = open): readonly string[] {
  const events: string[] = [];
  let payload = '';
  const parser = new WebSocketFrameParser(
    {
      onPayload: (bytes) => void (payload += bytes.toString('latin1')),
      onPing: (bytes) => void events.push(`ping ${bytes.toString('latin1')}`),
      onPong: () => void events.push('pong'),
      onGoodbye: (code, reason) => void events.push(`goodbye ${code} ${reason}`),
    },
    options,
  );
  for (const chunk of chunks) parser.push(Buffer.from(chunk));
  return [payload, ...events];
}

function closeCodeOf(bytes: Buffer, options = open): unknown {
  try {
    read([bytes], options);
  } catch (error) {
    if (error instanceof WireError) return error.details['closeCode'];
    throw error;
  }
  return undefined;
}

const message = fc.record({
  payload: fc.uint8Array({maxLength: 300}),
  pieces: fc.integer({min: 1, max: 4}),
  isCompressed: fc.boolean(),
  isMasked: fc.boolean(),
  ping: fc.boolean(),
});

/** A message in pieces, with a ping between them. */
function encodeMessage(item: {
  payload: Uint8Array;
  pieces: number;
  isCompressed: boolean;
  isMasked: boolean;
  ping: boolean;
}) {
  const bytes = item.isCompressed ? deflateMessage(item.payload) : Buffer.from(item.payload);
  const size = Math.max(1, Math.ceil(bytes.length / item.pieces));
  const parts: Buffer[] = [];
  const mask = item.isMasked ? {mask: randomBytes(4)} : {};
  for (let start = 0; start === 0 || start < bytes.length; start += size) {
    const isFirst = start === 0;
    const isFinal = start + size >= bytes.length;
    const opcode = isFirst ? 2 : 0;
    parts.push(
      frame(bytes.subarray(start, start + size), {
        opcode,
        isFinal,
        isCompressed: isFirst && item.isCompressed,
        ...mask,
      }),
    );
    if (item.ping && !isFinal) parts.push(frame(Buffer.from('p'), {opcode: 9, ...mask}));
  }
  return Buffer.concat(parts);
}

describe('frames', () => {
  test('carry the same stream however they are cut, masked, compressed and split', () => {
    fc.assert(
      fc.property(fc.array(message, {maxLength: 5}), fc.array(fc.nat(2000), {maxLength: 8}), (items, cuts) => {
        const bytes = Buffer.concat(items.map(encodeMessage));
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
        const wanted = items.map((item) => Buffer.from(item.payload).toString('latin1')).join('');
        expect(read(chunks)[0]).toBe(wanted);
      }),
    );
  });

  test('may be any bytes: the parser ends with a close code or waits', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 200}), (bytes) => {
        expect([undefined, 1002, 1007, 1009]).toContain(closeCodeOf(Buffer.from(bytes)));
      }),
    );
  });

  const top = Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
  const huge = Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
  const start = frame(Buffer.from('a'), {isFinal: false});
  test.each([
    ['a length with its first bit set', top, 1002],
    ['a frame of a terabyte', huge, 1009],
    ['a control frame of 126 bytes', frame(Buffer.alloc(126), {opcode: 9}), 1002],
    ['a ping in pieces', frame(Buffer.alloc(1), {opcode: 9, isFinal: false}), 1002],
    ['a continuation of nothing', frame(Buffer.alloc(1), {opcode: 0}), 1002],
    ['a message inside a message', Buffer.concat([start, start]), 1002],
    ['an unknown opcode', frame(Buffer.alloc(0), {opcode: 3}), 1002],
    ['a goodbye of one byte', frame(Buffer.alloc(1), {opcode: 8}), 1002],
    ['a goodbye with a code that never travels', frame(Buffer.from([0x03, 0xee]), {opcode: 8}), 1002],
    ['a goodbye that is not UTF-8', frame(Buffer.from([0x03, 0xe8, 0xff, 0xfe]), {opcode: 8}), 1007],
    ['a compressed message of noise', frame(Buffer.alloc(40, 0xff), {isCompressed: true}), 1007],
    ['a bomb', frame(deflateMessage(Buffer.alloc(50_000_000)), {isCompressed: true}), 1009],
  ])('fault 17: %s is refused', (_name, bytes, code) => {
    expect(closeCodeOf(bytes)).toBe(code);
  });

  test('fault 17: masks are demanded from clients and refused from servers', () => {
    const mask = Buffer.from([1, 2, 3, 4]);
    expect(closeCodeOf(frame(Buffer.from('a')), {...open, mask: 'required'})).toBe(1002);
    expect(closeCodeOf(frame(Buffer.from('a'), {mask}), {...open, mask: 'forbidden'})).toBe(1002);
    expect(read([frame(Buffer.from('a'), {mask})], {...open, mask: 'required'})).toEqual(['a']);
  });
});

describe('the handshake', () => {
  const rules = {isCompressionAllowed: true, isTls: true, hasBytesBehind: false, nowMs: 0};
  const request = (extra = ''): ReturnType<typeof parseHttpHead> =>
    parseHttpHead(
      `GET / HTTP/1.1\r\nHost: broker.example.net:4333\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13${extra}`,
    );

  test('of our client is accepted by our server, and the answer by our client', () => {
    const key = Buffer.alloc(16, 7).toString('base64');
    const text = encodeUpgradeRequest({host: 'broker:4333', path: '/', key});
    const upgrade = answerUpgrade(parseHttpHead(text.slice(0, -4)), rules);
    expect(upgrade.isAccepted).toBe(true);
    checkUpgradeResponse(upgrade.response.slice(0, -4), key);
    expect(() => checkUpgradeResponse(upgrade.response.slice(0, -4), acceptOf(key))).toThrow(/another key/);
  });

  test.each([
    ['https://broker.example.net:4333', true],
    ['http://broker.example.net:4333', false],
    ['https://broker.example.net:4333.evil.example', false],
    ['https://evil.example', false],
    ['null', false],
    ['garbage', false],
  ])('fault 17: origin %s, same origin demanded: %s', (origin, isAccepted) => {
    const upgrade = answerUpgrade(request(`\r\nOrigin: ${origin}`), {...rules, isSameOriginRequired: true});
    expect(upgrade.isAccepted).toBe(isAccepted);
    if (!isAccepted) expect(upgrade.response).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
  });

  test('a list of origins admits those on it, and programs, which send none', () => {
    const allowed = {...rules, allowedOrigins: ['https://console.example.net']};
    expect(answerUpgrade(request('\r\nOrigin: https://console.example.net'), allowed).isAccepted).toBe(true);
    expect(answerUpgrade(request('\r\nOrigin: https://console.example.net:8443'), allowed).isAccepted).toBe(false);
    expect(answerUpgrade(request(), allowed).isAccepted).toBe(true);
  });

  test.each(['', 'GET', 'GET / HTTP/1.1\r\nno colon', 'GET / HTTP/1.1\r\n: x'])('%j is no request', (text) => {
    expect(parseHttpHead(text)).toBeUndefined();
  });
});
