/**
 * Log lines in the shapes of logrus, because users' log parsers read those: text, text for a terminal, and JSON.
 *
 * Nothing inside a message or a field can forge a line or drive a terminal: every control character is escaped. Pure.
 * Shapes: spec/server.md section 11, spec/cli.md section 1.1.
 */
import {stringifyGo} from './go-json.ts';
import {compareBytes, escapeUnprintable, goQuote} from './go-text.ts';
import {logValueLengthMax} from './limits.ts';
import type {LogFields, LogLevel} from './logger.ts';

export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
  /** Wall clock in ms since 1970. */
  readonly atMs: number;
  /** Since the program started; shown on terminals. */
  readonly elapsedMs: number;
}

export type LogForm = 'text' | 'terminal' | 'json';

/** One line with its end. */
export function formatLogLine(entry: LogEntry, form: LogForm): string {
  if (form === 'json') return jsonLine(entry);
  return form === 'terminal' ? terminalLine(entry) : textLine(entry);
}

function levelName(level: LogLevel): string {
  return level === 'warn' ? 'warning' : level;
}

function jsonLine(entry: LogEntry): string {
  const data: [string, unknown][] = sortedFields(entry.fields).map(([key, value]) => [key, jsonValue(value)]);
  const line = {
    ...Object.fromEntries(data),
    level: levelName(entry.level),
    msg: cut(entry.message),
    time: formatLocalTime(entry.atMs),
  };
  return `${escapeInJson(stringifyGo(line, {sortKeys: true}))}\n`;
}

/** JSON leaves marks that reorder or hide text as they are; whoever shows the file on a terminal would be misled. */
function escapeInJson(json: string): string {
  return json.replace(/[\u007f-\u009f\p{Cf}]/gu, (character) =>
    Array.from({length: character.length}, (_unused, index) => unitEscape(character.charCodeAt(index))).join(''),
  );
}

function unitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

function textLine(entry: LogEntry): string {
  const parts = [
    `time="${formatLocalTime(entry.atMs)}"`,
    `level=${levelName(entry.level)}`,
    `msg=${quoteWhenNeeded(cut(entry.message))}`,
    ...sortedFields(entry.fields).map(([key, value]) => `${safeKey(key)}=${quoteWhenNeeded(textValue(value))}`),
  ];
  return `${parts.join(' ')}\n`;
}

const terminalLevels: Readonly<Record<LogLevel, {readonly label: string; readonly colour: number}>> = {
  debug: {label: 'DEBU', colour: 37},
  info: {label: 'INFO', colour: 36},
  warn: {label: 'WARN', colour: 33},
  error: {label: 'ERRO', colour: 31},
  fatal: {label: 'FATA', colour: 31},
};

function terminalLine(entry: LogEntry): string {
  const {label, colour} = terminalLevels[entry.level];
  const seconds = Math.floor(Math.max(0, entry.elapsedMs) / 1000);
  const fields = sortedFields(entry.fields).map(
    ([key, value]) => ` \u001b[${colour}m${safeKey(key)}\u001b[0m=${quoteWhenNeeded(textValue(value))}`,
  );
  const message = escapeControls(cut(entry.message.replace(/\n$/, '')));
  return `\u001b[${colour}m${label}\u001b[0m[${String(seconds).padStart(4, '0')}] ${message.padEnd(44)} ${fields.join('')}\n`;
}

/** Fields named like the line's own members step aside, as logrus lets them. */
function sortedFields(fields: LogFields): [string, unknown][] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]): [string, unknown] => [/^(?:level|msg|time)$/.test(key) ? `fields.${key}` : key, value])
    .sort(([a], [b]) => compareBytes(a, b));
}

function jsonValue(value: unknown): unknown {
  if (typeof value === 'string') return cut(value);
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  return value instanceof Error ? cut(value.message) : plainValue(value);
}

/** Lists and objects as they are, unless they can't be written. */
function plainValue(value: unknown): unknown {
  const text = jsonText(value);
  return text === undefined || text.length > logValueLengthMax ? textValue(value) : (JSON.parse(text) as unknown);
}

function textValue(value: unknown): string {
  if (typeof value === 'string') return cut(value);
  if (value instanceof Error) return cut(value.message);
  if (typeof value === 'object' && value !== null) return cut(jsonText(value) ?? '[unprintable]');
  return cut(String(value));
}

function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
  } catch {
    // A cycle: a log line must not fail for the value that it tells about.
    return undefined;
  }
}

function cut(text: string): string {
  if (text.length <= logValueLengthMax) return text;
  return `${text.slice(0, logValueLengthMax)}... (${text.length} characters)`;
}

function quoteWhenNeeded(text: string): string {
  return /^[A-Za-z0-9\-._/@^+]*$/.test(text) ? text : goQuote(text);
}

function safeKey(key: string): string {
  return /^[\w.\-/@]+$/.test(key) ? key : goQuote(key);
}

const textEscapes: Readonly<Record<string, string>> = {'\n': '\\n', '\r': '\\r', '\t': '\\t'};

/** Readable text stays as it is; what moves the cursor, starts a line or hides text is written as an escape. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => textEscapes[character] ?? escapeUnprintable(character),
  );
}

/** RFC 3339 in whole seconds and the machine's time zone: `2026-11-21T03:49:40Z`, `2026-11-21T04:49:40+01:00`. */
export function formatLocalTime(atMs: number): string {
  const offsetMinutes = -new Date(atMs).getTimezoneOffset();
  const local = new Date(atMs + offsetMinutes * 60_000).toISOString().slice(0, 19);
  if (offsetMinutes === 0) return `${local}Z`;
  const sign = offsetMinutes < 0 ? '-' : '+';
  const minutes = Math.abs(offsetMinutes);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${local}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
