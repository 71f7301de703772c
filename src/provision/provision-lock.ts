/** Who began to configure this node goes on undisturbed: others are refused until two minutes passed without a word from the first. */
import type {Clock} from '../lib/platform.ts';
import {ActionFailure} from '../rpc/index.ts';
import type {RpcRequest} from '../rpc/types.ts';
import {provisionLimits} from './limits.ts';

export interface ProvisionLock {
  /** @throws {ActionFailure} when another holds it */
  check(request: RpcRequest): void;
  /** Takes or prolongs it; call `check` first. */
  hold(request: RpcRequest): void;
}

export function createProvisionLock(clock: Clock): ProvisionLock {
  let holder: string | undefined;
  let untilMs = 0;
  const nameOf = (request: RpcRequest): string => `${request.senderId}.${request.callerId}`;
  return {
    check(request) {
      if (holder === undefined || holder === nameOf(request) || clock.monotonicMs() >= untilMs) return;
      throw new ActionFailure('Could not obtain provisioning lock');
    },
    hold(request) {
      holder = nameOf(request);
      untilMs = clock.monotonicMs() + provisionLimits.lockMs;
    },
  };
}
