/**
 * What the rest of the program sees of the configuration.
 *
 * Keys are the file's own names (`plugin.choria.use_srv`): they are the words operators and documents use. Their types come from
 * the registry (`registry.ts`), so `get('registerinterval')` is a number and a misspelt key does not compile.
 */
import type {ConfigKey, ConfigValue} from './registry.ts';

export type ConfigMode = 'user' | 'system' | 'server';

export interface Config {
  /** Absolute path of the main file; undefined when built without one. */
  readonly path: string | undefined;
  readonly mode: ConfigMode;
  /** Main file, plugin.d files, project files, in the order they were read. */
  readonly parsedFiles: readonly string[];
  /** What was accepted silently by older programs and deserves a word: one text each, with file and line. */
  readonly warnings: readonly string[];
  /** Set by anonymous TLS: neither side's certificate is checked. */
  readonly disableTlsVerify: boolean;
  /** Set by anonymous TLS: the provider's own files are not checked. */
  readonly disableSecurityVerify: boolean;
  get<K extends ConfigKey>(key: K): ConfigValue<K>;
  /** A changed copy; used by command line flags and provisioning mode. */
  with(changes: {readonly [K in ConfigKey]?: ConfigValue<K>}): Config;
  /** The file's text for any key, known or not, before environment and expansion. */
  raw(key: string): string | undefined;
  /** Whether any file names the key. */
  has(key: string): boolean;
  rawEntries(): ReadonlyMap<string, string>;
}
