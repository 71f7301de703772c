/** The counters of one server. */
import type {ServerStatistics} from '../rpc/types.ts';

export type ServerCounter = keyof Required<ServerStatistics>;

export interface ServerCounters {
  add(counter: ServerCounter): void;
  /** A message passed validation: its time shows in the status file. */
  messageAt(nowMs: number): void;
  readonly lastMessageAtMs: number | undefined;
  snapshot(): Required<ServerStatistics>;
}

export type ServerCounts = Record<ServerCounter, number>;

export function noCounts(): ServerCounts {
  return {
    total: 0,
    validated: 0,
    unvalidated: 0,
    passed: 0,
    filtered: 0,
    ttlExpired: 0,
    replies: 0,
    events: 0,
    replayed: 0,
    refused: 0,
  };
}

/** @param sum  where all servers of a process count besides: thousands of them are not asked one by one */
export function createCounters(sum?: ServerCounts): ServerCounters {
  const counts = noCounts();
  let lastMessageAtMs: number | undefined;
  return {
    add(counter) {
      counts[counter]++;
      if (sum !== undefined) sum[counter]++;
    },
    messageAt(nowMs) {
      lastMessageAtMs = nowMs;
    },
    get lastMessageAtMs() {
      return lastMessageAtMs;
    },
    snapshot: () => ({...counts}),
  };
}
