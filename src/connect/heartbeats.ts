/**
 * One timer for the keep-alive of many connections.
 *
 * Connections are spread over slots of one interval and the timer goes from one used slot to the next, so a process with one
 * connection wakes once an interval, and a process with thousands has one timer instead of thousands.
 */
import type {Clock, TimerHandle} from '../lib/platform.ts';
import {connectLimits} from './limits.ts';

export interface HeartbeatMember {
  /** Called once an interval. */
  beat(): void;
}

export interface Heartbeats {
  readonly intervalMs: number;
  add(member: HeartbeatMember): void;
  remove(member: HeartbeatMember): void;
}

export function createHeartbeats(options: {readonly clock: Clock; readonly intervalMs: number}): Heartbeats {
  const {clock, intervalMs} = options;
  const slots: Set<HeartbeatMember>[] = Array.from({length: connectLimits.heartbeatSlots}, () => new Set());
  const stepMs = intervalMs / slots.length;
  const slotOf = new Map<HeartbeatMember, number>();
  let current = 0;
  /** When the wheel stood at `current`. */
  let reachedAtMs = 0;
  let nextSlot = 0;
  let timer: TimerHandle | undefined;
  let armedFor = 0;

  const arm = (): void => {
    let ahead = 1;
    while (ahead < slots.length && slots[(current + ahead) % slots.length]?.size === 0) ahead++;
    if (timer !== undefined && armedFor === ahead) return;
    timer?.cancel();
    armedFor = ahead;
    const waitMs = Math.max(0, reachedAtMs + ahead * stepMs - clock.monotonicMs());
    timer = clock.setTimer(turn, waitMs, {background: true});
  };

  const turn = (): void => {
    timer = undefined;
    current = (current + armedFor) % slots.length;
    // After a stall or a suspended machine the wheel goes on from now: missed beats are not made up for.
    reachedAtMs = Math.max(reachedAtMs + armedFor * stepMs, clock.monotonicMs() - stepMs);
    for (const member of slots[current] ?? []) member.beat();
    if (slotOf.size > 0) arm();
  };

  return {
    intervalMs,
    add(member) {
      if (slotOf.has(member)) return;
      if (slotOf.size === 0) reachedAtMs = clock.monotonicMs();
      const slot = slotOf.size === 0 ? current : nextSlot;
      nextSlot = (slot + 1) % slots.length;
      slotOf.set(member, slot);
      slots[slot]?.add(member);
      arm();
    },
    remove(member) {
      const slot = slotOf.get(member);
      if (slot === undefined) return;
      slotOf.delete(member);
      slots[slot]?.delete(member);
      if (slotOf.size > 0) return;
      timer?.cancel();
      timer = undefined;
    },
  };
}
