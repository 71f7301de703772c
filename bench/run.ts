/**
 * Runs the benchmarks and prints their rows as a table; `--json FILE` also writes `{"rows":[...]}`.
 *
 *     npm run bench [-- GROUP...] [--json FILE] [--save]
 *
 * A group is a file of this folder that exports `rows` (`broker`, `client`, ...). Nothing here asserts: figures are for people. Each row is compared with the
 * figures that were committed last, and what moved by much is said at the end. README.md says how to read it.
 */
import {existsSync, readdirSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {jobArguments, refuseJob} from '../tools/arguments.mjs';
import {compareRows, readFigures, saveFigures} from './figures.ts';
import type {BenchGroup, BenchRow} from './row.ts';

const here = dirname(fileURLToPath(import.meta.url));
const figuresPath = join(here, 'figures.json');
const helpers: ReadonlySet<string> = new Set(['run.ts', 'row.ts', 'figures.ts', 'broker-child.ts', 'broker-load.ts']);

function groupNames(): readonly string[] {
  return readdirSync(here)
    .filter((name) => name.endsWith('.ts') && !name.startsWith('_') && !name.endsWith('.test.ts') && !helpers.has(name))
    .map((name) => name.slice(0, -'.ts'.length))
    .sort();
}

function printTable(rows: readonly BenchRow[]): void {
  const cells = rows.map((row) => [
    row.row,
    `${row.ours} ${row.unit}`,
    row.peer === null ? '-' : `${row.peer} ${row.unit}`,
    row.ratio === null ? '-' : String(row.ratio),
    row.goal,
    row.met ? 'met' : 'missed',
    row.note ?? '',
  ]);
  const table = [['row', 'ours', 'peer', 'ratio', 'goal', '', ''], ...cells];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  for (const line of table)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

async function main(): Promise<number> {
  const known = groupNames();
  const {values, positionals} = jobArguments({
    name: 'bench',
    help: 'Runs the benchmarks and prints their rows as a table.',
    options: {
      json: {type: 'string', value: 'FILE', help: 'Write the rows to this file too'},
      save: {type: 'boolean', help: 'Keep the figures, so that the next run is compared with them'},
    },
    words: {name: 'GROUP', help: `Only these: ${known.join(', ')}`},
  });
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) refuseJob('bench', `there is no group "${unknown}"`);
  const rows: BenchRow[] = [];
  const failed: string[] = [];
  for (const name of positionals.length > 0 ? positionals : known) {
    const path = join(here, `${name}.ts`);
    if (!existsSync(path)) continue;
    const group = (await import(pathToFileURL(path).href)) as BenchGroup;
    process.stderr.write(`bench ${name} ...\n`);
    try {
      rows.push(...(await group.rows({say: (text) => process.stderr.write(`  ${text}\n`)})));
    } catch (error) {
      // A group that cannot be measured, for want of a program or of memory, does not take the others with it.
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  printTable(rows);
  for (const line of compareRows(rows, readFigures(figuresPath))) console.log(line);
  if (values.save === true) saveFigures(figuresPath, rows);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({rows}, null, 2)}\n`);
  for (const problem of failed) console.error(`Could not measure ${problem}`);
  return failed.length === 0 ? 0 : 1;
}

process.exit(await main());
