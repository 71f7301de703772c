import {generateKeyPairSync} from 'node:crypto';
import {expect, test} from 'vitest';
import {signEd25519} from './ed25519.ts';
import {
  decodeNkeyPublic,
  decodeNkeySeed,
  encodeNkeySeed,
  nkeyPublicFromSeed,
  signNkey,
  verifyNkeySignature,
} from './nkeys.ts';

// The example pair of the NATS documentation for nkey authentication.
const seed = 'SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY';
const publicKey = 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4';

test('a documented seed gives its documented public key', () => {
  expect(nkeyPublicFromSeed(seed)).toBe(publicKey);
  expect(decodeNkeySeed(seed).kind).toBe('user');
  expect(encodeNkeySeed('user', decodeNkeySeed(seed).raw)).toBe(seed);
});

test('a signature by the seed verifies with the public text and with nothing else', () => {
  const message = Buffer.from('nonce');
  const signature = signNkey(seed, message);
  expect(verifyNkeySignature(publicKey, {message, signature})).toBe(true);
  expect(verifyNkeySignature(publicKey, {message: Buffer.from('nonce2'), signature})).toBe(false);
  expect(verifyNkeySignature('UAAA', {message, signature})).toBe(false);
  const {privateKey} = generateKeyPairSync('ed25519');
  const other = privateKey.export({format: 'der', type: 'pkcs8'}).subarray(-32);
  expect(verifyNkeySignature(publicKey, {message, signature: signEd25519(other, message)})).toBe(false);
});

test('one changed letter is found by the check sum', () => {
  for (let at = 0; at < publicKey.length; at += 1) {
    const changed = publicKey.slice(0, at) + (publicKey[at] === 'A' ? 'B' : 'A') + publicKey.slice(at + 1);
    expect(() => decodeNkeyPublic(changed)).toThrow(/nkey/);
  }
});
