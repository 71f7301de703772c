/** Settings as agents may show them: the values in use, secrets masked. */
import {displayValue, isConfigKey, isSecretKey, keySpec, maskedText} from '../config/index.ts';
import type {Config} from '../config/types.ts';

/**
 * @returns undefined when there is no such setting; durations are nanoseconds, as callers of other servers expect
 */
export function visibleSetting(config: Config, key: string): {readonly value: unknown} | undefined {
  if (!isConfigKey(key)) {
    const text = config.raw(key);
    return text === undefined ? undefined : {value: displayValue(key, text)};
  }
  const value: unknown = config.get(key);
  if (isSecretKey(key)) return {value: value === '' || value === undefined ? '' : maskedText};
  if (typeof value === 'string') return {value: displayValue(key, value)};
  if (Array.isArray(value))
    return {value: value.map((item: unknown) => (typeof item === 'string' ? displayValue(key, item) : item))};
  return {value: keySpec(key).type === 'duration' && typeof value === 'number' ? value * 1_000_000 : value};
}
