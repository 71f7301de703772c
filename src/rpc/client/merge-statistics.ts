/** Adds up requests that were parts of one task, such as the steps of a ramp. */
import {assert} from '../../lib/errors.ts';
import type {RequestStatistics} from './types.ts';

/**
 * Ids, names and times of the first; counts, nodes and durations of all.
 *
 * @param parts at least one
 */
export function mergeStatistics(parts: readonly RequestStatistics[]): RequestStatistics {
  const [first, ...rest] = parts;
  assert(first !== undefined, 'there is at least one part');
  return rest.reduce(
    (sum, part) => ({
      ...sum,
      noResponses: [...sum.noResponses, ...part.noResponses],
      unexpectedResponses: [...new Set([...sum.unexpectedResponses, ...part.unexpectedResponses])],
      targets: [...sum.targets, ...part.targets],
      discovered: sum.discovered + part.discovered,
      ok: sum.ok + part.ok,
      failed: sum.failed + part.failed,
      responses: sum.responses + part.responses,
      publishMs: sum.publishMs + part.publishMs,
      requestMs: sum.requestMs + part.requestMs,
      strays: {
        unexpected: [...new Set([...sum.strays.unexpected, ...part.strays.unexpected])],
        conflicts: [...new Set([...sum.strays.conflicts, ...part.strays.conflicts])],
        duplicates: sum.strays.duplicates + part.strays.duplicates,
        misattributed: sum.strays.misattributed + part.strays.misattributed,
        foreign: sum.strays.foreign + part.strays.foreign,
        invalid: sum.strays.invalid + part.strays.invalid,
      },
      silences: [...sum.silences, ...part.silences],
      knowsConnected: sum.knowsConnected && part.knowsConnected,
      interrupted: sum.interrupted || part.interrupted,
    }),
    first,
  );
}
