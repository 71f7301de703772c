/** Summaries of all results, in the words of the classic client: `hello = 5`, `Average length: 5.0`. */
import {type ActionDdl, goFormat} from '../../../ddl/index.ts';
import {inertLine} from '../../render/inert.ts';
import type {ClassicPaint} from '../style.ts';
import {rubyInspect} from './ruby-inspect.ts';

type Values = readonly unknown[];

function counted(values: Values): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const value of values) {
    // A list is counted by its items.
    for (const item of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
      const text = typeof item === 'string' ? item : rubyInspect(item);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  }
  // Ascending by count and then turned around, so of equal ones the last found comes first.
  return [...counts].toSorted(([, a], [, b]) => a - b).toReversed();
}

function summary(values: Values, format: string | undefined): string {
  const rows = counted(values.filter((value) => value !== undefined));
  if (rows.length === 0) return '';
  const [names, counts] = [rows.map(([name]) => name.length), rows.map(([, count]) => String(count).length)];
  return rows
    .map(([name, count]) =>
      format === undefined
        ? `${name.padStart(Math.max(...names))} = ${String(count).padStart(Math.max(...counts))}`
        : goFormat(format, [name, {integer: count}]),
    )
    .join('\n');
}

function numeric(
  values: Values,
  kind: 'average' | 'sum',
  options: {readonly output: string; readonly format: string | undefined},
): string {
  const numbers = values.filter((value): value is number => typeof value === 'number');
  if (numbers.length === 0) return '';
  const total = numbers.reduce((sum, value) => sum + value, 0);
  const words = kind === 'sum' ? `Sum of ${options.output}: %f` : `Average of ${options.output}: %f`;
  return goFormat(options.format ?? words, [{float: kind === 'sum' ? total : total / numbers.length}]);
}

function textOf(call: ActionDdl['aggregates'][number], values: Values): string | undefined {
  const [output, more] = call.args;
  const given =
    more !== null && typeof more === 'object' ? (more as Readonly<Record<string, unknown>>)['format'] : undefined;
  const format = typeof given === 'string' ? given : undefined;
  if (call.function === 'summary') return summary(values, format);
  if (call.function === 'average' || call.function === 'sum') {
    return numeric(values, call.function, {output: String(output), format});
  }
  return undefined;
}

/** By output; empty when the action declares no summaries. */
export function classicSummaries(
  replies: readonly {readonly data: unknown}[],
  {action, paint}: {readonly action: ActionDdl; readonly paint: ClassicPaint},
): string {
  const calls = action.aggregates.toSorted((a, b) => (String(a.args[0]) < String(b.args[0]) ? -1 : 1));
  return calls
    .map((call) => {
      const output = String(call.args[0]);
      const values = replies.map(({data}) =>
        data !== null && typeof data === 'object' ? (data as Readonly<Record<string, unknown>>)[output] : undefined,
      );
      const text = textOf(
        call,
        values.filter((value) => value !== undefined),
      );
      const name = text === undefined ? output : (action.outputs.get(output)?.displayAs ?? output);
      const head = `${paint.bold(`Summary of ${inertLine(name)}:`)}\n\n`;
      if (text === undefined) {
        return `${head}${paint.yellow('     Could not compute summary - exception raised while processing startup hook')}\n\n`;
      }
      if (text === '') return `${head}${paint.yellow('     No aggregate summary could be computed')}\n\n`;
      const lines = text.split('\n').map((line) => `   ${inertLine(line)}`);
      return `${head}${lines.join('\n')}\n\n`;
    })
    .join('');
}
