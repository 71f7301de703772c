/** What stands below the replies: how many answered, how long it took, and who did not answer (cli.md 3.5). */
import {describeSilence, type RequestStatistics, type StrayReplies} from '../../rpc/index.ts';
import type {Paint} from '../render/colour.ts';
import {inertLine} from '../render/inert.ts';
import {goDuration} from './go-duration.ts';

const namesShownMax = 200;
const namesInRow = 3;
const columnGap = 4;

export interface FooterOptions {
  readonly verbose: boolean;
  readonly paint: Paint;
}

/** The footer with its leading blank line. */
export function footerText(statistics: RequestStatistics, options: FooterOptions): string {
  const summary = options.verbose ? verboseFooter(statistics, options.paint) : shortFooter(statistics, options.paint);
  return `\n${summary}${silentText(statistics, options)}`;
}

/** The nodes that are not as they should be: silent, unexpected, and answers that were not counted. */
export function silentText(statistics: RequestStatistics, options: FooterOptions): string {
  return [
    namesText('No Responses from', statistics.noResponses, options),
    options.verbose ? reasonsText(statistics) : '',
    namesText('Unexpected Responses from', statistics.unexpectedResponses, options),
    namesText('Conflicting Responses from', statistics.strays.conflicts, options),
    strayText(statistics.strays),
  ].join('');
}

/** Why each silent node is silent, one a line. */
function reasonsText({silences, knowsConnected}: RequestStatistics): string {
  if (silences.length === 0) return '';
  const lines = silences
    .toSorted((a, b) => (a.identity < b.identity ? -1 : 1))
    .map((silence) => `    ${inertLine(silence.identity)} ${describeSilence(silence)}\n`);
  const doubt = knowsConnected ? '' : ' (this broker does not tell who is connected)';
  return `\nReasons${doubt}:\n\n${lines.join('')}`;
}

function coloured(count: string, statistics: RequestStatistics, paint: Paint): string {
  const {responses, discovered} = statistics;
  if (responses === 0) return paint.red(count);
  return responses === discovered ? paint.green(count) : paint.yellow(count);
}

function shortFooter(statistics: RequestStatistics, paint: Paint): string {
  const {responses, discovered, requestMs, discoverMs} = statistics;
  const counts = [responses, discovered].map((count) => coloured(String(count), statistics, paint)).join(' / ');
  return `Finished processing ${counts} hosts in ${goDuration(Math.round(requestMs + discoverMs) * 1_000_000)}\n`;
}

function verboseFooter(statistics: RequestStatistics, paint: Paint): string {
  const {responses, discovered, ok, failed, noResponses, unexpectedResponses} = statistics;
  const {requestMs, discoverMs, publishMs} = statistics;
  const counts = [responses, discovered].map((count) => coloured(String(count), statistics, paint)).join(' / ');
  const rows: readonly (readonly [string, string])[] = [
    ['Nodes', counts],
    ['Pass / Fail', `${ok} / ${failed}`],
    ['No Responses', String(noResponses.length)],
    ['Unexpected Responses', String(unexpectedResponses.length)],
    ['Start Time', startTime(statistics.startedAtMs)],
    ['Discovery Time', goDuration(nanoseconds(discoverMs))],
    ['Publish Time', goDuration(nanoseconds(publishMs))],
    ['Agent Time', goDuration(nanoseconds(Math.max(0, requestMs - publishMs)))],
    ['Total Time', goDuration(nanoseconds(requestMs + discoverMs))],
  ];
  const lines = rows.map(([label, value]) => `${label.padStart(20)}: ${value}\n`);
  return `${paint.yellow('---- request stats ----')}\n${lines.join('')}`;
}

export function nanoseconds(ms: number): number {
  return Math.round(ms * 1_000_000);
}

function startTime(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}+0000`;
}

function namesText(heading: string, names: readonly string[], options: FooterOptions): string {
  if (names.length === 0) return '';
  const sorted = names.map(inertLine).toSorted();
  const cut = !options.verbose && sorted.length > namesShownMax;
  const count = cut ? ` (showing first ${namesShownMax}): ${sorted.length}` : `: ${sorted.length}`;
  return `\n${heading}${count}\n\n${nameRows(cut ? sorted.slice(0, namesShownMax) : sorted)}`;
}

/** Rows of three names; each column is as wide as its longest name and the gap. */
function nameRows(names: readonly string[]): string {
  const rows: string[][] = [];
  for (let start = 0; start < names.length; start += namesInRow) rows.push(names.slice(start, start + namesInRow));
  const widths = Array.from({length: namesInRow}, (_unused, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  return rows
    .map((row) => `    ${widths.map((width, column) => (row[column] ?? '').padEnd(width + columnGap)).join('')}\n`)
    .join('');
}

function strayText(strays: StrayReplies): string {
  const kinds: readonly (readonly [number, string])[] = [
    [strays.duplicates, 'sent again'],
    [strays.misattributed, 'in the name of another node'],
    [strays.foreign, 'to another request'],
    [strays.invalid, 'unreadable or too large'],
  ];
  const parts = kinds.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
  return parts.length === 0 ? '' : `\nAnswers that were not counted: ${parts.join(', ')}\n`;
}
