/**
 * The text of replies and summaries, in the shapes that operators know and scripts parse (cli.md 3.5). Whatever a node sent is made
 * harmless for the terminal.
 */
import type {Aggregation} from '../../ddl/index.ts';
import type {ActionDdl} from '../../ddl/types.ts';
import {escapeJsonLikeGo, indentJson, jsonMembers} from '../../lib/json-text.ts';
import type {NodeReply} from '../../rpc/index.ts';
import type {Paint} from '../render/colour.ts';
import {inert, inertJson, inertLine} from '../render/inert.ts';
import {prettyJson} from '../render/pretty-json.ts';

export type DisplayMode = 'ok' | 'failed' | 'all' | 'none';

const statusTexts: readonly string[] = [
  '',
  'Request Aborted',
  'Unknown Action',
  'Missing Request Data',
  'Invalid Request Data',
  'Unknown Request Status',
];

export interface ReplyTextOptions {
  readonly action: ActionDdl;
  readonly verbose: boolean;
  readonly paint: Paint;
  /** Paints the status: only where the reference does, see `statusPaint`. */
  readonly statusPaint: Paint;
}

/** Whether a reply is shown. */
export function isShown(mode: DisplayMode, statusCode: number): boolean {
  if (mode === 'all') return true;
  return mode !== 'none' && (mode === 'ok') === (statusCode === 0);
}

/** `--display`, else what the description says; `always` shows all and no word at all shows failures. */
export function displayMode(flag: string | undefined, action: ActionDdl): DisplayMode {
  if (flag === 'ok' || flag === 'failed' || flag === 'all' || flag === 'none') return flag;
  return action.display === 'always' ? 'all' : action.display;
}

/** The `data` member of a reply as the node wrote it. */
export function replyDataText(reply: NodeReply): string {
  return jsonMembers(reply.message.body.toString('utf8')).get('data') ?? '{}';
}

/** One reply with its heading. */
export function replyText(reply: NodeReply, options: ReplyTextOptions): string {
  const heading = `${inertLine(reply.sender).padEnd(40)} ${statusText(reply.statusCode, options.statusPaint)}\n\n`;
  if (options.verbose) return `${heading}${verboseData(reply)}`;
  if (reply.statusCode === 0) return `${heading}${outputLines(replyDataText(reply), options.action)}\n`;
  return `${heading}    ${options.paint.yellow(inert(reply.statusMessage))}\n\n`;
}

function statusText(code: number, paint: Paint): string {
  const text = statusTexts[code] ?? '';
  if (text === '') return '';
  return code === 1 || code === 5 ? paint.red(text) : paint.yellow(text);
}

function verboseData(reply: NodeReply): string {
  const json = indentJson(escapeJsonLikeGo(replyDataText(reply)), {indent: '   ', prefix: '   '});
  return `   ${inertJson(json)}\n`;
}

function outputLines(dataText: string, action: ActionDdl): string {
  const members = jsonMembers(dataText);
  const names = new Set(members.keys());
  for (const [name, output] of action.outputs)
    if (output.default !== undefined && output.default !== null) names.add(name);
  const entries = [...names].toSorted(compareBytes).map((name) => ({
    label: inertLine(labelOf(name, action)),
    value: members.get(name),
  }));
  const width = Math.max(0, ...entries.map((entry) => entry.label.length)) + 3;
  return entries
    .map(({label, value}) => `${label.padStart(width)}: ${value === undefined ? '' : valueText(value, width + 2)}\n`)
    .join('');
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function labelOf(name: string, action: ActionDdl): string {
  const shown = action.outputs.get(name)?.displayAs ?? '';
  return shown === '' ? name : shown;
}

/** A value for people: text as it is, numbers as the node wrote them, everything else as JSON. */
export function valueText(json: string, indentColumns: number): string {
  if (json.startsWith('"')) return inert(JSON.parse(json) as string);
  if (json === 'null') return '';
  if (json.startsWith('{') || json.startsWith('[')) {
    return inertJson(prettyJson(escapeJsonLikeGo(json), ' '.repeat(indentColumns)));
  }
  return /^-?\d+$/.test(json) || json === 'true' || json === 'false' ? json : plainNumber(json);
}

/** Without an exponent, as the reference prints fractions. */
function plainNumber(json: string): string {
  const value = Number(json);
  if (!Number.isFinite(value)) return json;
  const text = String(value);
  return text.includes('e')
    ? value.toLocaleString('en-US', {useGrouping: false, maximumFractionDigits: 20, maximumSignificantDigits: 17})
    : text;
}

/** `Summary of X:` for each output that the description summarises. */
export function summariesText(
  aggregation: Aggregation,
  options: {readonly action: ActionDdl; readonly paint: Paint},
): string {
  const {formatted} = aggregation.results();
  return Object.keys(formatted)
    .toSorted(compareBytes)
    .map((name) => {
      const heading = options.paint.brightWhite(`Summary of ${inertLine(labelOf(name, options.action))}:\n`);
      const lines = formatted[name] ?? [];
      const body =
        lines.length === 0 ? `   ${options.paint.yellow('No summary received')}\n` : lines.map(summaryLine).join('');
      return `${heading}\n${body}\n`;
    })
    .join('');
}

/** Charts have several lines and are not indented. */
function summaryLine(line: string): string {
  return line.includes('\n') ? `${inert(line)}\n` : `   ${inert(line)}\n`;
}
