/** Runs a ramp: one request for each step, its file written before each, removed when all nodes were asked. */
import {ClientError} from '../errors.ts';
import type {Files} from '../../lib/platform.ts';
import {type BatchProgress, mergeStatistics, type RequestStatistics} from '../../rpc/index.ts';
import {afterStep, mayGoOn, nextStep, type RampStep, rampStart, type RampState} from './ramp.ts';
import {type RampRecord, saveRamp} from './ramp-file.ts';

export interface RampRun {
  readonly state: RampState;
  readonly statistics: RequestStatistics;
}

/**
 * @throws {ClientError} `ERR_CLIENT_RAMP_FILE` when all were asked before, or the file cannot be written
 * @param options.request  sends the request to the nodes of one step; how it ends decides whether there is another
 * @param options.started  told before each step
 */
export async function runRamp(
  record: RampRecord,
  options: {
    readonly files: Files;
    readonly path: string;
    readonly request: (
      targets: readonly string[],
      mayContinue: (progress: BatchProgress) => boolean,
    ) => Promise<RequestStatistics>;
    readonly started?: (step: RampStep) => void;
  },
): Promise<RampRun> {
  const {plan} = record;
  const {files, path} = options;
  if (record.asked >= plan.targets.length) {
    await files.remove(path);
    throw new ClientError(
      'ERR_CLIENT_RAMP_FILE',
      `Nothing is left to ask: all ${plan.targets.length} nodes of ${JSON.stringify(path)} were asked, the last of them by a process that did not live to see the answers; the file is removed`,
      {details: {path}},
    );
  }
  const parts: RequestStatistics[] = [];
  let state: RampState = {...rampStart, asked: record.asked};
  for (let step = nextStep(plan, state); step !== undefined; step = nextStep(plan, state)) {
    await saveRamp(files, path, {...record, asked: state.asked + step.targets.length});
    options.started?.(step);
    const before = state;
    const statistics = await options.request(step.targets, (progress) => mayGoOn(plan, before, progress));
    parts.push(statistics);
    const spared = statistics.silences.filter(({reason}) => reason === 'not-asked').length;
    const asked = step.targets.length - spared;
    state = afterStep(plan, state, {
      asked,
      ok: statistics.ok,
      failures: asked - statistics.ok,
      isInterrupted: statistics.interrupted,
    });
    // Whoever resumes asks the rest of this step too.
    if (spared > 0) await saveRamp(files, path, {...record, asked: state.asked});
  }
  if (state.status === 'finished') await files.remove(path);
  return {state, statistics: mergeStatistics(parts)};
}
