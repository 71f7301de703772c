/** Values of settings as text, as the Go program prints them: durations in Go's form, lists as `[a b]`. */
import {formatGoDurationMs} from '../lib/duration.ts';
import {keySpec, type AnyConfigValue, type ConfigKey} from './registry.ts';
import {displayValue} from './secrets.ts';
import type {Config} from './types.ts';

/** Empty text, 0, false and empty lists: what a key has that nobody set. */
export function isZeroValue(value: AnyConfigValue): boolean {
  return value === '' || value === 0 || value === false || (typeof value === 'object' && value.length === 0);
}

/** The value of a key for people and remote callers; secrets masked. */
export function displayConfigValue(config: Config, key: ConfigKey): string {
  const value: AnyConfigValue = config.get(key);
  if (typeof value === 'object') return `[${value.map((item) => displayValue(key, item)).join(' ')}]`;
  const text = keySpec(key).type === 'duration' ? formatGoDurationMs(Number(value)) : String(value);
  return displayValue(key, text);
}
