/** Request ids and the times of both versions. */
import {encodeKsuid} from '../crypto/index.ts';
import type {Random} from '../lib/platform.ts';
import type {ProtocolVersion} from './types.ts';

/** v1: a random UUID (version 4) without dashes. v2: a KSUID. */
export function newRequestId(
  version: ProtocolVersion,
  options: {readonly random: Pick<Random, 'bytes'>; readonly nowMs: number},
): string {
  const bytes = Buffer.from(options.random.bytes(16));
  if (version === 2) return encodeKsuid({nowMs: options.nowMs, random: bytes});
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex');
}

/** Milliseconds of a v2 time. Nanoseconds reach a number only to within 512, so a whole millisecond may arrive a little short. */
export function nanosecondsToMs(nanoseconds: number): number {
  return Math.floor((nanoseconds + 512) / 1_000_000);
}
