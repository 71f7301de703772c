/** The last lines of the classic client: how many answered in what time, and who did not. */
import type {RequestStatistics} from '../../../rpc/index.ts';
import {inertLine} from '../../render/inert.ts';
import type {ClassicPaint} from '../style.ts';

const namesColumns = 90;
const nameColumns = 30;

export interface ReportOptions {
  readonly statistics: RequestStatistics;
  readonly paint: ClassicPaint;
  readonly caption: string;
  readonly isVerbose: boolean;
  readonly summaries: string;
}

/** Rows of names as wide as the longest, at least `minimum`; the last row is filled. */
export function nameRows(names: readonly string[], minimum: number): string {
  const shown = names.map(inertLine).toSorted();
  const width = Math.max(minimum, ...shown.map((name) => name.length));
  const perRow = Math.max(1, Math.floor(namesColumns / width));
  const rows: string[] = [];
  for (let at = 0; at < shown.length; at += perRow) {
    const row = Array.from({length: perRow}, (_unused, index) => (shown[at + index] ?? '').padEnd(width));
    rows.push(`   ${row.map((cell) => ` ${cell}`).join('')}\n`);
  }
  return rows.join('');
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} +0000`;
}

function verboseLines({statistics, paint, caption}: ReportOptions): readonly string[] {
  const {discovered, responses, ok, failed, startedAtMs, discoverMs, requestMs} = statistics;
  const colour = responses < discovered ? paint.red : paint.plain;
  return [
    paint.yellow(`---- ${caption} ----`),
    `           Nodes: ${colour(String(discovered))} / ${colour(String(responses))}`,
    `     Pass / Fail: ${paint.plain(String(ok))} / ${paint.plain(String(failed))}`,
    `      Start Time: ${timeText(startedAtMs)}`,
    `  Discovery Time: ${discoverMs.toFixed(2)}ms`,
    `      Agent Time: ${requestMs.toFixed(2)}ms`,
    `      Total Time: ${(discoverMs + requestMs).toFixed(2)}ms`,
  ];
}

function shortLine({statistics, paint}: ReportOptions): string {
  const {discovered, responses, requestMs} = statistics;
  const colour = responses < discovered ? paint.red : paint.green;
  return `Finished processing ${colour(String(responses))} / ${colour(String(discovered))} hosts in ${requestMs.toFixed(2)} ms`;
}

function silent(title: string, names: readonly string[], paint: ClassicPaint): readonly string[] {
  return names.length === 0 ? [] : ['', `${paint.red(title)}\n\n${nameRows(names, nameColumns)}`];
}

export function classicReport(options: ReportOptions): string {
  const {statistics, paint, summaries, isVerbose} = options;
  const lines = [
    summaries,
    ...(isVerbose ? verboseLines(options) : [shortLine(options)]),
    '',
    ...silent('No response from:', statistics.noResponses, paint),
    ...silent('Unexpected response from:', statistics.unexpectedResponses, paint),
    '',
  ];
  const text = lines.join('\n');
  return text.endsWith('\n') ? text : `${text}\n`;
}
