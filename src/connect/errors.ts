/** What can go wrong between this process and the middleware. */
import {ChoriaError} from '../lib/errors.ts';

export const connectErrorCodes = {
  ERR_CONNECTION_CLOSED: 'The connection was closed by this process; nothing can be sent on it.',
  ERR_CONNECTION_LOST: 'The broker ended the connection or the network failed.',
  ERR_CONNECT_FAILED: 'No broker of the list could be reached.',
  ERR_CONNECT_TIMEOUT: 'A broker accepted the connection but did not finish the start in time.',
  ERR_CONNECT_TLS: 'The TLS handshake with the broker failed.',
  ERR_TLS_NOT_OFFERED: 'The broker does not offer TLS but this process was told to use it.',
  ERR_TLS_REQUIRED: 'The broker demands TLS but this process was told not to use it.',
  ERR_BROKER_PROTOCOL: 'The peer does not speak the NATS protocol, or broke its rules.',
  ERR_AUTHORIZATION: 'The broker does not accept the credentials.',
  ERR_AUTHENTICATION_EXPIRED: 'The broker ended the connection because its credentials expired or were revoked.',
  ERR_AUTHENTICATION_TIMEOUT: 'The broker did not get the credentials in time.',
  ERR_PERMISSION: 'The broker refused a publish or a subscription.',
  ERR_STALE_CONNECTION: 'The broker did not answer PING.',
  ERR_BROKER_LIMIT: 'A limit of the broker was met, such as connections, subscriptions or payload size.',
  ERR_BROKER: 'The broker reported an error that has no code of its own.',
  ERR_RECONNECT_BUFFER_FULL: 'There is no broker and the buffer for unsent messages is full.',
  ERR_WRITE_QUEUE_FULL: 'The broker takes messages too slowly and the queue for it is full.',
  ERR_PAYLOAD_TOO_LARGE: 'A message is larger than the broker accepts.',
  ERR_SUBJECT: 'A subject cannot be published to or subscribed to.',
  ERR_HEADER: 'A message header holds what a header cannot carry.',
  ERR_NO_RESPONDERS: 'Nobody listens on the subject of a request.',
  ERR_REQUEST_TIMEOUT: 'A request was not answered in time.',
  ERR_FLUSH_TIMEOUT: 'The broker did not confirm in time that it handled what was sent.',
  ERR_TOO_MANY_PENDING: 'More requests, flushes or subscriptions are waiting than one connection may hold.',
  ERR_HANDLER: 'A function given to subscribe threw.',
  ERR_SERVER_URL: 'An address of a broker cannot be understood.',
  ERR_ENROLL_FAILED: 'No certificate could be had from the certificate authority.',
  ERR_LOGIN_FAILED: 'The login service gave no token.',
  ERR_TOKEN_EXPIRED: 'The token of this process has ended; a connection needs a new one.',
  ERR_SIGNER_TOKEN: 'There is no token that could be shown to the service that signs requests, or it has ended.',
  ERR_SIGNER_UNREACHABLE: 'The service that signs requests did not answer.',
  ERR_SIGNER_REFUSED: 'The service that signs requests refused to sign one.',
  ERR_SIGNER_ANSWER: 'The service that signs requests answered with something that is no signed request.',
  ERR_NO_SERVERS: 'No broker address could be found.',
  ERR_CONNECT_SETTING: 'A setting about connections has a value that cannot be used.',
} as const;

export type ConnectErrorCode = keyof typeof connectErrorCodes;

export class ConnectError extends ChoriaError<ConnectErrorCode> {}
