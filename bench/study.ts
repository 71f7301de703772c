/**
 * The fleets that are too large for every run: what the committed study of docs/study measured, or, when `CHORIA_BENCH_LARGE` is set, measured now (50,000 servers take
 * some minutes, 12 GB of memory and a nats-server).
 */
import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {median, type StudyReport} from '../src/cli/study/results.ts';
import {type BenchContext, type BenchRow, benchRow} from './row.ts';

const root = join(import.meta.dirname, '..');
const sizes = [
  {servers: 10_000, scenario: 'reconnect', goal: 60, what: 'kill -9 of the broker, all servers back'},
  {servers: 50_000, scenario: 'ping', goal: 10, what: 'choria ping, last answer'},
  {servers: 50_000, scenario: 'request', goal: 40, what: 'choria req rpcutil ping, discovery and request'},
] as const;

export function rows(context: BenchContext): Promise<readonly BenchRow[]> {
  const isLive = process.env['CHORIA_BENCH_LARGE'] !== undefined;
  const reports = isLive ? [measure(context)] : committed();
  const result: BenchRow[] = [];
  for (const {servers, scenario, goal, what} of sizes) {
    const found = reports
      .flatMap((report) => report.sizes)
      .find((size) => size.plan.servers === servers && size.scenarios.some((item) => item.name === scenario));
    const all = found?.scenarios.find((item) => item.name === scenario)?.runs ?? [];
    // A run without a single answer has no time.
    const runs = all.filter((run) => run.answered > 0);
    if (runs.length === 0) {
      context.say(`study: no figures of ${servers} servers, ${scenario}`);
      continue;
    }
    const measured = scenario === 'reconnect' ? runs.slice(0, 1) : runs;
    const lost = runs.reduce((sum, run) => sum + run.lost + run.doubled, 0);
    result.push(
      benchRow(`study: ${servers.toLocaleString('en-US')} servers, ${what}`, {
        unit: 's',
        ours: median(measured.map((run) => run.seconds)),
        goal: {atMost: goal},
        note: `${lost} lost or doubled in ${runs.length} runs; ${isLive ? 'measured now' : 'from the committed study in docs/study'}; go-choria cannot do it on this kind of machine`,
      }),
    );
  }
  return Promise.resolve(result);
}

function committed(): readonly StudyReport[] {
  return ['10000', '50000']
    .map((size) => join(root, 'docs', 'study', size, 'report.json'))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as StudyReport);
}

function measure(context: BenchContext): StudyReport {
  context.say('studying 10,000 and 50,000 servers, which takes minutes');
  const result = spawnSync(
    process.execPath,
    [
      join(root, 'bin', 'choria.js'),
      'study',
      '--huge-pages',
      '--json',
      '--servers',
      '10000',
      '--servers',
      '50000',
      '--scenario',
      'ping',
      '--scenario',
      'request',
      '--scenario',
      'reconnect',
    ],
    {encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: ['ignore', 'pipe', 'inherit']},
  );
  return JSON.parse(result.stdout) as StudyReport;
}
