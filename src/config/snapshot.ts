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
  return new Snapshot(parts);
}

/**
 * Values that were changed later lie over those of the files. A process may hold thousands of configurations that differ in a few values, so a changed copy
 * holds only what differs.
 */
class Snapshot implements Config {
  readonly #parts: SnapshotParts;
  readonly #changes: ReadonlyMap<ConfigKey, AnyConfigValue> | undefined;

  constructor(parts: SnapshotParts, changes?: ReadonlyMap<ConfigKey, AnyConfigValue>) {
    this.#parts = parts;
    this.#changes = changes;
  }

  get path(): string | undefined {
    return this.#parts.path;
  }

  get mode(): ConfigMode {
    return this.#parts.mode;
  }

  get parsedFiles(): readonly string[] {
    return this.#parts.parsedFiles;
  }

  get warnings(): readonly string[] {
    return this.#parts.warnings;
  }

  get disableTlsVerify(): boolean {
    return this.#parts.disableTlsVerify;
  }

  get disableSecurityVerify(): boolean {
    return this.#parts.disableSecurityVerify;
  }

  get<K extends ConfigKey>(key: K): ConfigValue<K> {
    // The loader fills every key of the registry with a value of the key's own type.
    return (this.#changes?.get(key) ?? this.#parts.values.get(key)) as ConfigValue<K>;
  }

  with(changes: {readonly [K in ConfigKey]?: ConfigValue<K>}): Config {
    const changed = new Map(this.#changes);
    for (const [key, value] of Object.entries(changes) as [ConfigKey, AnyConfigValue | undefined][]) {
      if (value !== undefined) changed.set(key, value);
    }
    return new Snapshot(this.#parts, changed);
  }

  raw(key: string): string | undefined {
    return this.#parts.raw.get(key);
  }

  has(key: string): boolean {
    return this.#parts.raw.has(key);
  }

  rawEntries(): ReadonlyMap<string, string> {
    return this.#parts.raw;
  }
}
