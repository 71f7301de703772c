/**
 * One row of the benchmark report: ours beside a peer measured in the same run. Ratios are what counts; single figures move with
 * the machine.
 */
export interface BenchRow {
  /** A stable name, such as `broker: 1 to 1, 16 B`. */
  readonly row: string;
  readonly unit: string;
  readonly ours: number;
  /** Null when no peer was measured. */
  readonly peer: number | null;
  /** ours / peer; null without a peer. */
  readonly ratio: number | null;
  /** What is to be reached, in words and numbers: `>= 1.0 x peer`, `<= 0.25 s`. */
  readonly goal: string;
  readonly met: boolean;
  /** Set when `peer` is a figure measured earlier on another run, because that peer cannot be had here. */
  readonly note?: string;
}

export interface BenchContext {
  /** Progress and remarks, on stderr. */
  readonly say: (text: string) => void;
}

/** A file in this folder whose name is the group's exports `rows`. */
export interface BenchGroup {
  rows(context: BenchContext): Promise<readonly BenchRow[]>;
}

export type Goal = {readonly atLeastTimesPeer: number} | {readonly atMost: number} | {readonly atLeast: number};

/**
 * Builds a row and judges it.
 *
 * @example
 * benchRow('cli: --version', {unit: 'ms', ours: 61, peer: 30, goal: {atMost: 80}});
 */
export function benchRow(
  row: string,
  values: {
    readonly unit: string;
    readonly ours: number;
    readonly peer?: number | undefined;
    readonly goal: Goal;
    readonly note?: string;
  },
): BenchRow {
  const {unit, ours, goal, note} = values;
  const peer = values.peer ?? null;
  const ratio = peer === null || peer === 0 ? null : round(ours / peer);
  return {
    row,
    unit,
    ours: round(ours),
    peer: peer === null ? null : round(peer),
    ratio,
    ...judge(goal, {ours, ratio, unit}),
    ...(note === undefined ? {} : {note}),
  };
}

function judge(
  goal: Goal,
  values: {readonly ours: number; readonly ratio: number | null; readonly unit: string},
): {goal: string; met: boolean} {
  if ('atLeastTimesPeer' in goal) {
    return {
      goal: `>= ${goal.atLeastTimesPeer} x peer`,
      met: values.ratio !== null && values.ratio >= goal.atLeastTimesPeer,
    };
  }
  if ('atMost' in goal) return {goal: `<= ${goal.atMost} ${values.unit}`, met: values.ours <= goal.atMost};
  return {goal: `>= ${goal.atLeast} ${values.unit}`, met: values.ours >= goal.atLeast};
}

function round(value: number): number {
  if (!Number.isFinite(value)) return value;
  return Number(value.toPrecision(4));
}

/** The middle of several measurements. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
