/** Values of a configuration in the form of the vectors: durations as `{ns, text}`, lists that nobody set as null. */
import type {Config} from '../../../../src/config/index.ts';
import {keySpec, standardConfigKeys, type AnyConfigValue, type ConfigKey} from '../../../../src/config/index.ts';
import {formatGoDuration, msToNs} from '../../../../src/lib/duration.ts';

export function vectorValues(config: Config): Record<string, unknown> {
  return Object.fromEntries(standardConfigKeys.map((key) => [key, vectorValue(config, key)]));
}

function vectorValue(config: Config, key: ConfigKey): unknown {
  const value: AnyConfigValue = config.get(key);
  if (typeof value === 'object') return value.length === 0 ? null : value;
  if (keySpec(key).type !== 'duration') return value;
  const ns = msToNs(Number(value));
  return {ns: Number(ns), text: formatGoDuration(ns)};
}
