/** Judges `cli/helpers.json`: durations, sizes, charts, tables, columns, words for booleans and fact filters. */
import {parseFactFilter} from '../../../../src/protocol/index.ts';
import {drawChart} from '../../../../src/lib/ascii-chart.ts';
import {
  formatGoDuration,
  parseCliDuration,
  parseExtendedDuration,
  renderDuration,
  roundDuration,
} from '../../../../src/lib/duration.ts';
import {parseBoolWord} from '../../../../src/lib/go-text.ts';

import {renderBytes} from '../../../../src/cli/render/bytes.ts';
import {horizontalGroups, inGroups, verticalGroups} from '../../../../src/cli/render/columns.ts';
import {renderTable, type TableCell} from '../../../../src/cli/render/table.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

type Item = Readonly<Record<string, unknown>>;

/** What a case says must come out, and what came out; a thrown error is an outcome like any other. */
function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return {error: error instanceof Error ? error.message : String(error)};
  }
}

function judgeParsed(name: string, item: Item, parse: (text: string) => bigint): CaseResult {
  const wanted = 'error' in item ? {error: item['error']} : {ns: item['ns'], go_string: item['go_string']};
  const got = outcome(() => {
    const ns = parse(String(item['in']));
    return {ns: ns.toString(), go_string: formatGoDuration(ns)};
  });
  return judgeEqual(name, wanted, got);
}

const millisecond = 1_000_000n;

const sections: Readonly<Record<string, (name: string, item: Item) => CaseResult>> = {
  durations: (name, item) => {
    const ns = BigInt(String(item['ns']));
    const got = {
      ns: ns.toString(),
      go_string: formatGoDuration(ns),
      render_duration: renderDuration(ns),
      rounded_ms: formatGoDuration(roundDuration(ns, millisecond)),
    };
    return judgeEqual(name, item, got);
  },
  parse_duration_util: (name, item) => judgeParsed(name, item, parseExtendedDuration),
  parse_duration_cli: (name, item) => judgeParsed(name, item, parseCliDuration),
  parse_fact_filter: (name, item) => {
    const {in: text, ...wanted} = item;
    const got = outcome(() => {
      const {fact, operator, value} = parseFactFilter(String(text));
      return {fact, operator, value};
    });
    return judgeEqual(name, wanted, got);
  },
  ibytes: (name, item) => judgeEqual(name, item['ibytes'], renderBytes(Number(item['n']))),
  charts: (name, item) => {
    const series = item['series'] as readonly number[];
    const got = {
      series,
      chart_aggregate: drawChart(series),
      ping_graph: drawChart(series, {caption: 'Responses per 50ms'}),
    };
    return judgeEqual(name, item, got);
  },
  slice_groups: (name, item) => {
    const items = (item['in'] ?? []) as readonly string[];
    const size = Number(item['size']);
    const wanted = {horizontal: item['horizontal'], vertical: item['vertical']};
    return judgeEqual(name, wanted, {horizontal: horizontalGroups(items, size), vertical: verticalGroups(items, size)});
  },
  str_to_bool: (name, item) => {
    const {in: text, ...wanted} = item;
    return judgeEqual(
      name,
      wanted,
      outcome(() => ({bool: parseBoolWord(String(text))})),
    );
  },
  in_groups: (name, item) => {
    const nodes = Array.from({length: Number(item['count'])}, (_unused, index) => `n${index}`);
    return judgeEqual(name, item['groups'], inGroups(nodes, Number(item['size'])));
  },
  tables: (name, item) => {
    const table = item as {
      readonly title: string;
      readonly headers: readonly string[];
      readonly rows: readonly (readonly TableCell[])[];
    };
    return judgeEqual(
      name,
      item['out'],
      renderTable({title: table.title, headers: table.headers, rows: table.rows ?? []}),
    );
  },
};

const judge: Judge = ({data}) => {
  const results: CaseResult[] = [];
  for (const [section, items] of Object.entries(data as Readonly<Record<string, readonly Item[]>>)) {
    const run = sections[section];
    for (const [index, item] of items.entries()) {
      const name = `${section}[${index}]`;
      results.push(
        run === undefined ? {name, passed: false, expected: 'a known section', got: section} : run(name, item),
      );
    }
  }
  return Promise.resolve(results);
};

export default judge;
