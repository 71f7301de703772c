/**
 * What deserves a word although older programs pass over it in silence. Texts name the place, the value and what would be right; the
 * values of secret settings are masked.
 */
import {configWarningsMax} from './limits.ts';
import {configKeys, foreignKeys, isConfigKey} from './registry.ts';
import {displayValue} from './secrets.ts';

export interface WarningList {
  add(text: string): void;
  /** No more are kept; looking for further ones is work for nothing. */
  readonly isFull: boolean;
  readonly texts: readonly string[];
}

/** The same text twice is one warning: files may be read twice. */
export function createWarningList(): WarningList {
  const texts = new Set<string>();
  return {
    add(text) {
      if (texts.size < configWarningsMax) texts.add(text);
      else if (texts.size === configWarningsMax)
        texts.add(`There are more than ${configWarningsMax} warnings; the rest is left out`);
    },
    get isFull() {
      return texts.size > configWarningsMax;
    },
    get texts() {
      return [...texts];
    },
  };
}

export interface SettingProblem {
  /** Such as `/etc/choria/server.conf:12`, or `environment variable CHORIA_REGISTRY`. */
  readonly place: string;
  readonly key: string;
  readonly value: string;
  readonly problem: string;
}

export function settingWarning({place, key, value, problem}: SettingProblem): string {
  return `${place}: "${key}" is ${JSON.stringify(displayValue(key, value))}, which ${problem}`;
}

/** A key that nothing here knows and that looks like a slip: `LogLevel` for `loglevel`. */
export function unknownKeyWarning(key: string, place: string): string | undefined {
  if (isConfigKey(key) || foreignKeys.has(key)) return undefined;
  const near = nearestKey(key);
  if (near !== undefined) return `${place}: "${key}" is not a known setting and has no effect; did you mean "${near}"?`;
  // Plugins may have settings of any name below their own.
  if (key.startsWith('plugin.')) return undefined;
  return `${place}: "${key}" is not a known setting and has no effect; comments start with "#"`;
}

function plainForm(key: string): string {
  return key.toLowerCase().replace(/[^a-z0-9.]/g, '');
}

const plainKeys: readonly (readonly [string, string])[] = configKeys.map((key) => [key, plainForm(key)]);

function nearestKey(key: string): string | undefined {
  const wanted = plainForm(key);
  if (wanted === '' || key.length > 200) return undefined;
  const near =
    plainKeys.find(([, plain]) => plain === wanted) ?? plainKeys.find(([, plain]) => isOneEditAway(plain, wanted));
  return near?.[0];
}

/** One letter more, one less, one other, or two neighbours swapped. */
function isOneEditAway(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1 || a.length < 5) return false;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const restA = a.slice(start, a.length - end);
  const restB = b.slice(start, b.length - end);
  if (restA.length <= 1 && restB.length <= 1) return true;
  return restA.length === 2 && restB.length === 2 && restA[0] === restB[1] && restA[1] === restB[0];
}
