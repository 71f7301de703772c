/** A finished configuration: values by key, never changed. */
import type {AnyConfigValue, ConfigKey, ConfigValue} from './registry.ts';
import type {Config, ConfigMode} from './types.ts';

export interface SnapshotParts {
  readonly path: string | undefined;
  readonly mode: ConfigMode;
  readonly parsedFiles: readonly string[];
  readonly warnings: readonly string[];
  readonly values: ReadonlyMap<ConfigKey, AnyConfigValue>;
  readonly raw: ReadonlyMap<string, string>;
  readonly disableTlsVerify: boolean;
  readonly disableSecurityVerify: boolean;
}

export function createSnapshot(parts: SnapshotParts): Config {
  return {
    path: parts.path,
    mode: parts.mode,
    parsedFiles: parts.parsedFiles,
    warnings: parts.warnings,
    disableTlsVerify: parts.disableTlsVerify,
    disableSecurityVerify: parts.disableSecurityVerify,
    // The loader fills every key of the registry with a value of the key's own type.
    get: <K extends ConfigKey>(key: K) => parts.values.get(key) as ConfigValue<K>,
    with: (changes) => createSnapshot({...parts, values: changedValues(parts.values, changes)}),
    raw: (key) => parts.raw.get(key),
    has: (key) => parts.raw.has(key),
    rawEntries: () => parts.raw,
  };
}

function changedValues(
  values: ReadonlyMap<ConfigKey, AnyConfigValue>,
  changes: {readonly [K in ConfigKey]?: ConfigValue<K>},
): ReadonlyMap<ConfigKey, AnyConfigValue> {
  const changed = new Map(values);
  for (const [key, value] of Object.entries(changes) as [ConfigKey, AnyConfigValue | undefined][]) {
    if (value !== undefined) changed.set(key, value);
  }
  return changed;
}
