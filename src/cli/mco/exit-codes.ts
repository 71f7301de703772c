/** Exit codes of the classic client (cli.md 1.4). */
import type {RequestStatistics} from '../../client/index.ts';

export const exitCodes = {
  ok: 0,
  /** Also every failure of the command itself. */
  noNodes: 1,
  someFailed: 2,
  noResponses: 3,
  neitherDiscoveryNorResponses: 4,
} as const;

export function exitCodeOf(
  statistics: Pick<RequestStatistics, 'discovered' | 'responses' | 'failed'>,
  options: {readonly isDiscovered: boolean},
): number {
  if (options.isDiscovered && statistics.discovered === 0) return exitCodes.noNodes;
  if (statistics.responses === 0) {
    return options.isDiscovered ? exitCodes.noResponses : exitCodes.neitherDiscoveryNorResponses;
  }
  return statistics.failed > 0 ? exitCodes.someFailed : exitCodes.ok;
}
