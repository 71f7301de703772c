/**
 * Draws a series of numbers as a line chart of box characters, in the form that users of the `chart` aggregate and of `ping --graph` know:
 * 60 columns wide, 15 rows high, the axis at column 5. Golden: `helpers.json charts`.
 *
 * Pure. Bounded: the width is fixed, whatever the length of the series.
 */
import {formatFixed} from './go-number.ts';

const chartColumns = 60;
const chartRows = 15;
const axisColumn = 4;
/** Two decimals, more for series that stay below one, none for those that reach a hundred. */
const decimalsDefault = 2;

export interface ChartOptions {
  /** Centred below the chart. */
  readonly caption?: string;
}

/** Halves away from zero, as the drawing's own rounding does. */
function round(value: number): number {
  return value < 0 ? -Math.floor(-value + 0.5) : Math.floor(value + 0.5);
}

/** Stretches or squeezes a series to the width of the chart, on straight lines between its points. */
function stretch(series: readonly number[], columns: number): readonly number[] {
  const step = (series.length - 1) / (columns - 1);
  return Array.from({length: columns}, (_unused, index) => {
    if (index === columns - 1) return series.at(-1) ?? 0;
    const position = index * step;
    const before = series[Math.floor(position)] ?? 0;
    const after = series[Math.ceil(position)] ?? before;
    return before + (after - before) * (position - Math.floor(position));
  });
}

function decimalsFor(minimum: number, maximum: number): number {
  if (minimum === 0 && maximum === 0) return decimalsDefault;
  const magnitude = Math.log10(Math.max(Math.abs(maximum), Math.abs(minimum)));
  if (magnitude > 2) return 0;
  if (magnitude >= 0) return decimalsDefault;
  const whole = Math.abs(magnitude) === Math.floor(Math.abs(magnitude));
  return decimalsDefault + Math.floor(Math.abs(magnitude) - (whole ? 1 : 0));
}

interface Scale {
  readonly minimum: number;
  readonly maximum: number;
  /** Rows per unit. */
  readonly ratio: number;
  readonly bottom: number;
  readonly rows: number;
}

function scaleOf(points: readonly number[]): Scale {
  const minimum = Math.min(...points);
  const maximum = Math.max(...points);
  const interval = maximum - minimum;
  const ratio = interval === 0 ? 1 : chartRows / interval;
  const bottom = round(minimum * ratio);
  return {minimum, maximum, ratio, bottom, rows: Math.abs(round(maximum * ratio) - bottom)};
}

type Grid = string[][];

function put(grid: Grid, place: {readonly row: number; readonly column: number}, text: string): void {
  const row = grid[place.row];
  if (row !== undefined) row[place.column] = text;
}

function drawAxis(grid: Grid, scale: Scale): number {
  const decimals = decimalsFor(scale.minimum, scale.maximum);
  const widest = Math.max(formatFixed(scale.maximum, decimals).length, formatFixed(scale.minimum, decimals).length);
  for (let row = 0; row <= scale.rows; row++) {
    const interval = scale.maximum - scale.minimum;
    const value = scale.rows === 0 ? scale.minimum : scale.maximum - (row * interval) / scale.rows;
    const label = formatFixed(value, decimals).padStart(widest + 1);
    put(grid, {row, column: Math.max(axisColumn + 1 - label.length, 0)}, label);
    put(grid, {row, column: axisColumn}, row === 0 && scale.rows === 0 ? '┼' : '┤');
  }
  return widest;
}

function drawLine(grid: Grid, points: readonly number[], scale: Scale): void {
  const height = (value: number): number => round(value * scale.ratio) - scale.bottom;
  put(grid, {row: scale.rows - height(points[0] ?? 0), column: axisColumn}, '┼');
  for (let index = 0; index < points.length - 1; index++) {
    const from = height(points[index] ?? 0);
    const to = height(points[index + 1] ?? 0);
    const column = index + axisColumn + 1;
    if (from === to) {
      put(grid, {row: scale.rows - from, column}, '─');
      continue;
    }
    put(grid, {row: scale.rows - to, column}, from > to ? '╰' : '╭');
    put(grid, {row: scale.rows - from, column}, from > to ? '╮' : '╯');
    for (let level = Math.min(from, to) + 1; level < Math.max(from, to); level++) {
      put(grid, {row: scale.rows - level, column}, '│');
    }
  }
}

/**
 * @returns the lines joined with line feeds, without one at the end; empty for an empty series
 * @example
 * drawChart([1, 7, 50], {caption: 'Responses per 50ms'});
 */
export function drawChart(series: readonly number[], options: ChartOptions = {}): string {
  if (series.length === 0 || series.some((value) => !Number.isFinite(value))) return '';
  const points = stretch(series, chartColumns);
  const scale = scaleOf(points);
  const grid: Grid = Array.from({length: scale.rows + 1}, () =>
    Array.from({length: chartColumns + axisColumn + 1}, () => ' '),
  );
  const widest = drawAxis(grid, scale);
  drawLine(grid, points, scale);
  const lines = grid.map((row) => row.join('').trimEnd());
  const {caption} = options;
  if (caption !== undefined) {
    const indent = axisColumn + 1 + widest + Math.max(0, Math.floor((chartColumns - caption.length) / 2));
    lines.push(`${' '.repeat(indent)}${caption}`);
  }
  return lines.join('\n');
}
