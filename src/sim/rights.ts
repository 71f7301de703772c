/**
 * Two callers whose rights end: dave's certificate or token runs out and is renewed later, erin's are taken back for good.
 *
 * What they asked for in time may still be waiting its turn, so each end has a grace.
 */
import type {Connection} from '../connect/index.ts';
import type {Checks} from './checks.ts';
import type {SimFleet, SimMachine} from './fleet.ts';
import type {History} from './history.ts';
import type {Run} from './ledger.ts';
import {startWallMs} from './organisation.ts';
import type {Timeline} from './timeline.ts';

/** Actions under way, slow disks, lists that are read twice a second. */
const graceMs = 45_000;
/** Until a connection must be gone: the broker looks once a second, and its disk may be slow. */
const cutMs = 15_000;
const renewedAfterMs = 120_000;
/** Two pings of a client. */
const brokerSettledMs = 100_000;

export interface RightsPlan {
  /** Simulated times. */
  readonly daveEndsAtMs: number;
  readonly erinEndsAtMs: number;
}

export function planRights(minutes: number): RightsPlan {
  const totalMs = minutes * 60_000;
  return {daveEndsAtMs: Math.round(totalMs * 0.3), erinEndsAtMs: Math.round(totalMs * 0.55)};
}

export const daveEndMs = (plan: RightsPlan): number => startWallMs + plan.daveEndsAtMs;

interface Holder {
  readonly machine: SimMachine;
  readonly connection: Connection;
}

export class Rights {
  readonly #plan: RightsPlan;
  readonly #options: RightsOptions;
  #renewedAtMs = Number.POSITIVE_INFINITY;
  #revokedAtMs = Number.POSITIVE_INFINITY;
  readonly #resumedAtMs = new Map<string, number>();

  constructor(plan: RightsPlan, options: RightsOptions) {
    this.#plan = plan;
    this.#options = options;
  }

  start(): void {
    const {timeline, fleet, history, dave, renewal} = this.#options;
    const {daveEndsAtMs, erinEndsAtMs} = this.#plan;
    timeline.at(daveEndsAtMs + renewedAfterMs, () => {
      this.#renewedAtMs = timeline.nowMs;
      for (const [path, content] of Object.entries(renewal)) dave.machine.host.disk.put(path, content);
      history.add(timeline.nowMs, {kind: 'renewed', text: 'dave has a new certificate or token'});
    });
    timeline.at(erinEndsAtMs, () => {
      this.#revokedAtMs = timeline.nowMs;
      fleet.revoke('choria=erin.mcollective');
      history.add(timeline.nowMs, {kind: 'revoked', text: 'erin'});
    });
  }

  /** A node was paused until now: it reads lists again only after this. */
  resumed(node: string): void {
    this.#resumedAtMs.set(node, this.#options.timeline.nowMs);
  }

  /** Whether the rights of a caller allow this run. */
  isAllowed(run: Run): boolean {
    const {timeline} = this.#options;
    if (run.callerId === 'choria=dave.mcollective') {
      // By the node's own clock, which may be wrong.
      return run.wallMs < daveEndMs(this.#plan) + graceMs || timeline.nowMs >= this.#renewedAtMs;
    }
    if (run.callerId === 'choria=erin.mcollective') {
      const knownAtMs = Math.max(this.#revokedAtMs, this.#resumedAtMs.get(run.node) ?? 0);
      return timeline.nowMs < knownAtMs + graceMs;
    }
    return false;
  }

  /** Nobody stays connected whose rights have ended. */
  check(): void {
    const {timeline, fleet, checks, dave, erin} = this.#options;
    const nowMs = timeline.nowMs;
    // Whose broker lost its power may not know for a while that the connection is no more.
    if (!fleet.isBrokerUpFor(brokerSettledMs)) return;
    const isOver = nowMs > this.#plan.daveEndsAtMs + cutMs && nowMs < this.#renewedAtMs;
    checks.hold(!isOver || dave.connection.state !== 'connected', {
      rule: 'rights that ended end the connection',
      text: `dave is connected ${Math.round((nowMs - this.#plan.daveEndsAtMs) / 1000)} s after the end of the certificate or token`,
    });
    checks.hold(nowMs < this.#revokedAtMs + cutMs || erin.connection.state !== 'connected', {
      rule: 'rights that ended end the connection',
      text: `erin is connected ${Math.round((nowMs - this.#revokedAtMs) / 1000)} s after the revocation`,
    });
  }
}

export interface RightsOptions {
  readonly fleet: SimFleet;
  readonly timeline: Timeline;
  readonly history: History;
  readonly checks: Checks;
  readonly dave: Holder;
  readonly erin: Holder;
  /** Files of dave's renewal. */
  readonly renewal: Readonly<Record<string, string>>;
}
