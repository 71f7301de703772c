/** What can go wrong between us and the nats-server that we run. */
import {ChoriaError} from '../../lib/errors.ts';

export type SupervisedErrorCode =
  | 'ERR_NATS_SERVER_MISSING'
  | 'ERR_NATS_SERVER_VERSION'
  | 'ERR_NATS_SERVER_CONFIG'
  | 'ERR_NATS_SERVER_START'
  | 'ERR_STREAM_API';

export const SupervisedErrorCodes: Readonly<Record<SupervisedErrorCode, string>> = {
  ERR_NATS_SERVER_MISSING: 'The program nats-server was not found',
  ERR_NATS_SERVER_VERSION: 'The program nats-server is too old, or does not say which version it is',
  ERR_NATS_SERVER_CONFIG: 'The program nats-server does not accept the configuration made for it',
  ERR_NATS_SERVER_START: 'The program nats-server did not start, or ended again at once',
  ERR_STREAM_API: 'A request about streams was refused or not answered',
};

export class SupervisedError extends ChoriaError<SupervisedErrorCode> {}

export type CalloutErrorCode = 'ERR_CALLOUT_TOKEN';

export const CalloutErrorCodes: Readonly<Record<CalloutErrorCode, string>> = {
  ERR_CALLOUT_TOKEN: 'A token of the auth callout is malformed, forged, expired or meant for somebody else',
};

export class CalloutError extends ChoriaError<CalloutErrorCode> {}
