/**
 * Runs simulations and says what came of them.
 *
 *     npm run sim -- --seed S --minutes M [--nodes N] [--json] [--trace] [--until SECONDS] [--seeds COUNT] [--calm] [--shrink] [--without 3,5]
 *                    [--security certificates|tokens] [--tls real|twin] [--for SECONDS]
 *
 * `--trace` tells the story, `--until` stops it at that simulated second, `--shrink` makes a failing run smaller by leaving faults out, `--without` leaves those
 * numbers out. `--seeds` runs that many seeds from `--seed` on, `--for` begins no further one after so many real seconds; each failure prints the one command
 * that replays it. The last line of `--json` is an object. Exit code: 0 everything held, 1 something did not, 2 wrong arguments.
 */
import {jobArguments, jobNumber, refuseJob} from './arguments.mjs';
import {
  formatEvent,
  KeyPool,
  shrink,
  simulate,
  type SimulationOptions,
  type SimulationResult,
} from '../src/sim/index.ts';

const {values} = jobArguments({
  name: 'sim',
  help: 'Runs simulations of a whole fleet and says what came of them.',
  options: {
    seed: {type: 'string', default: '1', value: 'TEXT', help: 'What everything is drawn from'},
    minutes: {type: 'string', default: '10', value: 'N', help: 'Simulated minutes'},
    nodes: {type: 'string', default: '20', value: 'N', help: 'Nodes of the fleet'},
    seeds: {type: 'string', default: '1', value: 'N', help: 'Run this many seeds, from --seed on'},
    for: {type: 'string', value: 'SECONDS', help: 'Begin no further seed after so many real seconds'},
    until: {type: 'string', value: 'SECONDS', help: 'Stop at this simulated second'},
    json: {type: 'boolean', default: false, help: 'Print an object for each run'},
    trace: {type: 'boolean', default: false, help: 'Tell the story'},
    calm: {type: 'boolean', default: false, help: 'No faults'},
    shrink: {type: 'boolean', default: false, help: 'Make a failing run smaller by leaving faults out'},
    without: {type: 'string', default: '', value: 'N,N', help: 'Leave out the faults of these numbers'},
    security: {type: 'string', value: 'KIND', help: 'certificates or tokens; drawn from the seed when left out'},
    tls: {type: 'string', default: 'twin', value: 'KIND', help: 'twin or real'},
  },
});

function positive(name: 'minutes' | 'nodes' | 'seeds' | 'until' | 'for'): number {
  return jobNumber(values[name] ?? '', {job: 'sim', name});
}

/** One of the words given. */
function word<T extends string>(name: 'security' | 'tls', words: readonly T[]): T | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  const found = words.find((item) => item === value);
  return found ?? refuseJob('sim', `--${name} is "${value}", expected ${words.join(' or ')}`);
}

const minutes = positive('minutes');
const nodes = positive('nodes');
const count = positive('seeds');
const endMs = values.for === undefined ? Number.POSITIVE_INFINITY : performance.now() + positive('for') * 1000;
const security = word('security', ['certificates', 'tokens']);
const tls = word('tls', ['twin', 'real']);
const keys = new KeyPool();

function optionsOf(seed: string): SimulationOptions {
  const without = values.without.split(',').filter((text) => text !== '');
  return {
    seed,
    minutes,
    nodes,
    keys,
    faults: !values.calm,
    withoutFaults: new Set(without.map(Number)),
    ...(security === undefined ? {} : {security}),
    ...(tls === undefined ? {} : {tls}),
    ...(values.until === undefined ? {} : {untilMs: positive('until') * 1000}),
    ...(values.trace ? {onEvent: (event) => console.log(formatEvent(event))} : {}),
  };
}

/** The same run once more, with its story. */
function replayCommand(seed: string): string {
  const flags = [
    `--seed ${seed} --minutes ${minutes} --nodes ${nodes}`,
    ...(values.calm ? ['--calm'] : []),
    ...(values.without === '' ? [] : [`--without ${values.without}`]),
    ...(security === undefined ? [] : [`--security ${security}`]),
    ...(tls === 'real' ? ['--tls real'] : []),
    '--trace',
  ];
  return `npm run sim -- ${flags.join(' ')}`;
}

function report(result: SimulationResult, seconds: number): void {
  const {violations, history, ...facts} = result;
  if (!result.ok) {
    for (const violation of violations) console.log(`NOT HELD: ${violation.rule}: ${violation.text}`);
    console.log('The last events:');
    for (const event of history.slice(-20)) console.log(formatEvent(event));
    console.log(`Replay it: ${replayCommand(result.seed)}`);
  }
  if (values.json) console.log(JSON.stringify({...facts, violations, seconds}));
  else {
    console.log(
      `seed ${result.seed}, ${result.security}: ${result.ok ? 'everything held' : `${violations.length} rules broken`}; ${result.requests} requests, ${result.runs} runs, ` +
        `${result.replays} replays, ${result.submissions} submissions, ${result.registrations} registrations, ${result.faults} faults, ${result.events} events in ${seconds} s; ` +
        `hash ${result.hash.slice(0, 16)}`,
    );
  }
}

async function shrunk(options: SimulationOptions): Promise<SimulationResult> {
  const {result, withoutFaults, tries} = await shrink(options);
  if (!result.ok) {
    const left = [...withoutFaults].sort((a, b) => a - b).join(',');
    console.log(`${result.faults} of ${result.faultsDrawn} faults are enough (${tries} runs): --without ${left}`);
  }
  return result;
}

let failed = 0;
let done = 0;
for (let index = 0; index < count && performance.now() < endMs; index++) {
  const seed = count === 1 ? values.seed : String(Number(values.seed) + index);
  const startedAtMs = performance.now();
  const options = optionsOf(seed);
  const result = values.shrink ? await shrunk(options) : await simulate(options);
  report(result, Math.round((performance.now() - startedAtMs) / 10) / 100);
  done += 1;
  if (!result.ok) failed += 1;
}
if (count > 1 && !values.json) console.log(`${done} seeds, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
