/**
 * NATS keys: an ed25519 public key or seed as base32 text with a type letter and a checksum.
 *
 * Pure: randomness comes from the caller.
 */
import {createPublicKey, type KeyObject, verify} from 'node:crypto';

/** The first letter says what the key is for: `N` server, `U` user, `A` account, `X` encryption. */
const prefixes = {server: 13 << 3, user: 20 << 3, account: 0, curve: 23 << 3} as const;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const keyBytes = 32;
const textLength = 56;
/** DER in front of a raw ed25519 public key. */
const publicKeyHeader = Buffer.from('302a300506032b6570032100', 'hex');

function checksum(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}

function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      text += alphabet[(value >>> (bits - 5)) & 31];
      bits -= 5;
    }
  }
  if (bits > 0) text += alphabet[(value << (5 - bits)) & 31];
  return text;
}

function fromBase32(text: string): Buffer | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    const digit = alphabet.indexOf(letter);
    if (digit < 0) return undefined;
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bytes.push((value >>> (bits - 8)) & 255);
      bits -= 8;
    }
  }
  return Buffer.from(bytes);
}

/** The text of a raw 32 byte public key, such as `U...`: 56 characters. */
export function encodeNkeyPublic(kind: keyof typeof prefixes, publicKey: Uint8Array): string {
  const body = Buffer.concat([Buffer.from([prefixes[kind]]), publicKey]);
  const crc = checksum(body);
  return toBase32(Buffer.concat([body, Buffer.from([crc & 255, crc >> 8])]));
}

/** The raw public key, or undefined when the text is no nkey of that kind. */
export function decodeNkeyPublic(kind: keyof typeof prefixes, text: string): Buffer | undefined {
  if (text.length !== textLength) return undefined;
  const bytes = fromBase32(text);
  if (bytes === undefined || bytes.length !== keyBytes + 3 || bytes[0] !== prefixes[kind]) return undefined;
  const body = bytes.subarray(0, keyBytes + 1);
  const crc = checksum(body);
  if (bytes[keyBytes + 1] !== (crc & 255) || bytes[keyBytes + 2] !== crc >> 8) return undefined;
  return Buffer.from(body.subarray(1));
}

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  return createPublicKey({key: Buffer.concat([publicKeyHeader, publicKey]), format: 'der', type: 'spki'});
}

/** Whether `signature` over `message` was made with the private half of a user nkey. */
export function verifyNkeySignature(
  userKey: string,
  proof: {readonly message: Uint8Array; readonly signature: Uint8Array},
): boolean {
  const publicKey = decodeNkeyPublic('user', userKey);
  if (publicKey === undefined || proof.signature.length !== 64) return false;
  return verify(null, proof.message, publicKeyObject(publicKey), proof.signature);
}
