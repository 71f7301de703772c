/**
 * NKeys: ed25519 keys in the text form of NATS, base32 with a type in front and a check sum behind.
 *
 * Written here over node:crypto because it signs a hundred times faster than the published package.
 */
import {ed25519PrivateKey, ed25519PublicFromSeed, signEd25519, verifyEd25519} from './ed25519.ts';
import {CryptoError} from './errors.ts';

export type NkeyKind = 'user' | 'account' | 'operator' | 'server' | 'cluster' | 'curve';

const kindBytes: Readonly<Record<NkeyKind, number>> = {
  user: 20 << 3,
  account: 0,
  operator: 14 << 3,
  server: 13 << 3,
  cluster: 2 << 3,
  curve: 23 << 3,
};
const seedByte = 18 << 3;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export interface Nkey {
  readonly kind: NkeyKind;
  /** The raw public key or seed, 32 bytes. */
  readonly raw: Buffer;
}

export function encodeNkeyPublic(kind: NkeyKind, publicKey: Uint8Array): string {
  return encode(Buffer.from([kindBytes[kind]]), publicKey);
}

export function encodeNkeySeed(kind: NkeyKind, seed: Uint8Array): string {
  const type = kindBytes[kind];
  return encode(Buffer.from([seedByte | (type >> 5), (type & 31) << 3]), seed);
}

/** @throws {CryptoError} `ERR_KEY_INVALID` */
export function decodeNkeyPublic(text: string): Nkey {
  const bytes = decode(text);
  const kind = kindOf(bytes[0] ?? 0);
  if (kind === undefined || bytes.length !== 33) throw invalid('it is not a public key');
  return {kind, raw: bytes.subarray(1)};
}

/** @throws {CryptoError} `ERR_KEY_INVALID` */
export function decodeNkeySeed(text: string): Nkey {
  const bytes = decode(text);
  const [first = 0, second = 0] = bytes;
  const kind = kindOf(((first & 7) << 5) | ((second & 248) >> 3));
  if ((first & 248) !== seedByte || kind === undefined || bytes.length !== 34) throw invalid('it is not a seed');
  return {kind, raw: bytes.subarray(2)};
}

/** The public text of a seed. */
export function nkeyPublicFromSeed(seed: string): string {
  const {kind, raw} = decodeNkeySeed(seed);
  return encodeNkeyPublic(kind, ed25519PublicFromSeed(raw));
}

export function signNkey(seed: string, message: Uint8Array): Buffer {
  return createNkeySigner(seed).sign(message);
}

/** A seed made ready for many signatures: making its key takes ten times as long as a signature. */
export interface NkeySigner {
  readonly publicKey: string;
  sign(message: Uint8Array): Buffer;
}

/** @throws {CryptoError} `ERR_KEY_INVALID` */
export function createNkeySigner(seed: string): NkeySigner {
  const key = ed25519PrivateKey(decodeNkeySeed(seed).raw);
  return {publicKey: nkeyPublicFromSeed(seed), sign: (message) => signEd25519(key, message)};
}

/** Whether the holder of a user key signed; false for a text that is no user key, as for a bad signature. */
export function verifyNkeySignature(
  userKey: string,
  proof: {readonly message: Uint8Array; readonly signature: Uint8Array},
): boolean {
  try {
    const {kind, raw} = decodeNkeyPublic(userKey);
    return kind === 'user' && verifyEd25519(raw, proof);
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function kindOf(byte: number): NkeyKind | undefined {
  return (Object.keys(kindBytes) as NkeyKind[]).find((kind) => kindBytes[kind] === byte);
}

function encode(prefix: Buffer, raw: Uint8Array): string {
  if (raw.length !== 32) throw invalid(`it has ${raw.length} bytes, expected 32`);
  const body = Buffer.concat([prefix, raw]);
  const sum = Buffer.alloc(2);
  sum.writeUInt16LE(crc16(body));
  return toBase32(Buffer.concat([body, sum]));
}

function decode(text: string): Buffer {
  const bytes = text.length <= 64 ? fromBase32(text) : undefined;
  if (bytes === undefined || bytes.length < 35) throw invalid('it is not base32 text of the right length');
  const body = bytes.subarray(0, -2);
  if (bytes.readUInt16LE(body.length) !== crc16(body)) throw invalid('its check sum is wrong');
  return body;
}

function invalid(reason: string): CryptoError {
  // The text is not quoted: it may be a seed.
  return new CryptoError('ERR_KEY_INVALID', `Cannot use nkey: ${reason}`);
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}

function toBase32(bytes: Uint8Array): string {
  let text = '';
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(value >> (bits - 5)) & 31] ?? '';
    value &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + (alphabet[(value << (5 - bits)) & 31] ?? '');
}

function fromBase32(text: string): Buffer | undefined {
  const bytes: number[] = [];
  let value = 0;
  let bits = 0;
  for (const letter of text) {
    const index = alphabet.indexOf(letter);
    if (index === -1) return undefined;
    value = (value << 5) | index;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
    value &= (1 << bits) - 1;
  }
  return Buffer.from(bytes);
}
