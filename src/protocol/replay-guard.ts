/**
 * Lets each request run at most once on a node, for its whole life, across restarts and whatever the clock does.
 *
 * Remembered is a hash of caller and request id. The id alone would let one caller use up another's ids; the message's bytes alone
 * would let a caller's own retry with a fresh signature run twice. A batch uses one id for many nodes: every node has its own
 * guard, so each runs it once.
 *
 * The choice between "at most once" and "at least once" is made here: a request is written down before it runs, so one that was
 * written down and then met a crash does not run at all. A full memory or a failing disk refuses; nothing that may still be valid
 * is ever forgotten. When the clock steps back, requests whose life ended before the last forgotten one are refused too.
 */
import {hash} from 'node:crypto';
import type {Clock} from '../lib/platform.ts';
import {ProtocolError} from './errors.ts';
import {protocolLimits} from './limits.ts';
import {quoteName} from './names.ts';
import type {ReplayRecord, ReplayStore} from './replay-store.ts';
import {checkTtl, requestExpiresAtMs} from './request-checks.ts';
import type {Request} from './types.ts';

export interface ReplayGuardOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly ttlCeilingSeconds?: number;
  readonly entriesMax?: number;
  /** One caller's share, so that nobody can fill the memory for all; default half. */
  readonly entriesPerCallerMax?: number;
  /** Where to remember across restarts; absent: in memory only. */
  readonly store?: ReplayStore;
  /** Told when the store cannot be cleaned up; requests go on, the file grows. */
  readonly onStoreProblem?: (error: unknown) => void;
}

export interface ReplayGuard {
  /** Requests remembered now. */
  readonly size: number;
  /** Lines of the store that could not be read; above zero, requests sent before the start are refused. */
  readonly damagedLines: number;
  /**
   * Accepts a request once. Resolves when that is remembered durably; run it only then.
   *
   * @param options.durable  false keeps it in memory only: for what may run again after a restart, such as discovery
   * @throws {ProtocolError} `ERR_REQUEST_REPLAYED` | `ERR_REQUEST_EXPIRED` | `ERR_REPLAY_MEMORY_FULL` | `ERR_REPLAY_STORE_FAILED`
   */
  admit(
    request: Pick<Request, 'id' | 'callerId' | 'sentAtMs' | 'ttlSeconds'>,
    options?: {readonly durable?: boolean},
  ): Promise<void>;
  /** As `admit`, but throws at once, and gives undefined when there is nothing to wait for. */
  admitNow(
    request: Pick<Request, 'id' | 'callerId' | 'sentAtMs' | 'ttlSeconds'>,
    options?: {readonly durable?: boolean},
  ): Promise<void> | undefined;
  close(): Promise<void>;
}

/** Entries that end within the same five seconds are forgotten together. */
const bucketMs = 5_000;
const callerHashLength = 8;
/** A file this much longer than what is still needed is written anew. */
const compactionSlack = 1_000;

export async function createReplayGuard(options: ReplayGuardOptions): Promise<ReplayGuard> {
  const memory = new ReplayMemory(options);
  const {store} = options;
  if (store !== undefined) await memory.restore(store);
  return memory;
}

class ReplayMemory implements ReplayGuard {
  private readonly options: ReplayGuardOptions;
  private readonly ceilingSeconds: number;
  private readonly entriesMax: number;
  private readonly entriesPerCallerMax: number;
  private readonly expiryByKey = new Map<string, number>();
  private readonly buckets = new Map<number, string[]>();
  private readonly countByCaller = new Map<string, number>();
  private forgottenUntilMs = 0;
  private refuseSentUntilMs = Number.NEGATIVE_INFINITY;
  private nextSweepMs = 0;
  private linesInStore = 0;
  private lastCaller = {id: '', hash: ''};
  damagedLines = 0;

  constructor(options: ReplayGuardOptions) {
    this.options = options;
    this.ceilingSeconds = options.ttlCeilingSeconds ?? protocolLimits.ttlCeilingSeconds;
    this.entriesMax = options.entriesMax ?? protocolLimits.replayEntriesMax;
    this.entriesPerCallerMax = options.entriesPerCallerMax ?? Math.max(1, Math.floor(this.entriesMax / 2));
  }

  get size(): number {
    return this.expiryByKey.size;
  }

  async restore(store: ReplayStore): Promise<void> {
    const state = await store.load();
    const nowMs = this.options.clock.nowMs();
    this.forgottenUntilMs = state.forgottenUntilMs;
    this.damagedLines = state.damagedLines;
    // With a longer ceiling than before, requests that were forgotten as ended would be valid again.
    const isCeilingRaised = state.ttlCeilingSeconds !== 0 && state.ttlCeilingSeconds < this.ceilingSeconds;
    // Written under a clock that was far ahead it would hold for years; what lives by then has at most a ceiling's life.
    const knownUntilMs = Math.min(
      state.refuseSentUntilMs ?? Number.NEGATIVE_INFINITY,
      nowMs + this.ceilingSeconds * 1000,
    );
    this.refuseSentUntilMs = knownUntilMs;
    if (state.damagedLines > 0 || isCeilingRaised) this.refuseSentUntilMs = Math.max(knownUntilMs, nowMs);
    for (const record of state.records) {
      if (!this.expiryByKey.has(record.key)) this.remember(record);
    }
    this.sweep(nowMs);
    // Written anew before anything runs: a torn end never meets the next line, and a disk that refuses shows at the start.
    await this.rewrite(store);
  }

  async admit(
    request: Pick<Request, 'id' | 'callerId' | 'sentAtMs' | 'ttlSeconds'>,
    options: {readonly durable?: boolean} = {},
  ): Promise<void> {
    await this.admitNow(request, options);
  }

  admitNow(
    request: Pick<Request, 'id' | 'callerId' | 'sentAtMs' | 'ttlSeconds'>,
    options: {readonly durable?: boolean} = {},
  ): Promise<void> | undefined {
    const nowMs = this.options.clock.nowMs();
    this.sweep(nowMs);
    const record = {key: this.keyOf(request), expiresAtMs: requestExpiresAtMs(request, this.ceilingSeconds)};
    this.check(request, {record, nowMs});
    // Marked before anything is awaited: of two copies that arrive together, the second is refused.
    this.remember(record);
    const {store} = this.options;
    if (store === undefined || options.durable === false) return undefined;
    return this.writeDown(record, store);
  }

  private async writeDown(record: ReplayRecord, store: ReplayStore): Promise<void> {
    this.linesInStore += 1;
    await store.append(record);
    this.compactWhenDue(store);
  }

  async close(): Promise<void> {
    await this.options.store?.close();
  }

  private check(
    request: Pick<Request, 'id' | 'callerId' | 'sentAtMs' | 'ttlSeconds'>,
    found: {readonly record: ReplayRecord; readonly nowMs: number},
  ): void {
    const {record, nowMs} = found;
    const who = (): string => `request ${quoteName(request.id)} of ${quoteName(request.callerId)}`;
    if (this.expiryByKey.has(record.key)) {
      throw new ProtocolError('ERR_REQUEST_REPLAYED', `Cannot accept ${who()}: it was already accepted once`, {
        stage: 'replay',
        details: {requestId: request.id, callerId: request.callerId},
      });
    }
    checkTtl(request, {nowMs, ttlCeilingSeconds: this.ceilingSeconds});
    if (record.expiresAtMs <= this.forgottenUntilMs || request.sentAtMs <= this.refuseSentUntilMs) {
      throw new ProtocolError(
        'ERR_REQUEST_EXPIRED',
        `Cannot accept ${who()}: it is from a time of which requests are no longer remembered, expected a newer one`,
        {stage: 'replay'},
      );
    }
    const ofCaller = this.countByCaller.get(record.key.slice(0, callerHashLength)) ?? 0;
    if (this.size >= this.entriesMax || ofCaller >= this.entriesPerCallerMax) {
      throw new ProtocolError(
        'ERR_REPLAY_MEMORY_FULL',
        `Cannot accept ${who()}: ${this.size} requests are remembered, ${ofCaller} of this caller, at most ${this.entriesMax} and ${this.entriesPerCallerMax} are kept`,
        {stage: 'replay'},
      );
    }
  }

  private remember(record: ReplayRecord): void {
    this.expiryByKey.set(record.key, record.expiresAtMs);
    const caller = record.key.slice(0, callerHashLength);
    this.countByCaller.set(caller, (this.countByCaller.get(caller) ?? 0) + 1);
    const bucket = Math.floor(record.expiresAtMs / bucketMs);
    const keys = this.buckets.get(bucket);
    if (keys === undefined) this.buckets.set(bucket, [record.key]);
    else keys.push(record.key);
  }

  /** Forgets buckets that have ended; their number is bounded by the ceiling, their entries are touched once. */
  private sweep(nowMs: number): void {
    if (nowMs < this.nextSweepMs && nowMs > this.nextSweepMs - 2 * bucketMs) return;
    this.nextSweepMs = nowMs + bucketMs;
    for (const [bucket, keys] of this.buckets) {
      const endMs = (bucket + 1) * bucketMs;
      if (endMs > nowMs) continue;
      this.buckets.delete(bucket);
      this.forgottenUntilMs = Math.max(this.forgottenUntilMs, endMs - 1);
      for (const key of keys) this.forget(key);
    }
  }

  private forget(key: string): void {
    this.expiryByKey.delete(key);
    const caller = key.slice(0, callerHashLength);
    const left = (this.countByCaller.get(caller) ?? 1) - 1;
    if (left > 0) this.countByCaller.set(caller, left);
    else this.countByCaller.delete(caller);
  }

  private compactWhenDue(store: ReplayStore): void {
    if (this.linesInStore <= 2 * this.size + compactionSlack) return;
    this.rewrite(store).catch((error: unknown) => {
      this.options.onStoreProblem?.(error);
    });
  }

  private rewrite(store: ReplayStore): Promise<void> {
    const records = [...this.expiryByKey].map(([key, expiresAtMs]) => ({key, expiresAtMs}));
    this.linesInStore = records.length;
    return store.rewrite({
      records,
      forgottenUntilMs: this.forgottenUntilMs,
      ttlCeilingSeconds: this.ceilingSeconds,
      ...(Number.isFinite(this.refuseSentUntilMs) && {refuseSentUntilMs: this.refuseSentUntilMs}),
    });
  }

  private keyOf(request: Pick<Request, 'id' | 'callerId'>): string {
    const {callerId} = request;
    // Requests of one caller come in bursts; its hash is made once for each burst.
    if (this.lastCaller.id !== callerId) {
      this.lastCaller = {id: callerId, hash: hashText(callerId).slice(0, callerHashLength)};
    }
    return this.lastCaller.hash + hashText(`${callerId}\0${request.id}`).slice(0, 22);
  }
}

function hashText(text: string): string {
  return hash('sha256', text, 'base64url');
}
