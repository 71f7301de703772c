/**
 * The nodes that the provisioner knows: who waits, who is being provisioned, who was, and who comes back too often.
 */
import type {Clock} from '../lib/platform.ts';
import {provisionerLimits} from './limits.ts';

interface Remembered {
  /** Nothing is to be heard of it before. */
  readonly untilMs: number;
  /** When it was provisioned, lately. */
  readonly starts: readonly number[];
  /** The name it got. */
  readonly name: string;
}

export interface HostTable {
  /** @returns why a node is not taken; undefined when it waits now */
  offer(identity: string): 'known' | 'resting' | 'full' | undefined;
  /** The next node that waits; undefined when there is none. Nodes that waited too long are left out. */
  take(): string | undefined;
  /** Ends the work on a node; `name` is the identity it was given when it was provisioned. */
  finish(identity: string, result: {readonly name: string} | 'failed'): void;
  /** Whether a name is that of another node that waits, is worked on, or was provisioned lately. */
  isNameOfAnother(name: string, identity: string): boolean;
  /** How long a node that came back too often is left alone, in ms; 0 for others. */
  pauseMs(identity: string): number;
  /** Forgets who waits. */
  clear(): void;
  readonly waiting: number;
}

/** @param options.waitMsMax nodes that wait longer are forgotten, and found again if they still wait */
export function createHostTable(options: {readonly clock: Clock; readonly waitMsMax: number}): HostTable {
  return new Table(options);
}

class Table implements HostTable {
  readonly #clock: Clock;
  readonly #waitMsMax: number;
  readonly #queue = new Map<string, number>();
  readonly #busy = new Set<string>();
  readonly #remembered = new Map<string, Remembered>();
  /** Names that nodes got, and which nodes these were. */
  readonly #given = new Map<string, string>();

  constructor(options: {readonly clock: Clock; readonly waitMsMax: number}) {
    this.#clock = options.clock;
    this.#waitMsMax = options.waitMsMax;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  offer(identity: string): 'known' | 'resting' | 'full' | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (this.#queue.has(identity) || this.#busy.has(identity)) return 'known';
    if ((this.#remembered.get(identity)?.untilMs ?? 0) > nowMs) return 'resting';
    if (this.#queue.size >= provisionerLimits.queueMax) return 'full';
    this.#queue.set(identity, nowMs);
    return undefined;
  }

  take(): string | undefined {
    const nowMs = this.#clock.monotonicMs();
    for (const [identity, sinceMs] of this.#queue) {
      this.#queue.delete(identity);
      if (nowMs - sinceMs > this.#waitMsMax) continue;
      this.#busy.add(identity);
      return identity;
    }
    return undefined;
  }

  finish(identity: string, result: {readonly name: string} | 'failed'): void {
    this.#busy.delete(identity);
    if (result === 'failed') return;
    const nowMs = this.#clock.monotonicMs();
    const earlier = this.#remembered.get(identity)?.starts ?? [];
    const starts = [...earlier.filter((atMs) => nowMs - atMs < provisionerLimits.loopWindowMs), nowMs];
    // The newest stands last, so that the oldest goes first when there are too many.
    this.#forget(identity);
    this.#remembered.set(identity, {untilMs: nowMs + restMs(starts.length), starts, name: result.name});
    this.#given.set(result.name, identity);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > provisionerLimits.rememberedMax && oldest !== undefined) this.#forget(oldest);
  }

  #forget(identity: string): void {
    const earlier = this.#remembered.get(identity);
    if (earlier !== undefined && this.#given.get(earlier.name) === identity) this.#given.delete(earlier.name);
    this.#remembered.delete(identity);
  }

  isNameOfAnother(name: string, identity: string): boolean {
    if (name === identity) return false;
    if (this.#busy.has(name) || this.#queue.has(name)) return true;
    const owner = this.#given.get(name) ?? (this.#remembered.has(name) ? name : undefined);
    if (owner === undefined || owner === identity) return false;
    const lastMs = this.#remembered.get(owner)?.starts.at(-1) ?? 0;
    return this.#clock.monotonicMs() - lastMs < provisionerLimits.loopWindowMs;
  }

  pauseMs(identity: string): number {
    const starts = this.#remembered.get(identity)?.starts.length ?? 0;
    return starts > provisionerLimits.loopStarts ? restMs(starts) : 0;
  }

  clear(): void {
    this.#queue.clear();
  }
}

/** A minute, and twice as long for each time beyond what restarts explain. */
function restMs(starts: number): number {
  const doublings = Math.max(0, starts - provisionerLimits.loopStarts);
  return Math.min(provisionerLimits.successMs * 2 ** doublings, provisionerLimits.loopPauseMsMax);
}
