/** What can go wrong when an organisation is set up or kept. */
import {ChoriaError} from '../lib/errors.ts';

export const organisationErrorCodes = {
  ERR_ORGANISATION_EXISTS: 'Something is already there and was not to be replaced',
  ERR_ORGANISATION_MISSING: 'The folder holds no organisation',
  ERR_ORGANISATION_DAMAGED: 'A file of the organisation is missing or cannot be understood',
  ERR_ORGANISATION_NAME: 'A name cannot be the one of a node, a user, a broker or an organisation',
  ERR_ORGANISATION_PATH: 'A folder cannot be used for an organisation',
  ERR_ORGANISATION_MEMBER: 'The organisation has no such member, or has revoked it',
  ERR_ORGANISATION_WRITE: 'A file of the organisation could not be written',
} as const;

export type OrganisationErrorCode = keyof typeof organisationErrorCodes;

export class OrganisationError extends ChoriaError<OrganisationErrorCode> {}
