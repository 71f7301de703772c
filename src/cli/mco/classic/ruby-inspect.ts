/** Values of a reply as Ruby writes them: `{"family"=>"Debian", "cpus"=>2}`, long ones over several lines. */
import {inertLine} from '../../render/inert.ts';

const columnsMax = 79;
const depthMax = 50;

type KeyText = (key: string) => string;

function scalar(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (typeof value === 'string') return inertLine(JSON.stringify(value));
  return typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '...';
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

const textKey: KeyText = (key) => scalar(key);
/** The outer keys of a reply are symbols there. */
const symbolKey: KeyText = (key) => (/^[a-z_]\w*[?!]?$/i.test(key) ? `:${key}` : `:${scalar(key)}`);

function inline(value: unknown, keyOf: KeyText, depth = 0): string {
  if (depth > depthMax) return '...';
  if (Array.isArray(value)) return `[${value.map((item) => inline(item, textKey, depth + 1)).join(', ')}]`;
  if (!isMap(value)) return scalar(value);
  const entries = Object.entries(value).map(([key, item]) => `${keyOf(key)}=>${inline(item, textKey, depth + 1)}`);
  return `{${entries.join(', ')}}`;
}

/** `value.inspect`. */
export function rubyInspect(value: unknown): string {
  return inline(value, textKey);
}

function pretty(value: unknown, indent: number, keyOf: KeyText): string {
  const whole = inline(value, keyOf);
  if (whole.length + indent <= columnsMax || indent > columnsMax) return whole;
  const pad = `\n${' '.repeat(indent + 1)}`;
  if (Array.isArray(value)) return `[${value.map((item) => pretty(item, indent + 1, textKey)).join(`,${pad}`)}]`;
  if (!isMap(value)) return whole;
  const entries = Object.entries(value).map(([key, item]) => {
    const name = keyOf(key);
    const shown = inline(item, textKey);
    const fits = indent + 1 + name.length + 2 + shown.length <= columnsMax;
    return fits ? `${name}=>${shown}` : `${name}=>\n${' '.repeat(indent + 2)}${pretty(item, indent + 2, textKey)}`;
  });
  return `{${entries.join(`,${pad}`)}}`;
}

/** `value.pretty_inspect` without its line end. */
export function rubyPretty(value: unknown, options: {readonly symbols?: boolean} = {}): string {
  return pretty(value, 0, options.symbols === true ? symbolKey : textKey);
}
