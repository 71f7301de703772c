/**
 * The one registry of configuration keys. Types, help, validation, `choria tool config` and the reference page come from here.
 *
 * `standardKeys` are the 163 keys shared with the Go program (vectors `config/keys.json`); `ownKeys` are ours alone.
 */
import type {KeySpec, ValueOfType} from './key-spec.ts';
import {choriaKeys} from './keys-choria.ts';
import {networkKeys} from './keys-network.ts';
import {nodeKeys} from './keys-node.ts';
import {ownKeys} from './keys-own.ts';
import {pluginKeys} from './keys-plugins.ts';
import {securityKeys} from './keys-security.ts';

export const standardKeys = {...nodeKeys, ...choriaKeys, ...networkKeys, ...securityKeys, ...pluginKeys} as const;

const allKeys = {...standardKeys, ...ownKeys} as const;

export type ConfigKey = keyof typeof allKeys;

/** `string`, `number` (integers in the key's own unit, durations in milliseconds), `boolean` or a list of strings. */
export type ConfigValue<K extends ConfigKey> = ValueOfType<(typeof allKeys)[K]['type']>;

export type AnyConfigValue = string | number | boolean | readonly string[];

const specs: ReadonlyMap<string, KeySpec> = new Map(Object.entries(allKeys));

/** Every key, ours included, sorted. */
export const configKeys: readonly ConfigKey[] = (Object.keys(allKeys) as ConfigKey[]).sort();

/** The keys shared with the Go program, sorted. */
export const standardConfigKeys: readonly ConfigKey[] = (Object.keys(standardKeys) as ConfigKey[]).sort();

export function isConfigKey(key: string): key is ConfigKey {
  return specs.has(key);
}

export function keySpec(key: ConfigKey): KeySpec {
  return allKeys[key];
}

/** Keys that older or Ruby programs know and that mean nothing here: accepted without a word. */
export const foreignKeys: ReadonlySet<string> = new Set([
  'activate_agents',
  'connection_timeout',
  'connector',
  'daemonize',
  'default_batch_size',
  'default_batch_sleep_time',
  'direct_addressing',
  'direct_addressing_threshold',
  'fact_cache_time',
  'factsource',
  'keeplogs',
  'logfacility',
  'logger_type',
  'max_log_size',
  'publish_timeout',
  'rpcauditprovider',
  'securityprovider',
  'soft_shutdown',
  'ssl_cipher',
  'threaded',
]);
