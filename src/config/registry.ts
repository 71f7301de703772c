/** The one registry of configuration keys: name, type, default, validation, environment variable, documentation. */
export type ConfigKey = string;
export type ConfigValue<K extends ConfigKey> = K extends string ? unknown : never;
