/**
 * The file of a ramp that is under way: who is to be asked and how far it came. Written before each step, so that also a process that is
 * killed asks nobody twice. Inputs are not in it: whoever resumes gives them again.
 */
import {join} from 'node:path';
import {errorMessage} from '../../lib/errors.ts';
import {isJsonObject, type JsonObject, parseJson} from '../../lib/json.ts';
import type {Files} from '../../lib/platform.ts';
import {ClientError} from '../errors.ts';
import {clientConnectLimits} from '../limits.ts';
import type {RampPlan} from './ramp.ts';

const protocol = 'choria:ramp:1';

export interface RampRecord {
  readonly agent: string;
  readonly action: string;
  readonly collective: string;
  readonly startedAtMs: number;
  readonly plan: RampPlan;
  /** How many of the targets were asked, or may have been. */
  readonly asked: number;
}

export function rampPath(directory: string, id: string): string {
  return join(directory, 'ramps', `${id}.json`);
}

/** @throws {ClientError} `ERR_CLIENT_RAMP_FILE` */
export async function saveRamp(files: Files, path: string, record: RampRecord): Promise<void> {
  const {plan, ...rest} = record;
  try {
    await files.makeDirectory(join(path, '..'), {mode: 0o700, recursive: true});
    await files.writeAtomic(path, JSON.stringify({protocol, ...rest, ...plan}), {mode: 0o600});
  } catch (cause) {
    throw new ClientError(
      'ERR_CLIENT_RAMP_FILE',
      `Cannot write ${JSON.stringify(path)}, from which the ramp could be resumed: ${errorMessage(cause)}; set plugin.choria.client.state_directory to a directory that can be written`,
      {cause, details: {path}},
    );
  }
}

/** @throws {ClientError} `ERR_CLIENT_RAMP_FILE` */
export async function loadRamp(files: Files, path: string): Promise<RampRecord> {
  let value: unknown;
  try {
    const bytes = await files.read(path, {limitBytes: clientConnectLimits.rampBytesMax});
    value = parseJson(bytes, {bytesMax: clientConnectLimits.rampBytesMax, depthMax: 4});
  } catch (cause) {
    throw refuse(path, errorMessage(cause));
  }
  const record = isJsonObject(value) && value['protocol'] === protocol ? recordFrom(value) : undefined;
  if (record === undefined) throw refuse(path, 'it is not the file of a ramp, expected one that choria req wrote');
  return record;
}

function refuse(path: string, why: string): ClientError {
  return new ClientError('ERR_CLIENT_RAMP_FILE', `Cannot resume from ${JSON.stringify(path)}: ${why}`, {
    details: {path},
  });
}

function recordFrom(value: JsonObject): RampRecord | undefined {
  const {agent, action, collective, startedAtMs, targets, steps, stop, asked} = value;
  if (typeof agent !== 'string' || typeof action !== 'string' || typeof collective !== 'string') return undefined;
  if (!isCount(startedAtMs) || !isCount(asked) || !Array.isArray(steps) || !steps.every(isCount)) return undefined;
  if (!Array.isArray(targets) || !targets.every((item): item is string => typeof item === 'string')) return undefined;
  if (asked > targets.length || steps.at(-1) !== targets.length || new Set(targets).size !== targets.length) {
    return undefined;
  }
  if (steps.some((count, index) => index > 0 && count <= (steps[index - 1] ?? 0))) return undefined;
  const limit =
    isJsonObject(stop) && isCount(stop['value'])
      ? {value: stop['value'], isPercent: stop['isPercent'] === true}
      : undefined;
  return {agent, action, collective, startedAtMs, asked, plan: {targets, steps, stop: limit}};
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
