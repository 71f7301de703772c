/** What must be true once everything is mended: the fleet is whole in time, and nothing was left behind. */
import type {FleetClient} from '../client/index.ts';
import type {Checks} from './checks.ts';
import {auditPath, type SimFleet} from './fleet.ts';
import type {History} from './history.ts';
import type {Run} from './ledger.ts';
import type {Timeline} from './timeline.ts';

/** After the last fault is mended the fleet has this long to be whole: a back-off of 20 s, half of it jitter, a few times. */
export const healMs = 3 * 60_000;
/** When connections were lost without a word: three of the servers' two-minute pings come on top. */
export const healHalfOpenMs = healMs + 3 * 2 * 60_000;
/** Machines that wait are found each minute, at a pause of two minutes from the last word of who began to configure them. */
export const healNewcomersMs = 12 * 60_000;
const discoverMs = 5_000;
const betweenLooksMs = 15_000;
/** A broker notices a peer that vanished without a word after three of its two-minute pings. */
const staleMs = 8 * 60_000;
/** Everything that follows a request is over by then. */
const quietMs = 90_000;
/** A node that does nothing waits for its connection, its events and its queues, and for no more than this. */
const idleTimersMax = 40;
const rounds = 3;

export interface HealingParts {
  readonly fleet: SimFleet;
  readonly timeline: Timeline;
  readonly history: History;
  readonly checks: Checks;
  readonly client: FleetClient;
  /** Callers that stay connected. */
  readonly callers: number;
  /** Connections vanished of which one end was not told. */
  readonly isHalfOpen: boolean;
  /**
   * A node that lost what it remembered of requests refuses all that were sent before it started, by its own clock. When that was ahead
   * it refuses those of an hour, for it cannot know which of them ran: it is deaf, and says so, until its clock is there again.
   */
  isDeaf(identity: string): boolean;
}

/** Looks until every node is found, or the time is over. */
export async function checkWhole(parts: HealingParts, options: {readonly limitMs: number}): Promise<void> {
  const {fleet, timeline, history, checks, client} = parts;
  const startedAtMs = timeline.nowMs;
  for (;;) {
    const found = await timeline.runUntil(findAll(client), timeline.nowMs + 60_000);
    const missing = fleet.nodes
      .map((node) => node.identity)
      .filter((name) => !found.includes(name) && !parts.isDeaf(name));
    const tookMs = timeline.nowMs - startedAtMs;
    if (missing.length === 0) {
      history.add(timeline.nowMs, {kind: 'whole', text: `after ${Math.round(tookMs / 1000)} s`});
      return;
    }
    if (tookMs > options.limitMs) {
      checks.hold(false, {
        rule: 'after healing the fleet is whole',
        text: `${Math.round(tookMs / 1000)} s after the last fault was mended discovery does not find ${missing.join(', ')}`,
      });
      return;
    }
    await timeline.run(timeline.nowMs + betweenLooksMs);
  }
}

/** Nobody, while the caller itself has no connection. */
async function findAll(client: FleetClient): Promise<readonly string[]> {
  try {
    return (await client.discover({timeoutMs: discoverMs})).identities;
  } catch {
    return [];
  }
}

interface Counts {
  readonly subscriptions: number;
  readonly timers: ReadonlyMap<string, number>;
}

function count(fleet: SimFleet): Counts {
  return {
    subscriptions: fleet.broker.broker?.engine.statistics().subscriptions ?? 0,
    timers: new Map(fleet.nodes.map((node) => [node.identity, node.process?.pendingTimers ?? 0])),
  };
}

/** Nothing is left of what was done: connections, subscriptions and timers are as many as before. */
export async function checkLeaks(parts: HealingParts): Promise<void> {
  const {fleet, timeline, checks, client, callers} = parts;
  await timeline.run(timeline.nowMs + (parts.isHalfOpen ? staleMs : quietMs));
  const before = count(fleet);
  for (let round = 0; round < rounds; round++) {
    const {identities} = await timeline.runUntil(client.discover({timeoutMs: discoverMs}), timeline.nowMs + 60_000);
    const asked = client.perform({
      agent: 'ledger',
      action: 'read',
      data: {task: 'leaks'},
      targets: identities,
      timeoutMs: 10_000,
    });
    await timeline.runUntil(asked, timeline.nowMs + 120_000);
  }
  await timeline.run(timeline.nowMs + quietMs);
  const after = count(fleet);
  checks.hold(after.subscriptions <= before.subscriptions, {
    rule: 'no subscriptions leak',
    text: `${after.subscriptions} are known to the broker after ${rounds} requests, ${before.subscriptions} before`,
  });
  for (const [identity, timers] of after.timers) {
    const isMore = timers > (before.timers.get(identity) ?? 0) + 2;
    checks.hold(!isMore && timers <= idleTimersMax, {
      rule: 'no timers leak',
      text: `${identity} waits for ${timers} timers, ${before.timers.get(identity) ?? 0} before`,
    });
  }
  const connections = fleet.nodes.length + callers + (fleet.provisioner === undefined ? 0 : 1);
  checks.hold(fleet.network.openStreams <= connections * 2, {
    rule: 'no connections leak',
    text: `${fleet.network.openStreams} ends of connections are open, expected at most ${connections * 2}`,
  });
}

/** What ran is in the audit log, each on a line of its own; damage and a power cut excuse a node. */
export function checkAudit(options: {
  readonly fleet: SimFleet;
  readonly checks: Checks;
  readonly runsByNode: ReadonlyMap<string, readonly Run[]>;
  readonly excused: ReadonlySet<string>;
}): void {
  for (const node of options.fleet.nodes) {
    if (options.excused.has(node.identity)) continue;
    const audited = new Map<string, Record<string, unknown>>();
    for (const line of (node.host.disk.text(auditPath) ?? '').split('\n')) {
      const entry = parseLine(line);
      if (entry !== undefined) audited.set(String(entry['request_id']), entry);
    }
    const runs = options.runsByNode.get(node.identity) ?? [];
    const unaudited = runs.filter((run) => {
      const entry = audited.get(run.requestId);
      return entry?.['caller'] !== run.callerId || entry['action'] !== run.action;
    });
    options.checks.hold(unaudited.length === 0, {
      rule: 'nothing runs without its audit line',
      text: `${node.identity} ran ${unaudited.length} requests that its audit log does not have, such as ${unaudited[0]?.requestId ?? ''}`,
    });
  }
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    // Half a line, as a full disk leaves it: what should be in it is missed by its id.
    return undefined;
  }
}
