/** The real clock, randomness and network, for tests that need sockets but no whole platform. */
import {randomBytes} from 'node:crypto';
import {createNodeNetwork} from '../../src/lib/node-network.ts';
import type {Platform} from '../../src/lib/platform.ts';

export function createNodeParts(): Pick<Platform, 'clock' | 'random' | 'network'> {
  return {
    clock: {
      nowMs: () => Date.now(),
      monotonicMs: () => performance.now(),
      setTimer(callback, delayMs, options) {
        const timer = setTimeout(callback, delayMs);
        if (options?.background) timer.unref();
        return {cancel: () => clearTimeout(timer)};
      },
    },
    random: {bytes: (count) => randomBytes(count), float: () => Math.random()},
    network: createNodeNetwork(),
  };
}
