/**
 * Reaching a fleet in steps: first a few nodes, then more, and no further once too much went wrong.
 *
 * Pure: a plan and what came of each step in, the next step or the end out. Steps are counts of nodes reached so far, so a step never asks
 * more than its count says, whatever happened before.
 */
import {ClientError} from '../errors.ts';

export interface RampPlan {
  /** In the order in which they are asked, each once. */
  readonly targets: readonly string[];
  /** How many nodes are reached at the end of each step: rising, the last is all of them. */
  readonly steps: readonly number[];
  readonly stop: FailureLimit | undefined;
}

/** Failed answers and silent nodes together. */
export interface FailureLimit {
  readonly value: number;
  /** Of the nodes asked so far. */
  readonly isPercent: boolean;
}

export interface RampState {
  /** How many of the targets were asked. */
  readonly asked: number;
  readonly ok: number;
  readonly failures: number;
  readonly status: 'running' | 'finished' | 'stopped' | 'interrupted';
}

export interface StepOutcome {
  /** How many nodes of the step were asked: fewer than it has when it was ended between its batches. */
  readonly asked: number;
  readonly ok: number;
  /** Nodes of the step that failed or were silent. */
  readonly failures: number;
  /** The person ended it: what was asked may have run. */
  readonly isInterrupted: boolean;
}

const amountForm = /^(\d{1,9})(%?)$/;

/** `10` or `10%`. */
function parseAmount(text: string, flag: string): Amount {
  const [, digits = '', percent] = amountForm.exec(text.trim()) ?? [];
  const value = Number(digits);
  if (digits === '' || value < 1 || (percent === '%' && value > 100)) {
    throw new ClientError(
      'ERR_CLIENT_REACH',
      `Cannot use --${flag} ${JSON.stringify(text)}: expected a number of nodes such as 5, or a percentage from 1% to 100%`,
      {details: {flag, text}},
    );
  }
  return {value, isPercent: percent === '%'};
}

interface Amount {
  readonly value: number;
  readonly isPercent: boolean;
}

/** At least one node; a percentage rounds down, so that a step is never larger than it says. */
function countOf({value, isPercent}: Amount, total: number): number {
  return isPercent ? Math.max(1, Math.floor((total * value) / 100)) : value;
}

function checkRising(amounts: readonly Amount[]): void {
  if (amounts.every(({value}, index) => index === 0 || value >= (amounts[index - 1]?.value ?? 0))) return;
  const shown = amounts.map(({value, isPercent}) => `${value}${isPercent ? '%' : ''}`).join(', ');
  throw new ClientError(
    'ERR_CLIENT_REACH',
    `Cannot reach the nodes in the steps ${shown}: expected each step to reach at least as many as the one before`,
    {details: {steps: shown}},
  );
}

/**
 * How many of `total` nodes a quorum such as `90%` needs; rounded up.
 *
 * @throws {ClientError} `ERR_CLIENT_REACH`
 */
export function quorumOf(text: string, total: number): number {
  const {value, isPercent} = parseAmount(text, 'quorum');
  if (isPercent) return Math.ceil((total * value) / 100);
  throw new ClientError(
    'ERR_CLIENT_REACH',
    `Cannot use --quorum ${JSON.stringify(text)}: expected a percentage such as 90%`,
  );
}

export function parseFailureLimit(text: string): FailureLimit {
  return parseAmount(text, 'stop-on-failures');
}

/**
 * @param options.canary  the first step, such as `1` or `2%`; then all, unless there is a ramp
 * @param options.ramp  steps such as `1,5,25%,100%`; each is what it says, nodes or percent, and the last must reach all
 * @throws {ClientError} `ERR_CLIENT_REACH`
 */
export function planRamp(
  targets: readonly string[],
  options: {
    readonly canary?: string | undefined;
    readonly ramp?: string | undefined;
    readonly stopOnFailures?: string | undefined;
  },
): RampPlan {
  const unique = [...new Set(targets)];
  const total = unique.length;
  const amounts = [
    ...(options.canary === undefined ? [] : [parseAmount(options.canary, 'canary')]),
    ...(options.ramp ?? '100%').split(',').map((text) => parseAmount(text, 'ramp')),
  ];
  for (const isPercent of [false, true]) checkRising(amounts.filter((amount) => amount.isPercent === isPercent));
  let reached = 0;
  // In a small fleet 25% may be fewer than the 5 nodes before it: such a step adds nobody.
  const steps = amounts.map((amount) => (reached = Math.max(reached, Math.min(countOf(amount, total), total))));
  if (steps.at(-1) !== total) {
    throw new ClientError(
      'ERR_CLIENT_REACH',
      `Cannot use --ramp ${JSON.stringify(options.ramp)}: it ends at ${steps.at(-1) ?? 0} of ${total} nodes, expected 100% as its last step; --limit asks fewer`,
      {details: {steps, total}},
    );
  }
  return {
    targets: unique,
    steps: [...new Set(steps)],
    stop: options.stopOnFailures === undefined ? undefined : parseFailureLimit(options.stopOnFailures),
  };
}

export const rampStart: RampState = {asked: 0, ok: 0, failures: 0, status: 'running'};

export interface RampStep {
  readonly targets: readonly string[];
  /** From 1. */
  readonly number: number;
  readonly total: number;
}

/** The nodes to ask now; undefined when nothing is left or it may not go on. */
export function nextStep(plan: RampPlan, state: RampState): RampStep | undefined {
  if (state.status !== 'running') return undefined;
  const index = plan.steps.findIndex((count) => count > state.asked);
  const end = plan.steps[index];
  if (end === undefined) return undefined;
  return {targets: plan.targets.slice(state.asked, end), number: index + 1, total: plan.steps.length};
}

/** Adds what came of the step that `nextStep` gave. */
export function afterStep(plan: RampPlan, state: RampState, outcome: StepOutcome): RampState {
  const step = nextStep(plan, state);
  if (step === undefined) return state;
  const asked = state.asked + Math.min(outcome.asked, step.targets.length);
  const reached = {asked, ok: state.ok + outcome.ok, failures: state.failures + outcome.failures};
  return {...reached, status: statusAfter(plan, reached, outcome)};
}

function statusAfter(plan: RampPlan, reached: Omit<RampState, 'status'>, outcome: StepOutcome): RampState['status'] {
  if (outcome.isInterrupted) return 'interrupted';
  if (reached.asked >= plan.targets.length) return 'finished';
  return isTooMany(plan.stop, reached) ? 'stopped' : 'running';
}

/** Whether a step that came this far may send its next batch. */
export function mayGoOn(
  plan: RampPlan,
  state: RampState,
  progress: {readonly asked: number; readonly ok: number},
): boolean {
  const {asked, ok} = progress;
  return !isTooMany(plan.stop, {asked: state.asked + asked, failures: state.failures + asked - ok});
}

function isTooMany(stop: FailureLimit | undefined, {asked, failures}: Pick<RampState, 'asked' | 'failures'>): boolean {
  if (stop === undefined) return false;
  return stop.isPercent ? failures * 100 >= stop.value * asked : failures >= stop.value;
}
