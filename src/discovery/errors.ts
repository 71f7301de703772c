import {ChoriaError} from '../lib/errors.ts';

/** Why nodes could not be found. Finding none is no error. */
export const discoveryErrorCodes = {
  ERR_DISCOVERY_METHOD: 'There is no discovery method of this name',
  ERR_DISCOVERY_SOURCE: 'No file, command or input to discover from was given, or it does not exist',
  ERR_DISCOVERY_READ: 'The source of nodes cannot be read or understood',
  ERR_DISCOVERY_IDENTITY: 'The source names a node that cannot exist',
  ERR_DISCOVERY_FILTER: 'The discovery method cannot apply this filter',
  ERR_DISCOVERY_GROUP: 'An inventory group is unknown or combined with other filters',
  ERR_DISCOVERY_INVENTORY: 'An inventory file does not follow its schema',
  ERR_DISCOVERY_EXTERNAL: 'The external discovery command failed or gave an answer that is not one',
  ERR_DISCOVERY_QUERY: 'A filter cannot be turned into a PuppetDB query',
  ERR_DISCOVERY_PUPPETDB: 'PuppetDB could not be asked, or gave an answer that is not one',
  ERR_DISCOVERY_TIMEOUT: 'The middleware could not be reached in the time for discovery',
} as const;

export type DiscoveryErrorCode = keyof typeof discoveryErrorCodes;

/** @example throw new DiscoveryError('ERR_DISCOVERY_METHOD', 'Cannot discover nodes by "x": there is no such method'); */
export class DiscoveryError extends ChoriaError<DiscoveryErrorCode> {}
