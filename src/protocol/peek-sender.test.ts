import {describe, expect, test} from 'vitest';
import {encodeTransport, openTransport, peekTransportSender} from './transport.ts';

const payload = Buffer.from('{"a":"\\"headers\\":{}"}');

describe('the sender of a message, read without opening it', () => {
  test.each([1, 2] as const)('is the one that opening it gives, in version %i', (version) => {
    const bytes = encodeTransport({version, payload, senderId: 'n1.example.net', trace: [['a', 'b', 'c']]});
    expect(peekTransportSender(bytes)).toBe('n1.example.net');
    expect(peekTransportSender(bytes)).toBe(openTransport(bytes).senderId);
  });

  test('a message in another order is opened whole', () => {
    const text = JSON.stringify({
      headers: {mc_sender: 'n2.example.net'},
      protocol: 'choria:transport:1',
      data: payload.toString('base64'),
    });
    expect(peekTransportSender(Buffer.from(text))).toBe('n2.example.net');
  });

  test('what is no message, or names a sender with control characters, is refused as when it is opened', () => {
    expect(() => peekTransportSender(Buffer.from('{}'))).toThrow('protocol');
    const bytes = encodeTransport({version: 1, payload, senderId: 'n\u001b1', trace: []});
    expect(() => peekTransportSender(bytes)).toThrow('control characters');
  });
});
