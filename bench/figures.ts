/** The figures that were committed last, and what has moved since. */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import type {BenchRow} from './row.ts';

/** Two runs of the same tree differ by up to this much on a shared machine. */
const noise = 1.3;

export type Figures = Readonly<Record<string, Pick<BenchRow, 'unit' | 'ours' | 'peer' | 'ratio' | 'goal' | 'met'>>>;

export function readFigures(path: string): Figures {
  if (!existsSync(path)) return {};
  return (JSON.parse(readFileSync(path, 'utf8')) as {rows: Figures}).rows;
}

/** Rows that were not measured this time keep their figures. */
export function saveFigures(path: string, rows: readonly BenchRow[]): void {
  const merged: Record<string, unknown> = {...readFigures(path)};
  for (const {row, unit, ours, peer, ratio, goal, met} of rows) merged[row] = {unit, ours, peer, ratio, goal, met};
  const sorted = Object.fromEntries(Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(path, `${JSON.stringify({rows: sorted}, null, 2)}\n`);
}

/**
 * What is faster or slower than before by more than noise, one line each. Where a peer was measured in the same run its ratio is compared, because a slow machine is
 * slow for both; else the figure itself.
 */
export function compareRows(rows: readonly BenchRow[], figures: Figures): readonly string[] {
  const lines: string[] = [];
  for (const row of rows) {
    const before = figures[row.row];
    if (before === undefined) continue;
    const isMoreBetter = row.goal.startsWith('>=');
    const isByPeer = row.ratio !== null && before.ratio !== null && row.note === undefined;
    const [now, then] = isByPeer ? [row.ratio ?? 0, before.ratio ?? 0] : [row.ours, before.ours];
    if (!(now > 0) || !(then > 0)) continue;
    const gain = isMoreBetter ? now / then : then / now;
    if (gain <= noise && gain >= 1 / noise) continue;
    const word = gain > 1 ? 'better' : 'worse';
    const factor = gain > 1 ? gain : 1 / gain;
    lines.push(
      `${word} than the committed figures by ${factor.toFixed(2)}: ${row.row} (${then} -> ${now}${isByPeer ? ' x peer' : ` ${row.unit}`})`,
    );
  }
  return lines.length === 0 ? ['Nothing moved by more than noise since the committed figures.'] : lines;
}
