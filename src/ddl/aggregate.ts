/**
 * Summaries over the replies of many nodes, as a description's `aggregate` entries ask for.
 *
 * Unknown functions and malformed entries are skipped, one output has one aggregator (the last entry wins), values are counted by
 * their text. Vectors: `agents/aggregates.json`.
 */
import {drawChart} from '../lib/ascii-chart.ts';
import {formatFixed} from '../lib/go-number.ts';
import {goFormat, goValue} from './go-format.ts';
import {compareUtf8, goJson} from './go-json.ts';
import {parseGoFloat} from './go-numbers.ts';
import {chartValuesMax, summaryValuesMax} from './limits.ts';
import type {ActionDdl} from './types.ts';

/** Everything by output name. */
export interface AggregateResults {
  /** What `--json` prints. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly strings: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Lines for people, the most frequent first. */
  readonly formatted: Readonly<Record<string, readonly string[]>>;
}

export interface Aggregation {
  /** Takes the `data` of one reply; what is no object, or lacks an output, is skipped. */
  add(data: unknown): void;
  results(): AggregateResults;
}

interface Aggregator {
  add(text: string): void;
  json(): unknown;
  strings(): Readonly<Record<string, string>>;
  formatted(): readonly string[];
}

/**
 * @example
 * const aggregation = createAggregation(action);
 * for (const reply of replies) aggregation.add(reply.data);
 * aggregation.results().formatted; // {status: ['running: 12', 'stopped:  1']}
 */
export function createAggregation(action: ActionDdl): Aggregation {
  const aggregators = new Map<string, Aggregator>();
  for (const item of action.aggregates) {
    const [output] = item.args;
    const aggregator = createAggregator(item.function, aggregateOptions(item.args));
    if (typeof output === 'string' && aggregator) aggregators.set(output, aggregator);
  }
  const collect = <T>(read: (aggregator: Aggregator) => T | undefined): Record<string, T> =>
    Object.fromEntries(
      [...aggregators]
        .sort(([a], [b]) => compareUtf8(a, b))
        .map(([name, aggregator]) => [name, read(aggregator)] as const)
        .filter((entry): entry is readonly [string, T & {}] => entry[1] !== undefined),
    );
  return {
    add: (data) => {
      if (typeof data !== 'object' || data === null || Array.isArray(data)) return;
      for (const [name, aggregator] of aggregators) {
        if (!Object.hasOwn(data, name)) continue;
        const value = (data as Readonly<Record<string, unknown>>)[name];
        aggregator.add(typeof value === 'string' ? value : goJson(value));
      }
    },
    results: () => ({
      json: collect((aggregator) => aggregator.json()),
      strings: collect((aggregator) => aggregator.strings()),
      formatted: collect((aggregator) => aggregator.formatted()),
    }),
  };
}

interface AggregateOptions {
  readonly format: string;
  readonly mapping: ReadonlyMap<string, string>;
}

/** Options count only as the second of exactly two arguments. */
function aggregateOptions(args: readonly unknown[]): AggregateOptions {
  const given = args.length === 2 ? args[1] : undefined;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return {format: '', mapping: new Map()};
  const entries = Object.entries(given);
  const format = entries.find(([key]) => key === 'format')?.[1];
  return {
    format: typeof format === 'string' ? format : '',
    mapping: new Map(entries.filter(([key]) => key !== 'format').map(([key, value]) => [key, goValue(value)])),
  };
}

function createAggregator(name: string, options: AggregateOptions): Aggregator | undefined {
  switch (name) {
    case 'summary':
    case 'boolean_summary':
      return createSummary(options);
    case 'average':
      return createAverage(options);
    case 'chart':
      return createChart();
    default:
      return undefined;
  }
}

function createSummary(options: AggregateOptions): Aggregator {
  const counts = new Map<string, number>();
  const sorted = (): readonly (readonly [string, number])[] =>
    [...counts].sort(([a, countA], [b, countB]) => countB - countA || compareUtf8(a, b));
  return {
    add: (text) => {
      const key = options.mapping.get(text) ?? text;
      const counted = counts.has(key) || counts.size < summaryValuesMax ? key : 'other values';
      counts.set(counted, (counts.get(counted) ?? 0) + 1);
    },
    json: () => Object.fromEntries([...counts].sort(([a], [b]) => compareUtf8(a, b))),
    strings: () => Object.fromEntries(sorted().map(([key, count]) => [key, count.toString()])),
    formatted: () => {
      const widest = [...counts.keys()].reduce((width, key) => Math.max(width, Buffer.byteLength(key, 'utf8')), 0);
      return sorted().map(([key, count]) =>
        options.format === ''
          ? `${' '.repeat(Math.max(widest - Array.from(key).length, 0))}${key}: ${count}`
          : goFormat(options.format, [key, {integer: count}]),
      );
    },
  };
}

function createAverage(options: AggregateOptions): Aggregator {
  let sum = 0;
  let count = 0;
  const average = (): number => sum / count;
  return {
    add: (text) => {
      const value = parseGoFloat(text);
      if (value === undefined) return;
      sum += value;
      count++;
    },
    json: () => (Number.isFinite(average()) ? {average: average()} : undefined),
    strings: () => ({
      Average: Number.isFinite(average()) ? formatFixed(average(), 6) : goFormat('%f', [{float: average()}]),
    }),
    formatted: () => [goFormat(options.format === '' ? 'Average: %.3f' : options.format, [{float: average()}])],
  };
}

function createChart(): Aggregator {
  const values: number[] = [];
  return {
    add: (text) => {
      const value = parseGoFloat(text);
      if (value !== undefined && values.length < chartValuesMax) values.push(value);
    },
    // Without values there is nothing to draw; the reference crashes there.
    json: () => (values.length === 0 ? undefined : {chart: drawChart(values)}),
    strings: () => (values.length === 0 ? {} : {Chart: drawChart(values)}),
    formatted: () => (values.length === 0 ? [] : [drawChart(values)]),
  };
}
