/**
 * Random identifiers of events and of requests of protocol version 1. Pure: the bytes come from `Random`.
 *
 * KSUIDs, the ids of version 2, are in `crypto`, whose tokens carry them. Forms: spec/protocol.md section 4.
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
