/** What can stop a server, or one request on it. */
import {ChoriaError} from '../lib/errors.ts';

export const serverErrorCodes = {
  ERR_SERVER_ALREADY_RUNNING: 'Another server with the same identity runs on this machine.',
  ERR_SERVER_IDENTITY: 'The identity of this server cannot be determined or used.',
  ERR_SERVER_STATE: 'The server cannot be started or stopped in the state it is in.',
  ERR_SERVER_STATE_DIRECTORY: 'The directory for what must survive a restart cannot be used.',
  ERR_SERVER_BUSY: 'More requests wait than the server accepts.',
  ERR_SERVER_REGISTRATION: 'Registration data cannot be published with these settings or this file.',
  ERR_SERVER_TEMPLATE: 'A template for emulated servers cannot be used.',
} as const;

export type ServerErrorCode = keyof typeof serverErrorCodes;

export class ServerError extends ChoriaError<ServerErrorCode> {}
