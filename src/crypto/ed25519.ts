/** Ed25519 over raw 32 byte seeds and keys, as hex text in files and tokens. */
import {createPrivateKey, createPublicKey, type KeyObject, sign as signWith, verify as verifyWith} from 'node:crypto';
import {CryptoError} from './errors.ts';

const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const hexKey = /^[0-9a-fA-F]{64}$/;

/** Whether a text is a key or seed: 64 hex characters and nothing else. */
export function isHexKey(text: string): boolean {
  return hexKey.test(text);
}

/** @throws {CryptoError} `ERR_KEY_INVALID` */
export function ed25519PrivateKey(seed: Uint8Array): KeyObject {
  if (seed.length !== 32) {
    throw new CryptoError('ERR_KEY_INVALID', `Cannot use ed25519 seed: it has ${seed.length} bytes, expected 32`);
  }
  return createPrivateKey({key: Buffer.concat([privatePrefix, seed]), format: 'der', type: 'pkcs8'});
}

/** @throws {CryptoError} `ERR_KEY_INVALID` */
export function ed25519PublicKey(raw: Uint8Array): KeyObject {
  if (raw.length !== 32) {
    throw new CryptoError('ERR_KEY_INVALID', `Cannot use ed25519 public key: it has ${raw.length} bytes, expected 32`);
  }
  return createPublicKey({key: Buffer.concat([publicPrefix, raw]), format: 'der', type: 'spki'});
}

/** The seed in a file's text: exactly 64 hex characters, no line end, as the reference reads it. */
export function parseSeed(text: string): Buffer {
  if (!isHexKey(text)) {
    throw new CryptoError(
      'ERR_KEY_INVALID',
      'Cannot use ed25519 seed: expected exactly 64 hex characters without a line end',
    );
  }
  return Buffer.from(text, 'hex');
}

export function ed25519PublicFromSeed(seed: Uint8Array): Buffer {
  return createPublicKey(ed25519PrivateKey(seed)).export({format: 'der', type: 'spki'}).subarray(publicPrefix.length);
}

/** @param key a seed, or its key object where many messages are signed: making one takes longer than signing */
export function signEd25519(key: Uint8Array | KeyObject, message: Uint8Array): Buffer {
  return signWith(null, message, key instanceof Uint8Array ? ed25519PrivateKey(key) : key);
}

/** False for anything that is not a good signature, odd sizes and points included. */
export function verifyEd25519(
  publicKey: Uint8Array | KeyObject,
  options: {readonly message: Uint8Array; readonly signature: Uint8Array},
): boolean {
  if (options.signature.length !== 64) return false;
  if (!(publicKey instanceof Uint8Array)) return verifyWith(null, options.message, publicKey, options.signature);
  if (publicKey.length !== 32) return false;
  return verifyWith(null, options.message, ed25519PublicKey(publicKey), options.signature);
}
