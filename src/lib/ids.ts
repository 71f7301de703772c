/**
 * Identifiers of requests, events and messages. Pure: the bytes come from `Random`.
 *
 * Forms: spec/protocol.md section 4.
 */
import type {Random} from './platform.ts';

/** A random UUID (version 4) with dashes. */
export function newUuid(random: Pick<Random, 'bytes'>): string {
  const hex = newRequestId(random);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A random UUID (version 4) without dashes: 32 lower case hex digits, the request id of protocol version 1. */
export function newRequestId(random: Pick<Random, 'bytes'>): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex');
}

const ksuidEpochSeconds = 1_400_000_000;
const ksuidLength = 27;
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * A KSUID: 27 characters that sort by time, the request id of protocol version 2 and the id of events.
 *
 * @param options.nowMs wall clock in ms since 1970, from 2014 to 2150
 */
export function newKsuid(random: Pick<Random, 'bytes'>, options: {readonly nowMs: number}): string {
  const seconds = Math.min(Math.max(Math.floor(options.nowMs / 1000) - ksuidEpochSeconds, 0), 0xffff_ffff);
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32BE(seconds);
  bytes.set(random.bytes(16), 4);
  let value = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (let index = 0; index < ksuidLength; index++) {
    text = base62.charAt(Number(value % 62n)) + text;
    value /= 62n;
  }
  return text;
}

/** Seconds since 1970 in a KSUID; undefined when the text is none. */
export function ksuidSeconds(text: string): number | undefined {
  if (text.length !== ksuidLength) return undefined;
  let value = 0n;
  for (const character of text) {
    const digit = base62.indexOf(character);
    if (digit < 0) return undefined;
    value = value * 62n + BigInt(digit);
  }
  if (value >= 1n << 160n) return undefined;
  return Number(value >> 128n) + ksuidEpochSeconds;
}
