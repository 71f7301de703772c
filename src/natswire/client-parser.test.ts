import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {ClientParser} from './client-parser.ts';
import {WireError} from './errors.ts';
import {encodePublish} from './writer.ts';

function read(chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const parser = new ClientParser({
    onInfo: (json) => seen.push(`info ${json.toString()}`),
    onMessage: (message) =>
      seen.push(
        [
          message.sid,
          message.subject,
          message.replyTo ?? '-',
          message.headerBytes?.toString() ?? '-',
          message.payload.toString(),
        ].join('|'),
      ),
    onPing: () => seen.push('ping'),
    onPong: () => seen.push('pong'),
    onOk: () => seen.push('ok'),
    onError: (text) => seen.push(`error ${text}`),
  });
  try {
    for (const chunk of chunks) parser.push(chunk);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    seen.push(error.code);
  }
  return seen;
}

const session = Buffer.from(
  [
    'INFO {"max_payload":5} \r\n+OK\r\nPING\r\nPONG\r\n',
    '-ERR \'Permissions Violation for Publish to "a b"\'\r\n',
    'MSG foo 1 5\r\nhello\r\nMSG foo.bär 12 _INBOX.x.y 0\r\n\r\n',
    'HMSG foo 1 18 21\r\nNATS/1.0\r\nA: b\r\n\r\nxyz\r\nHMSG foo 3 re.ply 12 12\r\nNATS/1.0\r\n\r\n\r\n',
    'MSG foo abc 1\r\n\n\r\n',
  ].join(''),
);

const operations = [
  'info {"max_payload":5} ',
  'ok',
  'ping',
  'pong',
  'error Permissions Violation for Publish to "a b"',
  '1|foo|-|-|hello',
  '12|foo.bär|_INBOX.x.y|-|',
  '1|foo|-|NATS/1.0\r\nA: b\r\n\r\n|xyz',
  '3|foo|re.ply|NATS/1.0\r\n\r\n|',
  '-1|foo|-|-|\n',
];

describe('a server stream', () => {
  test('is cut into its operations at every split', () => {
    for (let place = 0; place <= session.length; place += 1) {
      expect(read([session.subarray(0, place), session.subarray(place)]), `split at ${place}`).toEqual(operations);
    }
    expect(read([...session].map((byte) => Buffer.from([byte])))).toEqual(operations);
  });

  test.each([
    ['HELLO\r\n', 'ERR_WIRE_UNKNOWN_OPERATION'],
    ['MSG foo 1\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['MSG foo 1 a b 2\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['MSG foo 1 -2\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['HMSG foo 1 5 2\r\n', 'ERR_WIRE_ARGUMENTS'],
    ['MSG foo 1 999999999\r\n', 'ERR_WIRE_PAYLOAD_TOO_LARGE'],
    ['MSG foo 1 2\r\nabc\r\n', 'ERR_WIRE_UNKNOWN_OPERATION'],
  ])('%j ends it with %s', (text, code) => {
    expect(read([Buffer.from(text)])).toEqual([code]);
  });

  test('what a client publishes comes back as it was sent', () => {
    const token = fc.stringMatching(/^[a-zA-Z0-9_$*>-]{1,8}$/);
    const subject = fc.array(token, {minLength: 1, maxLength: 5}).map((tokens) => tokens.join('.'));
    fc.assert(
      fc.property(subject, fc.option(subject), fc.uint8Array({maxLength: 40}), (name, reply, payload) => {
        const sent = encodePublish(name, payload, reply === null ? {} : {replyTo: reply}).toString('latin1');
        const answered = sent.replace(/^PUB (\S+)/, 'MSG $1 7');
        const expected = `7|${name}|${reply ?? '-'}|-|${Buffer.from(payload).toString()}`;
        expect(read([Buffer.from(answered, 'latin1')])).toEqual([expected]);
      }),
    );
  });
});
