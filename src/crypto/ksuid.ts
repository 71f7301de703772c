/**
 * KSUIDs: sortable ids of 27 letters, made of 4 bytes of time (seconds since 2014-05-13) and 16 random bytes, in base 62.
 *
 * Protocol v2 uses them for requests, tokens for their `jti`.
 */
import {CryptoError} from './errors.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const epochSeconds = 1_400_000_000;
const textLength = 27;
const byteLength = 20;

/** @param options.random 16 random bytes */
export function encodeKsuid(options: {readonly nowMs: number; readonly random: Uint8Array}): string {
  const bytes = Buffer.alloc(byteLength);
  bytes.writeUInt32BE((Math.floor(options.nowMs / 1_000) - epochSeconds) >>> 0, 0);
  bytes.set(options.random.subarray(0, 16), 4);
  let rest = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (let index = 0; index < textLength; index += 1) {
    text = (alphabet[Number(rest % 62n)] ?? '0') + text;
    rest /= 62n;
  }
  return text;
}

/** The second in which an id was made, in Unix seconds. @throws {CryptoError} `ERR_ID_INVALID` */
export function ksuidSeconds(id: string): number {
  const isShaped = id.length === textLength && /^[0-9A-Za-z]+$/.test(id);
  let value = 0n;
  if (isShaped) for (const letter of id) value = value * 62n + BigInt(alphabet.indexOf(letter));
  if (!isShaped || value >> 160n !== 0n) {
    throw new CryptoError(
      'ERR_ID_INVALID',
      `Cannot read id ${JSON.stringify(id.slice(0, 64))}: expected a KSUID, 27 letters and digits`,
    );
  }
  return Number(value >> 128n) + epochSeconds;
}
