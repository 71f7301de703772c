/** What can go wrong while a node is brought from nothing to configured. */
import {ChoriaError} from '../lib/errors.ts';

export const provisionErrorCodes = {
  ERR_PROVISION_TOKEN: 'The provisioning token of this node cannot be read or used.',
  ERR_PROVISION_CONFIG_MISSING: 'There is no configuration file and nothing that tells how to get one.',
  ERR_PROVISION_WRITE: 'The files of a new configuration could not be written; the old ones are in place.',
  ERR_PROVISION_BROKEN: 'The files of a new configuration could not be written, and the old ones not be restored.',
  ERR_PROVISION_RELEASE: 'Another release of this program cannot be fetched, proven or started.',
  ERR_PROVISION_ROLLBACK: 'A release does not work and the program before it could not be put back.',
} as const;

export type ProvisionErrorCode = keyof typeof provisionErrorCodes;

export class ProvisionError extends ChoriaError<ProvisionErrorCode> {}
