import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {WireError} from './errors.ts';
import {ServerParser, type ServerParserOptions} from './server-parser.ts';

/** Everything the parser told, as text, and the error that ended it. */
function read(
  chunks: readonly Buffer[],
  options: ServerParserOptions & {readonly connectFirst?: boolean} = {},
): string[] {
  const seen: string[] = [];
  const parser = new ServerParser(
    {
      onConnect: (json) => seen.push(`connect ${json.toString('latin1')}`),
      onPublish: (frame) => {
        const text = (start: number, end: number): string => frame.buffer.toString('latin1', start, end);
        seen.push(
          [
            'publish',
            text(frame.subjectStart, frame.subjectEnd),
            frame.replyStart < 0 ? '-' : text(frame.replyStart, frame.replyEnd),
            frame.headerBytes,
            text(frame.sizeStart, frame.sizeEnd),
            text(frame.payloadStart, frame.payloadEnd),
            frame.isTailCanonical ? text(frame.subjectEnd, frame.payloadEnd + 2) : 'rebuilt',
          ].join('|'),
        );
      },
      onSubscribe: (item) => seen.push(`sub ${item.subject} ${item.queue ?? '-'} ${item.sid}`),
      onUnsubscribe: (sid, max) => seen.push(`unsub ${sid} ${max ?? '-'}`),
      onPing: () => seen.push('ping'),
      onPong: () => seen.push('pong'),
    },
    options,
  );
  parser.isConnectRequired = options.connectFirst ?? false;
  try {
    for (const chunk of chunks) parser.push(chunk);
    seen.push(`rest ${parser.bufferedBytes > 0}`);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    seen.push(error.code);
  }
  return seen;
}

function readText(text: string, options: Parameters<typeof read>[1] = {}): string[] {
  return read([Buffer.from(text, 'latin1')], options);
}

const session = [
  'CONNECT   \t {"verbose":false,"x":"{ \\u00e4 }"}\r\n',
  'PING\r\nping extra\r\nPONG\nSUB foo 1\r\nsub\tfoo.*  workers\t 2 \r\nUNSUB 1\r\nUNSUB 2 7\r\nUNSUB 3 x\r\n+OK\r\nINFO {}\r\n',
  'PUB foo 5\r\nhello\r\nPUB foo reply.to 0\r\n\r\npub  foo\treply 0003 \r\na\r\n\r\n',
  'HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHPUB foo r 12  12\r\nNATS/1.0\r\n\r\n\r\nPUB \u00e9\u00ff 2\n\r\n\r\n',
].join('');

const sessionOperations = [
  'connect {"verbose":false,"x":"{ \\u00e4 }"}',
  'ping',
  'ping',
  'pong',
  'sub foo - 1',
  'sub foo.* workers 2',
  'unsub 1 -',
  'unsub 2 7',
  'unsub 3 0',
  'publish|foo|-|-1|5|hello| 5\r\nhello\r\n',
  'publish|foo|reply.to|-1|0|| reply.to 0\r\n\r\n',
  'publish|foo|reply|-1|0003|a\r\n|rebuilt',
  'publish|foo|-|12|12 14|NATS/1.0\r\n\r\nhi| 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
  'publish|foo|r|12|12  12|NATS/1.0\r\n\r\n|rebuilt',
  'publish|\u00e9\u00ff|-|-1|2|\r\n|rebuilt',
  'rest false',
];

describe('a client stream', () => {
  test('is cut into its operations', () => {
    expect(readText(session)).toEqual(sessionOperations);
  });

  test('gives the same operations when it is split at any byte', () => {
    const bytes = Buffer.from(session, 'latin1');
    for (let place = 0; place <= bytes.length; place += 1) {
      expect(read([bytes.subarray(0, place), bytes.subarray(place)]), `split at ${place}`).toEqual(sessionOperations);
    }
  });

  test('gives the same operations one byte at a time', () => {
    const bytes = Buffer.from(session, 'latin1');
    expect(read([...bytes].map((byte) => Buffer.from([byte])))).toEqual(sessionOperations);
  });

  test('gives the same result, error included, however anything is split', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'PUB foo 3\r\nabc\r\n',
        'PUB foo 3\r\nabcd\r\n',
        'SUB a 1\r\n',
        'PING\r\n',
        'HPUB a 4 2\r\n',
        'HPUB a 2 4\r\nabcd\r\n',
        '\r\n',
        'PUB a 9',
        'CONNECT {}\r\n',
      ),
      fc.string({unit: 'binary', maxLength: 12}),
    );
    fc.assert(
      fc.property(fc.array(piece, {maxLength: 8}), fc.array(fc.nat(60), {maxLength: 12}), (pieces, sizes) => {
        const bytes = Buffer.from(pieces.join(''), 'latin1');
        const chunks: Buffer[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        chunks.push(bytes.subarray(Math.min(at, bytes.length)));
        const whole = read([bytes]).filter((line) => !line.startsWith('rest'));
        const split = read(chunks).filter((line) => !line.startsWith('rest'));
        expect(split).toEqual(whole);
      }),
      {numRuns: 500},
    );
  });

  test.each([
    ['FOO\r\n', 'ERR_WIRE_UNKNOWN_OPERATION'],
    ['\r\n', 'ERR_WIRE_UNKNOWN_OPERATION'],
    ['\x16\x03\x01', 'ERR_WIRE_UNKNOWN_OPERATION'],
    ['MSG a 1 1\r\na\r\n', 'ERR_WIRE_UNKNOWN_OPERATION'],
    ['RS+ a\r\n', 'ERR_WIRE_UNKNOWN_OPERATION'],
    ['PUB foo 2\r\nabc\r\n', 'ERR_WIRE_UNKNOWN_OPERATION'],
    ['PUB foo 5\r\nabc\r\nPING\r\n', 'ERR_WIRE_UNKNOWN_OPERATION'],
    ['PUB foo\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['PUB foo r 1 2\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['PUB foo -1\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['PUB foo 1e9\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['PUB foo 0x10\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['PUB foo 99999999999999999999\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['PUB foo 1048577\r\n', 'ERR_WIRE_PAYLOAD_TOO_LARGE'],
    ['HPUB foo 1 1048577\r\n', 'ERR_WIRE_PAYLOAD_TOO_LARGE'],
    ['HPUB foo 20 10\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['HPUB foo 12\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['SUB foo\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['SUB a b c d\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['UNSUB 1 2 3\r\n', 'ERR_WIRE_ARGUMENTS'],
    ["-ERR 'no'\r\n", 'ERR_WIRE_PEER_ERROR'],
    [`SUB ${'a'.repeat(4096)} 1\r\n`, 'ERR_WIRE_CONTROL_LINE_TOO_LONG'],
    [`SUB ${'a'.repeat(5000)}`, 'ERR_WIRE_CONTROL_LINE_TOO_LONG'],
    [`CONNECT {"name":"${'a'.repeat(5000)}`, 'ERR_WIRE_CONTROL_LINE_TOO_LONG'],
  ])('%j ends it with %s', (text, code) => {
    expect(readText(text).at(-1)).toBe(code);
    expect(read([...Buffer.from(text, 'latin1')].map((byte) => Buffer.from([byte]))).at(-1)).toBe(code);
  });

  test('must begin with CONNECT when it is required', () => {
    for (const text of ['PING\r\n', 'SUB a 1\r\n', 'PUB a 1', '\r\n', 'x']) {
      expect(readText(text, {connectFirst: true})).toEqual(['ERR_WIRE_CONNECT_FIRST']);
    }
  });

  test('an unfinished line holds no more than the limit', () => {
    const parser = new ServerParser({
      onConnect() {},
      onPublish() {},
      onSubscribe() {},
      onUnsubscribe() {},
      onPing() {},
      onPong() {},
    });
    parser.push(Buffer.from('SUB '));
    expect(() => {
      for (let index = 0; index < 10_000; index += 1) parser.push(Buffer.from('a'));
    }).toThrow('longer than 4096 bytes');
    expect(parser.bufferedBytes).toBeLessThan(4200);
  });

  test('suspended, it holds what comes and goes on in order when resumed', () => {
    const seen: string[] = [];
    const parser: ServerParser = new ServerParser({
      onConnect: () => {
        seen.push('connect');
        parser.suspend();
      },
      onPublish: () => {},
      onSubscribe: (item) => seen.push(item.sid),
      onUnsubscribe: () => {},
      onPing: () => seen.push('ping'),
      onPong: () => {},
    });
    parser.push(Buffer.from('CONNECT {}\r\nSUB a 1\r\nSU'));
    parser.push(Buffer.from('B a 2\r\nPING\r\n'));
    expect(seen).toEqual(['connect']);
    parser.resume();
    expect(seen).toEqual(['connect', '1', '2', 'ping']);
  });
});
