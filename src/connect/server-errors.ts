/**
 * What the `-ERR` texts of a broker mean.
 *
 * Texts are compared without case, as NATS libraries do. Some leave the connection open: those become an event and nothing more.
 */
import {ConnectError, type ConnectErrorCode} from './errors.ts';

interface Meaning {
  readonly text: string;
  readonly code: ConnectErrorCode;
  readonly staysOpen?: boolean;
}

const meanings: readonly Meaning[] = [
  {text: 'permissions violation', code: 'ERR_PERMISSION', staysOpen: true},
  {text: 'invalid subject', code: 'ERR_SUBJECT', staysOpen: true},
  {text: 'invalid publish subject', code: 'ERR_SUBJECT', staysOpen: true},
  {text: 'maximum subscriptions exceeded', code: 'ERR_BROKER_LIMIT', staysOpen: true},
  {text: 'authorization violation', code: 'ERR_AUTHORIZATION'},
  {text: 'authentication timeout', code: 'ERR_AUTHENTICATION_TIMEOUT'},
  {text: 'user authentication expired', code: 'ERR_AUTHENTICATION_EXPIRED'},
  {text: 'account authentication expired', code: 'ERR_AUTHENTICATION_EXPIRED'},
  {text: 'user authentication revoked', code: 'ERR_AUTHENTICATION_EXPIRED'},
  {text: 'stale connection', code: 'ERR_STALE_CONNECTION'},
  {text: 'maximum', code: 'ERR_BROKER_LIMIT'},
  {text: 'secure connection - tls required', code: 'ERR_TLS_REQUIRED'},
  {text: 'unknown protocol operation', code: 'ERR_BROKER_PROTOCOL'},
  {text: 'invalid client protocol', code: 'ERR_BROKER_PROTOCOL'},
];

export interface BrokerComplaint {
  readonly error: ConnectError;
  readonly staysOpen: boolean;
}

/** The error behind one `-ERR` text, given without its quotes. */
export function brokerComplaint(text: string, server: string): BrokerComplaint {
  const lower = text.toLowerCase();
  const meaning = meanings.find((entry) => lower.startsWith(entry.text));
  const error = new ConnectError(meaning?.code ?? 'ERR_BROKER', `The broker at ${server} reports: ${text}`, {
    details: {server, text},
  });
  return {error, staysOpen: meaning?.staysOpen ?? false};
}
