/** What can keep a broker from starting. */
import {ChoriaError} from '../lib/errors.ts';

export type BrokerErrorCode =
  | 'ERR_BROKER_SETTING'
  | 'ERR_BROKER_LISTEN'
  | 'ERR_BROKER_STATE'
  | 'ERR_BROKER_PERMISSIONS';

export const BrokerErrorCodes: Readonly<Record<BrokerErrorCode, string>> = {
  ERR_BROKER_SETTING: 'A setting of the broker is wrong, or asks for something that this engine does not do',
  ERR_BROKER_LISTEN: 'The broker could not listen on its port',
  ERR_BROKER_STATE: 'The broker was started or used in the wrong order',
  ERR_BROKER_PERMISSIONS: 'A list of permissions holds something that is no subject',
};

export class BrokerError extends ChoriaError<BrokerErrorCode> {}
