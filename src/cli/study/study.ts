/** Runs a study: for each size a fleet of its own, on it one scenario after another. */
import {errorMessage} from '../../lib/errors.ts';
import type {Platform} from '../../lib/platform.ts';
import {version} from '../version.ts';
import {StudyError} from './errors.ts';
import {type PartUsage, StudyFleet} from './fleet.ts';
import type {StudyPlan} from './plan.ts';
import {failuresOf, median, type PartCost, type ScenarioResult, type SizeResult, type StudyReport} from './results.ts';
import {type Scenario, type ScenarioOutcome, scenarios, startScenario} from './scenarios.ts';

export interface StudyOptions {
  readonly platform: Platform;
  readonly plans: readonly StudyPlan[];
  /** Names; empty: all. */
  readonly scenarios: readonly string[];
  readonly runs: number;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
  /** Given the report as far as it is, after each scenario. */
  readonly save?: (report: StudyReport) => Promise<void>;
}

export const scenarioNames: readonly string[] = scenarios.map((scenario) => scenario.name);

/** @throws {StudyError} `ERR_STUDY_OPTIONS` | `ERR_STUDY_NOT_READY` */
export async function runStudy(options: StudyOptions): Promise<StudyReport> {
  const {platform, plans} = options;
  const unknown = options.scenarios.find((name) => !scenarioNames.includes(name));
  if (unknown !== undefined) {
    throw new StudyError(
      'ERR_STUDY_OPTIONS',
      `Cannot run the scenario "${unknown}": expected one of ${scenarioNames.join(', ')}`,
    );
  }
  const startedAt = new Date(platform.clock.nowMs()).toISOString();
  const done: SizeResult[] = [];
  const reportOf = (sizes: readonly SizeResult[]): StudyReport => ({
    version: 1,
    program: `choria ${version}`,
    startedAt,
    machine: {
      cpus: platform.host.cpuCount,
      platform: `${platform.host.platform} ${platform.host.arch}`,
      node: process.version,
    },
    sizes,
    passed: sizes.flatMap((size) => size.scenarios).every((scenario) => scenario.failures.length === 0),
  });
  for (const plan of plans) {
    const save = async (size: SizeResult): Promise<void> => options.save?.(reportOf([...done, size]));
    done.push(await studySize(plan, options, save));
  }
  return reportOf(done);
}

async function studySize(
  plan: StudyPlan,
  options: StudyOptions,
  save: (size: SizeResult) => Promise<void>,
): Promise<SizeResult> {
  const {platform, signal, say} = options;
  const directory = await platform.files.makeTempDirectory('choria-study-');
  const fleet = new StudyFleet(plan, {platform, directory, signal});
  const wanted = scenarios.filter(({name}) => options.scenarios.length === 0 || options.scenarios.includes(name));
  say(describePlan(plan));
  try {
    await fleet.startBrokers();
    const empty = fleet.usage();
    const results = [await runScenario(startScenario, {fleet, options})];
    const full = fleet.usage();
    const result: SizeResult = {
      plan,
      scenarios: results,
      kilobytesPerServer: memoryOf(full, 'emulators') / plan.servers / 1000,
      brokerKilobytesPerServer: (memoryOf(full, 'broker') - memoryOf(empty, 'broker')) / plan.servers / 1000,
    };
    await save(result);
    for (const scenario of wanted) {
      results.push(await runScenario(scenario, {fleet, options}));
      await save(result);
    }
    return result;
  } finally {
    await fleet.stop();
    await platform.files.remove(directory, {recursive: true});
  }
}

export function describePlan(plan: StudyPlan): string {
  const {servers, brokers, engine, processes, isTls, isHugePages} = plan;
  const broker =
    engine === 'embedded' ? 'the embedded broker' : `${brokers} ${brokers > 1 ? 'joined ' : ''}nats-server`;
  return `${servers.toLocaleString('en-US')} servers in ${processes} processes, ${broker}, ${isTls ? 'mutual TLS' : 'no TLS'}, signed requests${isHugePages === true ? ', servers in huge pages' : ''}`;
}

async function runScenario(
  scenario: Scenario,
  {fleet, options}: {readonly fleet: StudyFleet; readonly options: StudyOptions},
): Promise<ScenarioResult> {
  fleet.signal.throwIfAborted();
  const before = fleet.usage();
  const outcome = await outcomeOf(scenario, {fleet, options});
  const failures = [...failuresOf(outcome.runs), ...(outcome.failures ?? [])];
  const goalSeconds = scenario.goals?.[fleet.plan.servers];
  const result: ScenarioResult = {
    name: scenario.name,
    title: scenario.title,
    runs: outcome.runs,
    ...(outcome.histogram === undefined ? {} : {histogram: outcome.histogram}),
    parts: costs(before, fleet.usage()),
    ...(goalSeconds === undefined ? {} : {goalSeconds}),
    notes: outcome.notes ?? [],
    failures,
  };
  const middle = median(outcome.runs.map((run) => run.seconds));
  const answered = outcome.runs.map((run) => run.answered);
  options.say(
    `  ${scenario.name.padEnd(14)} ${middle.toFixed(3)} s, ${answered.join(' ')} of ${outcome.runs[0]?.expected ?? 0}${failures.length === 0 ? '' : `: ${failures.join('; ')}`}`,
  );
  return result;
}

/** What goes wrong in one scenario is told in the report; the others still say what they find. */
async function outcomeOf(
  scenario: Scenario,
  {fleet, options}: {readonly fleet: StudyFleet; readonly options: StudyOptions},
): Promise<ScenarioOutcome> {
  const {clock} = fleet.platform;
  try {
    return await scenario.run(fleet, {runs: options.runs, nowMs: () => clock.monotonicMs(), say: options.say});
  } catch (error) {
    if (fleet.signal.aborted) throw error;
    return {runs: [], failures: [errorMessage(error)]};
  }
}

function memoryOf(usage: readonly PartUsage[], part: string): number {
  return usage.filter((item) => item.part.startsWith(part)).reduce((sum, item) => sum + item.rssBytes, 0);
}

/** A part that was started meanwhile counts from its start. */
function costs(before: readonly PartUsage[], after: readonly PartUsage[]): readonly PartCost[] {
  return after.map(({part, cpuSeconds, rssBytes}) => {
    const earlier = before.find((item) => item.part === part)?.cpuSeconds ?? 0;
    return {
      part,
      cpuSeconds: Math.round((cpuSeconds >= earlier ? cpuSeconds - earlier : cpuSeconds) * 100) / 100,
      rssMegabytes: Math.round(rssBytes / 100_000) / 10,
    };
  });
}
