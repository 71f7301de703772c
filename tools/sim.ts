/**
 * Runs simulations and says what came of them.
 *
 *     npm run sim -- --seed S --minutes M [--nodes N] [--json] [--trace] [--until SECONDS] [--seeds COUNT] [--calm] [--shrink] [--without 3,5]
 *
 * `--shrink` makes a failing run smaller by leaving faults out; `--without` leaves those numbers out. `--seeds` runs that many seeds from `--seed` on; the first failure prints the one command that replays it. The last line of
 * `--json` is an object. Exit code: 0 everything held, 1 something did not, 2 wrong arguments.
 */
import {parseArgs} from 'node:util';
import {formatEvent, shrink, simulate, type SimulationOptions, type SimulationResult} from '../src/sim/index.ts';

const {values} = parseArgs({
  options: {
    seed: {type: 'string', default: '1'},
    minutes: {type: 'string', default: '10'},
    nodes: {type: 'string', default: '20'},
    seeds: {type: 'string', default: '1'},
    until: {type: 'string'},
    json: {type: 'boolean', default: false},
    trace: {type: 'boolean', default: false},
    calm: {type: 'boolean', default: false},
    shrink: {type: 'boolean', default: false},
    without: {type: 'string', default: ''},
  },
});

function positive(name: 'minutes' | 'nodes' | 'seeds'): number {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`Cannot run: --${name} is "${values[name]}", expected a number above 0`);
  process.exit(2);
}

function report(result: SimulationResult, seconds: number): void {
  const {violations, history, ...facts} = result;
  if (!result.ok) {
    for (const violation of violations) console.log(`NOT HELD: ${violation.rule}: ${violation.text}`);
    console.log('The last events:');
    for (const event of history.slice(-20)) console.log(formatEvent(event));
    console.log(
      `Replay it: npm run sim -- --seed ${result.seed} --minutes ${values.minutes} --nodes ${values.nodes} --trace`,
    );
  }
  if (values.json) console.log(JSON.stringify({...facts, violations, seconds}));
  else {
    console.log(
      `seed ${result.seed}: ${result.ok ? 'everything held' : `${violations.length} rules broken`}; ${result.requests} requests, ${result.runs} runs, ` +
        `${result.replays} replays, ${result.faults} faults, ${result.events} events in ${seconds} s; hash ${result.hash.slice(0, 16)}`,
    );
  }
}

async function shrunk(options: SimulationOptions): Promise<SimulationResult> {
  const {result, withoutFaults, tries} = await shrink(options);
  if (!result.ok) {
    console.log(
      `${result.faults} of ${result.faultsDrawn} faults are enough (${tries} runs): --without ${[...withoutFaults].sort((a, b) => a - b).join(',')}`,
    );
  }
  return result;
}

const minutes = positive('minutes');
const nodes = positive('nodes');
const count = positive('seeds');
const untilMs = values.until === undefined ? Number.POSITIVE_INFINITY : Number(values.until) * 1000;
let failed = 0;
for (let index = 0; index < count; index++) {
  const seed = count === 1 ? values.seed : String(Number(values.seed) + index);
  const startedAtMs = performance.now();
  const options: SimulationOptions = {
    seed,
    minutes,
    nodes,
    faults: !values.calm,
    ...(values.trace
      ? {
          onEvent: (event) => {
            if (event.atMs <= untilMs) console.log(formatEvent(event));
          },
        }
      : {}),
    withoutFaults: new Set(
      values.without
        .split(',')
        .filter((text) => text !== '')
        .map(Number),
    ),
  };
  const result = values.shrink ? await shrunk(options) : await simulate(options);
  report(result, Math.round((performance.now() - startedAtMs) / 10) / 100);
  if (!result.ok) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
