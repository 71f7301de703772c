/** A study as Markdown, for people and for a page of documentation. */
import {median, type ScenarioResult, type SizeResult, type StudyReport} from './results.ts';
import {describePlan} from './study.ts';

export function markdownReport(report: StudyReport): string {
  const {machine} = report;
  const head = [
    '# Fleet study',
    '',
    `${report.program}, ${report.startedAt}, ${machine.cpus} cores, ${machine.platform}, Node ${machine.node}. Servers, brokers and clients share the machine.`,
    '',
    report.passed
      ? 'Passed: every server that was asked answered, once, in every run.'
      : 'Not passed: see the column "lost, doubled" and the remarks.',
    '',
  ];
  return `${[...head, ...report.sizes.flatMap(sizeLines)].join('\n')}\n`;
}

/** Goals of the project that a size missed, one text each. */
export function missedGoals(report: StudyReport): readonly string[] {
  return report.sizes.flatMap((size) =>
    size.scenarios
      .filter((scenario) => scenario.goalSeconds !== undefined && middleOf(scenario) > scenario.goalSeconds)
      .map(
        (scenario) =>
          `${scenario.title}, ${size.plan.servers} servers: ${seconds(middleOf(scenario))}, expected at most ${scenario.goalSeconds} s`,
      ),
  );
}

export function middleOf(scenario: ScenarioResult): number {
  return median(scenario.runs.map((run) => run.seconds));
}

function sizeLines(size: SizeResult): readonly string[] {
  return [
    `## ${describePlan(size.plan)}`,
    '',
    `Memory of one emulated server with its connection: ${size.kilobytesPerServer.toFixed(1)} kB; of the broker for it: ${size.brokerKilobytesPerServer.toFixed(1)} kB.`,
    '',
    '| scenario | middle | all runs | median, 90 %, 99 % of the answers | answered | lost, doubled | goal |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...size.scenarios.map(scenarioRow),
    '',
    '| scenario | processor time and memory |',
    '| --- | --- |',
    ...size.scenarios.map(
      (scenario) =>
        `| ${scenario.name} | ${scenario.parts.map((part) => `${part.part}: ${part.cpuSeconds.toFixed(2)} s, ${Math.round(part.rssMegabytes)} MB`).join('; ')} |`,
    ),
    '',
    ...size.scenarios.flatMap((scenario) => [
      ...scenario.notes.map((note) => `- ${scenario.name}: ${note}`),
      ...scenario.failures.map((failure) => `- **${scenario.name}: ${failure}**`),
    ]),
    '',
  ];
}

function scenarioRow(scenario: ScenarioResult): string {
  const {runs} = scenario;
  const spread = runs.at(-1)?.percentiles;
  const lost = runs.reduce((sum, run) => sum + run.lost, 0);
  const doubled = runs.reduce((sum, run) => sum + run.doubled, 0);
  const goal =
    scenario.goalSeconds === undefined
      ? ''
      : `${scenario.goalSeconds} s: ${middleOf(scenario) <= scenario.goalSeconds ? 'met' : 'missed'}`;
  return `| ${scenario.title} | ${seconds(middleOf(scenario))} | ${runs.map((run) => seconds(run.seconds)).join(', ')} | ${
    spread === undefined ? '' : [spread.p50, spread.p90, spread.p99].map((ms) => seconds(ms / 1000)).join(', ')
  } | ${[...new Set(runs.map((run) => run.answered))].join(', ')} of ${runs[0]?.expected ?? 0} | ${lost}, ${doubled} | ${goal} |`;
}

export function seconds(value: number): string {
  return `${value < 10 ? value.toFixed(3) : value.toFixed(1)} s`;
}
