/**
 * Tables in rounded boxes, in the exact shape that users' scripts know (cli.md 1.5; golden: `helpers.json tables`).
 *
 * Our own, because cli-table3 measures by display columns, spreads a wide title over all columns and leaves out the rule below the
 * headings of an empty table, all of which differ from that shape (docs/design/dependencies.md).
 */
import {formatFixed} from '../../lib/go-number.ts';
import {inertLine} from './inert.ts';

/** A list is shown with line ends between its items, which breaks the row as the known shape does. */
export type TableCell = string | number | boolean | bigint | null | undefined | readonly string[];

export interface Table {
  readonly title?: string;
  readonly headers: readonly string[];
  readonly rows: readonly (readonly TableCell[])[];
  /** A last row below a rule. */
  readonly footer?: readonly TableCell[];
}

/** Code points, not display columns: that is how the known shape is measured. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

function cellText(cell: TableCell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell === 'object') return cell.map(inertLine).join('\n');
  if (typeof cell === 'number' && !Number.isInteger(cell)) return formatFixed(cell, 2);
  return inertLine(String(cell));
}

function padded(text: string, width: number): string {
  return ` ${text}${' '.repeat(Math.max(0, width - widthOf(text)))} `;
}

function centred(text: string, width: number): string {
  const space = Math.max(0, width - widthOf(text));
  const left = Math.floor(space / 2);
  return ` ${' '.repeat(left)}${text}${' '.repeat(space - left)} `;
}

function rule(
  widths: readonly number[],
  ends: {readonly left: string; readonly middle: string; readonly right: string},
): string {
  return `${ends.left}${widths.map((width) => '─'.repeat(width + 2)).join(ends.middle)}${ends.right}\n`;
}

/** Ends with the box's last line; the commands add the blank line that follows a table. */
export function renderTable(table: Table): string {
  const headers = table.headers.map(cellText);
  const rows = table.rows.map((row) => headers.map((_header, index) => cellText(row[index])));
  const footer = table.footer?.map(cellText) ?? [];
  const widths = headers.map((header, index) =>
    Math.max(widthOf(header), ...[...rows, footer].map((row) => widthOf(row[index] ?? ''))),
  );
  const title = inertLine(table.title ?? '');
  const inner = (): number => widths.reduce((sum, width) => sum + width, 0) + 3 * (widths.length - 1);
  const last = widths.length - 1;
  if (title !== '' && last >= 0) widths[last] = (widths[last] ?? 0) + Math.max(0, widthOf(title) - inner());
  const line = (cells: readonly string[]): string =>
    `│${cells.map((cell, index) => padded(cell, widths[index] ?? 0)).join('│')}│\n`;
  let out = '';
  if (title === '') {
    out += rule(widths, {left: '╭', middle: '┬', right: '╮'});
  } else {
    out += rule(widths, {left: '╭', middle: '─', right: '╮'});
    out += `│${centred(title, inner())}│\n`;
    out += rule(widths, {left: '├', middle: '┬', right: '┤'});
  }
  out += line(headers);
  out += rule(widths, {left: '├', middle: '┼', right: '┤'});
  for (const row of rows) out += line(row);
  if (table.footer !== undefined) out += rule(widths, {left: '├', middle: '┼', right: '┤'}) + line(footer);
  return out + rule(widths, {left: '╰', middle: '┴', right: '╯'});
}
