/**
 * The syntax of configuration files: lines of `key = value`, comments with `#`, nothing else.
 *
 * Never fails: what makes no sense is reported and skipped, as older programs skip it silently. Pure.
 * Rules: spec/config.md section 3; vectors `config/cases.json`.
 */
import {trimSpace} from '../lib/go-text.ts';
import {configLineBytesMax} from './limits.ts';

export interface ConfigLine {
  readonly key: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

export interface ParsedText {
  readonly lines: readonly ConfigLine[];
  /** What was skipped, as `line N: why`. */
  readonly problems: readonly {readonly line: number; readonly text: string}[];
}

const newline = 0x0a;

export function parseConfigText(bytes: Uint8Array): ParsedText {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines: ConfigLine[] = [];
  const problems: {line: number; text: string}[] = [];
  let start = 0;
  for (let number = 1; start < buffer.length; number++) {
    const found = buffer.indexOf(newline, start);
    const end = found < 0 ? buffer.length : found;
    if (end - start >= configLineBytesMax) {
      const text = `it is longer than ${configLineBytesMax} bytes; reading stops here and every later line is ignored`;
      problems.push({line: number, text});
      break;
    }
    const raw = buffer.toString('utf8', start, end);
    start = end + 1;
    const parsed = parseLine(raw);
    if (typeof parsed === 'string') problems.push({line: number, text: parsed});
    else if (parsed) lines.push({...parsed, line: number});
    if (number === 1 && raw.startsWith('\ufeff')) {
      problems.push({
        line: 1,
        text: 'the file starts with a byte order mark, which becomes part of the first key; save it without one',
      });
    }
  }
  return {lines, problems};
}

/** undefined for blank lines and comments; a text says why a line sets nothing. */
function parseLine(raw: string): {readonly key: string; readonly value: string} | string | undefined {
  const line = trimSpace(raw);
  if (line === '' || line.startsWith('#')) return undefined;
  // The key needs a character: an equals sign in first place belongs to it.
  const at = line.indexOf('=', 1);
  if (at < 0) return 'it has no "key = value" and sets nothing; comments start with "#"';
  const key = line.slice(0, 1) + line.slice(1, at).replace(/[\t\n\f\r ]+$/, '');
  const value = line.slice(at + 1).replace(/^[\t\n\f\r ]+/, '');
  if (value === '') return `"${key}" has no value behind "=" and sets nothing; remove the line or give it a value`;
  return {key, value};
}
