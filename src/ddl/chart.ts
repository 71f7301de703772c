/**
 * A line chart in text, as `chart` aggregates and `choria ping --graph` show it.
 *
 * Values are stretched over 60 columns with straight lines between them and drawn on at most 16 rows. The shape is that of the
 * fleets' existing tools to the character (vectors `agents/aggregates.json`).
 */
const columns = 60;
const rowsWanted = 15;
/** The column of the axis; labels stand before it. */
const axisColumn = 4;
const labelOffset = 5;

/**
 * @param values any number of finite values; others are left out
 * @returns lines joined by newlines; empty without values
 * @example
 * drawChart([1, 5, 3]);
 */
export function drawChart(values: readonly number[]): string {
  const finite = values.filter((value) => Number.isFinite(value));
  if (finite.length === 0) return '';
  const points = stretch(finite);
  const lowest = Math.min(...points);
  const highest = Math.max(...points);
  const interval = highest - lowest;
  const ratio = interval === 0 ? 1 : rowsWanted / interval;
  const bottom = roundAwayFromZero(lowest * ratio);
  const rows = roundAwayFromZero(highest * ratio) - bottom;
  const lineOf = (value: number): number => rows - (roundAwayFromZero(value * ratio) - bottom);

  const decimals = labelDecimals(lowest, highest);
  const width = Math.max(lowest.toFixed(decimals).length, highest.toFixed(decimals).length) + 1;
  const curve = drawCurve(points.map(lineOf), rows);
  return curve
    .map((cells, line) => {
      const level = interval === 0 ? lowest : highest - (line * interval) / Math.max(rows, 1);
      const before = Math.max(labelOffset - width, 0);
      const label = ' '.repeat(before) + level.toFixed(decimals).padStart(width);
      const axis = line === lineOf(points[0] ?? 0) ? '┼' : '┤';
      return `${label}${' '.repeat(Math.max(axisColumn - before - 1, 0))}${axis}${cells.join('')}`.trimEnd();
    })
    .join('\n');
}

function stretch(values: readonly number[]): readonly number[] {
  const last = values.length - 1;
  return Array.from({length: columns}, (_, column) => {
    const position = (column * last) / (columns - 1);
    const before = Math.floor(position);
    const low = values[before] ?? 0;
    const high = values[Math.ceil(position)] ?? low;
    return column === columns - 1 ? (values[last] ?? 0) : low + (high - low) * (position - before);
  });
}

function drawCurve(lines: readonly number[], rows: number): readonly string[][] {
  const grid = Array.from({length: rows + 1}, () => Array.from({length: columns - 1}, () => ' '));
  const put = (line: number, column: number, cell: string): void => {
    const row = grid[line];
    if (row) row[column] = cell;
  };
  for (let column = 0; column < columns - 1; column++) {
    const from = lines[column] ?? 0;
    const to = lines[column + 1] ?? 0;
    if (from === to) {
      put(from, column, '─');
      continue;
    }
    // Lines count from the top, so a larger number is lower.
    const rises = to < from;
    put(from, column, rises ? '╯' : '╮');
    put(to, column, rises ? '╭' : '╰');
    for (let line = Math.min(from, to) + 1; line < Math.max(from, to); line++) put(line, column, '│');
  }
  return grid;
}

function labelDecimals(lowest: number, highest: number): number {
  const largest = Math.max(Math.abs(lowest), Math.abs(highest));
  const magnitude = largest === 0 ? -1 : Math.log10(largest);
  if (magnitude > 2) return 0;
  if (magnitude >= 0) return 2;
  const whole = Number.isInteger(magnitude);
  return Math.min(2 + Math.floor(Math.abs(magnitude)) - (whole ? 1 : 0), 100);
}

function roundAwayFromZero(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}
