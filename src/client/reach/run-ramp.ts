/** Runs a ramp: one request for each step, its file written before each, removed when all nodes were asked. */
import type {Files} from '../../lib/platform.ts';
import {mergeStatistics, type RequestStatistics} from '../../rpc/index.ts';
import {afterStep, nextStep, type RampStep, rampStart, type RampState} from './ramp.ts';
import {type RampRecord, saveRamp} from './ramp-file.ts';

export interface RampRun {
  readonly state: RampState;
  readonly statistics: RequestStatistics;
}

/**
 * @param options.request  sends the request to the nodes of one step; how it ends decides whether there is another
 * @param options.started  told before each step
 */
export async function runRamp(
  record: RampRecord,
  options: {
    readonly files: Files;
    readonly path: string;
    readonly request: (targets: readonly string[]) => Promise<RequestStatistics>;
    readonly started?: (step: RampStep) => void;
  },
): Promise<RampRun> {
  const {plan} = record;
  const {files, path} = options;
  const parts: RequestStatistics[] = [];
  let state: RampState = {...rampStart, asked: record.asked};
  for (let step = nextStep(plan, state); step !== undefined; step = nextStep(plan, state)) {
    await saveRamp(files, path, {...record, asked: state.asked + step.targets.length});
    options.started?.(step);
    const statistics = await options.request(step.targets);
    parts.push(statistics);
    state = afterStep(plan, state, {
      ok: statistics.ok,
      failures: step.targets.length - statistics.ok,
      isInterrupted: statistics.interrupted,
    });
  }
  if (state.status === 'finished') await files.remove(path);
  return {state, statistics: mergeStatistics(parts)};
}
