/** What can stop the provisioner, or the provisioning of one node. */
import {ChoriaError} from '../lib/errors.ts';

export const provisionerErrorCodes = {
  ERR_PROVISIONER_SETTING: 'The configuration of the provisioner cannot be used.',
  ERR_PROVISIONER_CALL: 'A node did not answer the provisioner, or answered with a failure.',
  ERR_PROVISIONER_HELPER: 'The helper failed, took too long, or gave something else than what was asked for.',
  ERR_PROVISIONER_REFUSED: 'A node is not provisioned: what it showed, or what it would get, is not acceptable.',
  ERR_PROVISIONER_DEFERRED: 'The helper asked to provision a node later.',
} as const;

export type ProvisionerErrorCode = keyof typeof provisionerErrorCodes;

export class ProvisionerError extends ChoriaError<ProvisionerErrorCode> {}
