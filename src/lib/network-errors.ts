/** What can go wrong with a byte stream or a listener. */
import {ChoriaError} from './errors.ts';

export type NetworkErrorCode =
  | 'ERR_NETWORK_CONNECT'
  | 'ERR_NETWORK_TIMEOUT'
  | 'ERR_NETWORK_LISTEN'
  | 'ERR_NETWORK_CLOSED'
  | 'ERR_NETWORK_TLS_MATERIAL'
  | 'ERR_NETWORK_TLS_HANDSHAKE';

export const NetworkErrorCodes: Readonly<Record<NetworkErrorCode, string>> = {
  ERR_NETWORK_CONNECT: 'A connection could not be made: nobody listens there, or the network refused it',
  ERR_NETWORK_TIMEOUT: 'A connection or a TLS handshake took longer than its timeout',
  ERR_NETWORK_LISTEN: 'A listener could not be opened: the port is taken, or the address is not of this machine',
  ERR_NETWORK_CLOSED: 'The connection was closed before the operation was done',
  ERR_NETWORK_TLS_MATERIAL: 'A certificate, key, authority or cipher list cannot be used for TLS',
  ERR_NETWORK_TLS_HANDSHAKE:
    'The TLS handshake failed: a certificate does not verify, or the two sides share no version',
};

export class NetworkError extends ChoriaError<NetworkErrorCode> {}
