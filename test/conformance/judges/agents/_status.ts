/** What a server knew when it wrote the status of a vector. */
import type {ServerStatus} from '../../../../src/server/status-file.ts';
import {fields, text, type Fields} from './_cases.ts';

export function statusFromWire(wire: Fields): ServerStatus {
  const stats = fields(wire['stats']);
  const lastMessage = Number(wire['last_message']);
  const server = text(wire['connected_server']);
  return {
    identity: text(wire['identity']),
    uptimeSeconds: Number(wire['uptime']),
    connectedServer: server === '' ? undefined : server,
    lastMessageAtMs: lastMessage === 0 ? undefined : lastMessage * 1000,
    provisioning: wire['provisioning_mode'] === true,
    statistics: {
      total: Number(stats['total']),
      validated: Number(stats['valid']),
      unvalidated: Number(stats['invalid']),
      passed: Number(stats['passed']),
      filtered: Number(stats['filtered']),
      replies: Number(stats['replies']),
      ttlExpired: Number(stats['ttlexpired']),
      events: Number(stats['events']),
      replayed: 0,
    },
    certificateExpiresAtMs: expiry(wire['certificate_expires']),
    tokenExpiresAtMs: expiry(wire['token_expires']),
  };
}

/** The year 1 says that there is none. */
function expiry(value: unknown): number | undefined {
  const date = text(value);
  return date.startsWith('0001-') ? undefined : Date.parse(date);
}
