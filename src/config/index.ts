/** The door of the configuration. */
export {ConfigError, type ConfigErrorCode, ConfigErrorCodes} from './errors.ts';
export {findFacter, readFact} from './facter.ts';
export {findUserConfig} from './find.ts';
export {displayConfigValue, isZeroValue} from './format.ts';
export type {KeySpec, KeyType, KeyUser} from './key-spec.ts';
export {configFromEntries, defaultConfig, loadConfig, type LoadOptions} from './load.ts';
export {
  type AnyConfigValue,
  type ConfigKey,
  type ConfigValue,
  configKeys,
  isConfigKey,
  keySpec,
  standardConfigKeys,
} from './registry.ts';
export {displayValue, isSecretKey, maskedText} from './secrets.ts';
export type {Config, ConfigMode} from './types.ts';
