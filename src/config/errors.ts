/** Errors of the configuration. */
import {ChoriaError} from '../lib/errors.ts';

export type ConfigErrorCode =
  | 'ERR_CONFIG_FILE_UNREADABLE'
  | 'ERR_CONFIG_ENVIRONMENT_EMPTY'
  | 'ERR_CONFIG_SIGNER_MISSING'
  | 'ERR_CONFIG_TOKEN_PLACE_UNKNOWN'
  | 'ERR_CONFIG_IDENTITY_UNKNOWN';

export const ConfigErrorCodes: Readonly<Record<ConfigErrorCode, string>> = {
  ERR_CONFIG_FILE_UNREADABLE: 'A configuration file or its plugin.d directory cannot be read',
  ERR_CONFIG_ENVIRONMENT_EMPTY: 'An environment variable replaces a path by an empty text',
  ERR_CONFIG_SIGNER_MISSING: 'Anonymous TLS of clients is asked for without a remote signer',
  ERR_CONFIG_TOKEN_PLACE_UNKNOWN:
    'Anonymous TLS of servers is asked for without a configuration file beside which the token lies',
  ERR_CONFIG_IDENTITY_UNKNOWN: 'No identity is configured and the host has no name',
};

/** The text of file errors is worded as the Go program words it, because scripts look for it. */
export class ConfigError extends ChoriaError<ConfigErrorCode> {}
