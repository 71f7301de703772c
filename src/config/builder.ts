/**
 * Collects settings in the order in which they are read, by the rules of the Go program. One builder makes one configuration.
 */
import type {Platform} from '../lib/platform.ts';
import {ConfigError} from './errors.ts';
import type {ParsedText} from './file-syntax.ts';
import {type AnyConfigValue, type ConfigKey, configKeys, isConfigKey, keySpec} from './registry.ts';
import {parseValue, zeroValue} from './value-parser.ts';
import {createWarningList, settingWarning, unknownKeyWarning} from './warnings.ts';

export interface ReadOptions {
  /** Names the file in warnings. */
  readonly place: string;
  /** Put before each key, for files of plugin.d. */
  readonly prefix?: string;
  /** False for files that fill only the table of texts. */
  readonly typed: boolean;
}

export class ConfigBuilder {
  readonly values = new Map<ConfigKey, AnyConfigValue>();
  readonly raw = new Map<string, string>();
  readonly parsedFiles: string[] = [];
  readonly warnings = createWarningList();
  readonly #platform: Pick<Platform, 'env' | 'host'>;

  constructor(platform: Pick<Platform, 'env' | 'host'>) {
    this.#platform = platform;
    for (const key of configKeys) {
      const spec = keySpec(key);
      this.values.set(key, zeroValue(spec));
      if (spec.default !== undefined) this.assign(key, {text: spec.default, place: 'default'});
    }
  }

  read(parsed: ParsedText, options: ReadOptions): void {
    for (const {line, text} of parsed.problems) this.warnings.add(`${options.place}:${line}: ${text}`);
    for (const {key: name, value, line} of parsed.lines) {
      const key = `${options.prefix ?? ''}${name}`;
      const place = `${options.place}:${line}`;
      this.raw.set(key, value);
      if (options.typed) this.#readTyped(key, value, place);
      else this.#warnOfUntyped(key, place);
    }
  }

  #readTyped(key: string, text: string, place: string): void {
    if (isConfigKey(key)) {
      this.assign(key, {text, place});
      return;
    }
    if (this.warnings.isFull) return;
    const warning = unknownKeyWarning(key, place);
    if (warning !== undefined) this.warnings.add(warning);
  }

  #warnOfUntyped(key: string, place: string): void {
    if (!isConfigKey(key)) return;
    this.warnings.add(
      `${place}: "${key}" has no effect in this file: of plugin.d only choria.cfg sets known settings; move it to the main file`,
    );
  }

  assign(key: ConfigKey, source: {readonly text: string; readonly place: string}): void {
    const spec = keySpec(key);
    const variable = spec.environment;
    const override = variable === undefined ? undefined : this.#platform.env[variable];
    const text = override ?? source.text;
    const place = override === undefined ? source.place : `environment variable ${variable}`;
    if (override?.trim() === '' && spec.type === 'path_string') {
      throw new ConfigError(
        'ERR_CONFIG_ENVIRONMENT_EMPTY',
        `Cannot use environment variable ${variable} for "${key}": it is set but empty, expected a path; set it to one or unset it`,
        {details: {key, variable}},
      );
    }
    const parsed = parseValue(spec, text, {
      homeDirectory: this.#platform.host.homeDirectory,
      isWindows: this.#platform.host.platform === 'win32',
      previous: this.values.get(key) ?? zeroValue(spec),
    });
    this.values.set(key, parsed.value);
    if (parsed.problem !== undefined) {
      this.warnings.add(settingWarning({place, key, value: text, problem: parsed.problem}));
    }
  }

  text(key: ConfigKey): string {
    const value = this.values.get(key);
    return typeof value === 'string' ? value : '';
  }

  list(key: ConfigKey): readonly string[] {
    const value = this.values.get(key);
    return typeof value === 'object' ? value : [];
  }

  isTrue(key: ConfigKey): boolean {
    return this.values.get(key) === true;
  }
}
