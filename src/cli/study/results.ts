/** What a study found, in the form that machines read. */
import type {StudyPlan} from './plan.ts';

/** One run of one scenario. */
export interface StudyRun {
  /** From the start to the last answer. */
  readonly seconds: number;
  /** Of the command from its start to its end, where there is one. */
  readonly wallSeconds?: number;
  readonly expected: number;
  readonly answered: number;
  readonly lost: number;
  readonly doubled: number;
  readonly percentiles?: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** How many answers came in each of equal spans. */
export interface Histogram {
  readonly spanMs: number;
  readonly counts: readonly number[];
}

export interface PartCost {
  readonly part: string;
  /** Processor time that the scenario took. */
  readonly cpuSeconds: number;
  /** Resident memory at its end. */
  readonly rssMegabytes: number;
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  readonly runs: readonly StudyRun[];
  /** Of the last run that has times. */
  readonly histogram?: Histogram;
  readonly parts: readonly PartCost[];
  /** Seconds that the middle run should take at most, where the project has such a goal for this size. */
  readonly goalSeconds?: number;
  readonly notes: readonly string[];
  /** What was not as it must be; empty when the scenario passed. */
  readonly failures: readonly string[];
}

export interface SizeResult {
  readonly plan: StudyPlan;
  readonly scenarios: readonly ScenarioResult[];
  /** Resident memory of an emulated server with its connection, in kB, and of the broker for it. */
  readonly kilobytesPerServer: number;
  readonly brokerKilobytesPerServer: number;
}

export interface StudyReport {
  readonly version: 1;
  readonly program: string;
  readonly startedAt: string;
  readonly machine: {readonly cpus: number; readonly platform: string; readonly node: string};
  readonly sizes: readonly SizeResult[];
  readonly passed: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Of times in milliseconds; undefined of none. */
export function percentilesOf(times: readonly number[]): Percentiles | undefined {
  if (times.length === 0) return undefined;
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return {p50: at(0.5), p90: at(0.9), p99: at(0.99), max: sorted.at(-1) ?? 0};
}

export function histogramOf(times: readonly number[], buckets: number): Histogram | undefined {
  if (times.length === 0) return undefined;
  const most = times.reduce((max, time) => Math.max(max, time), 1);
  const spanMs = Math.max(1, Math.ceil(most / buckets));
  const counts = Array.from({length: Math.floor(most / spanMs) + 1}, () => 0);
  for (const time of times) {
    const index = Math.floor(time / spanMs);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return {spanMs, counts};
}

/** Names that answered, each once and how often they came again. */
export function countAnswers(
  names: readonly string[],
  expected: number,
): Pick<StudyRun, 'expected' | 'answered' | 'lost' | 'doubled'> {
  const distinct = new Set(names).size;
  return {expected, answered: distinct, lost: Math.max(0, expected - distinct), doubled: names.length - distinct};
}

/** A study passes when every node that was asked answered, once, in every run, and nothing else went wrong. */
export function failuresOf(runs: readonly StudyRun[]): readonly string[] {
  const lost = runs.reduce((sum, run) => sum + run.lost, 0);
  const doubled = runs.reduce((sum, run) => sum + run.doubled, 0);
  return [
    ...(lost > 0
      ? [`${lost} answers were lost in ${runs.filter((run) => run.lost > 0).length} of ${runs.length} runs`]
      : []),
    ...(doubled > 0 ? [`${doubled} answers came twice`] : []),
  ];
}
