/** Texts of values as the Go program writes them. */
import {escapeJsonLikeGo, indentJson} from '../../lib/json-text.ts';
import {compareCodePoints} from '../text-order.ts';
import {formatDuration, formatTime} from './time.ts';
import {ExprDuration, ExprTime, ExprZone, type ExprValue, isList, isMap} from './values.ts';

/** A float as Go's `%v`: shortest digits, with an exponent below 1e-4. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e6 ? String(value) : exponentForm(value);
}

/** `1.5e+09`: at least two digits of exponent. */
function exponentForm(value: number): string {
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  const digits = exponent.replace(/^[+-]/, '').padStart(2, '0');
  return `${mantissa}e${exponent.startsWith('-') ? '-' : '+'}${digits}`;
}

/** The text of any value, as `string()` gives it. */
export function formatValue(value: ExprValue): string {
  if (value === null) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatFloat(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (isList(value)) return `[${value.map(formatValue).join(' ')}]`;
  if (value instanceof Uint8Array) return `[${[...value].join(' ')}]`;
  if (isMap(value)) {
    const entries = [...value].map(([key, item]) => [formatValue(key), formatValue(item)] as const);
    return `map[${entries
      .toSorted(([a], [b]) => compareCodePoints(a, b))
      .map(([key, item]) => `${key}:${item}`)
      .join(' ')}]`;
  }
  if (value instanceof ExprDuration) return formatDuration(value.nanoseconds);
  if (value instanceof ExprTime) return formatTime(value);
  if (value instanceof ExprZone) return value.name;
  return '<func>';
}

/** JSON with two blanks of indentation and sorted keys; undefined when a value has no JSON form. */
export function formatJson(value: ExprValue, indent = ''): string | undefined {
  if (value === null) return 'null';
  if (typeof value === 'string') return goString(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? jsonFloat(value) : undefined;
  if (value instanceof ExprDuration) return String(value.nanoseconds);
  if (value instanceof ExprTime) return goString(formatTime(value));
  // The facts as a whole are JSON already: Go lays its text out anew, in its own order.
  if (value instanceof Uint8Array)
    return indentJson(escapeJsonLikeGo(Buffer.from(value).toString('utf8')), {indent: '  ', prefix: indent});
  const inner = `${indent}  `;
  if (isList(value)) {
    if (value.length === 0) return '[]';
    const items = value.map((item) => formatJson(item, inner));
    return items.includes(undefined) ? undefined : `[\n${inner}${items.join(`,\n${inner}`)}\n${indent}]`;
  }
  if (!isMap(value)) return undefined;
  if (value.size === 0) return '{}';
  const lines: string[] = [];
  for (const [key, item] of [...value].toSorted(([a], [b]) => compareCodePoints(formatValue(a), formatValue(b)))) {
    const text = formatJson(item, inner);
    if (text === undefined) return undefined;
    lines.push(`${goString(formatValue(key))}: ${text}`);
  }
  return `{\n${inner}${lines.join(`,\n${inner}`)}\n${indent}}`;
}

function jsonFloat(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-6 || size >= 1e21)) return exponentForm(value).replace('e-0', 'e-');
  return String(value);
}

function goString(text: string): string {
  return escapeJsonLikeGo(JSON.stringify(text));
}
