import {createPrivateKey} from 'node:crypto';
import {assert, property, uint8Array} from 'fast-check';
import {describe, expect, test} from 'vitest';
import {createNodeRandom} from '../lib/node-random.ts';
import {createX25519Pair, decryptPem, encryptPem, x25519Secret} from './key-transport.ts';
import {generateKey} from './x509-issue.ts';

const random = createNodeRandom();

describe('the transport of private keys', () => {
  test('both sides find the same secret', () => {
    const node = createX25519Pair();
    const provisioner = createX25519Pair();
    expect(x25519Secret(node.privateKey, provisioner.publicKey)).toEqual(
      x25519Secret(provisioner.privateKey, node.publicKey),
    );
  });

  test('what was encrypted opens with the same password, also by OpenSSL', async () => {
    const {privateKeyPem} = await generateKey('ec');
    const traditional = createPrivateKey(privateKeyPem).export({type: 'sec1', format: 'pem'}).toString();
    const password = Buffer.from('0123456789abcdef0123456789abcdef');
    const encrypted = encryptPem(traditional, {password, random});
    expect(decryptPem(encrypted, password)).toBe(traditional);
    const opened = createPrivateKey({key: encrypted, passphrase: password});
    expect(opened.export({type: 'pkcs8', format: 'pem'})).toBe(privateKeyPem);
  });

  test.each(['', 'x', '-----BEGIN RSA PRIVATE KEY-----\n', '-----BEGIN A-----\nAAAA\n-----END A-----\n'])(
    'a text that is no encrypted key is refused: %j',
    (text) => {
      expect(() => decryptPem(text, Buffer.alloc(32))).toThrow('Cannot');
    },
  );

  test('a public key of another size, or one of low order, is refused', () => {
    const {privateKey} = createX25519Pair();
    expect(() => x25519Secret(privateKey, Buffer.from('00', 'hex'))).toThrow('invalid public key');
    expect(() => x25519Secret(privateKey, Buffer.alloc(32))).toThrow('low order');
  });

  test('every content of a block survives', () => {
    const password = Buffer.from('secret');
    assert(
      property(uint8Array({minLength: 1, maxLength: 300}), (bytes) => {
        const pem = `-----BEGIN X-----\n${Buffer.from(bytes).toString('base64')}\n-----END X-----\n`;
        const opened = decryptPem(encryptPem(pem, {password, random}), password);
        const body = opened.split('\n').slice(1, -2).join('');
        expect(Buffer.from(body, 'base64')).toEqual(Buffer.from(bytes));
      }),
    );
  });
});
