/**
 * Opens identical transports once for all servers of a process: a broadcast reaches each of them with the same bytes.
 *
 * Comparing bytes costs a hundredth of parsing them, so the few last ones are simply compared. Transports hold nothing that depends
 * on time or on who reads them, so there is no end to keep; failures are not kept.
 */
import {protocolLimits} from './limits.ts';
import {openTransport} from './transport.ts';
import type {Transport} from './types.ts';

export interface TransportCache {
  /** As `openTransport`; gives the same object for the same bytes. */
  open(bytes: Uint8Array): Transport;
}

export function createTransportCache(entriesMax: number = protocolLimits.transportCacheEntriesMax): TransportCache {
  const entries: {readonly bytes: Buffer; readonly transport: Transport}[] = [];
  return {
    open(bytes) {
      const found = entries.find((entry) => entry.bytes.equals(bytes));
      if (found !== undefined) return found.transport;
      const transport = openTransport(bytes);
      if (bytes.length <= protocolLimits.transportCacheBytesMax) {
        // Copied, because the network may use its buffer again.
        entries.unshift({bytes: Buffer.from(bytes), transport});
        if (entries.length > entriesMax) entries.pop();
      }
      return transport;
    },
  };
}
