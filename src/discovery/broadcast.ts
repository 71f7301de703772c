/**
 * Asks everybody: a ping to the `discovery` agent of all nodes, who test the filter themselves.
 *
 * Rules: the client digest, section 2.1. The collector knows no sockets; the probe sends and hands over who answered.
 */
import {setPatientTimer} from '../lib/patient-timer.ts';
import type {Clock, TimerHandle} from '../lib/platform.ts';
import type {Filter} from '../protocol/types.ts';
import {discoveryLimits} from './limits.ts';
import type {DiscoveryMethod, DiscoveryRequest, DiscoveryResult, MissingNode} from './types.ts';

export interface ProbeOutcome {
  /** Whether the broker said who listens. */
  readonly isKnown: boolean;
  readonly complete: boolean;
  /** Who listens and neither answered nor said that it does not match, each with a word why. */
  readonly missing: readonly MissingNode[];
  /** How many more of them have no name here: more listen than the broker can name. Absent where there are none. */
  readonly unnamedMissing?: number;
}

/** One ping under way. */
export interface ProbeHandle {
  /** Resolves when it is known that nobody else will answer; never where that cannot be known. */
  readonly over: Promise<void>;
  /** What is known so far. */
  outcome(): ProbeOutcome;
  /** Stops listening. Idempotent. */
  stop(): void;
}

export interface DiscoveryProbe {
  /**
   * Sends one ping; resolves when it is sent. `onAnswer` gets the sender of each answer, several times if it answers again.
   *
   * `timeoutMs` bounds connecting and sending.
   */
  send(
    request: {
      readonly filter: Filter;
      readonly collective: string;
      readonly timeoutMs: number;
      readonly signal: AbortSignal;
      /** False where the caller knows by itself when to stop: a large cluster takes seconds to say who listens. */
      readonly asksWhoListens?: boolean;
    },
    onAnswer: (identity: string) => void,
  ): Promise<ProbeHandle>;
}

export interface BroadcastOptions {
  readonly probe: DiscoveryProbe;
  readonly clock: Clock;
  /** The name that selected it: `mc` or `broadcast`. */
  readonly name?: string;
  readonly onAnswer?: (identity: string) => void;
}

export function createBroadcastMethod(options: BroadcastOptions): DiscoveryMethod {
  return {
    name: options.name ?? 'mc',
    discover: async (request) => {
      const identities = plainIdentities(request.filter);
      if (identities !== undefined) return {identities, complete: true};
      return collect(request, options);
    },
  };
}

/**
 * The identities of a filter that only names nodes: they need no question, and names nobody knows are kept, so that the request
 * can report them as silent. Agents do not prevent this.
 */
export function plainIdentities(filter: Filter): readonly string[] | undefined {
  const {facts, classes, compounds, identities} = filter;
  if (facts.length + classes.length + compounds.length > 0 || identities.length === 0) return undefined;
  if (identities.some(isRegexEntry)) return undefined;
  return [...new Set(identities)];
}

export function isRegexEntry(text: string): boolean {
  return text.startsWith('/') && text.endsWith('/');
}

async function collect(request: DiscoveryRequest, options: BroadcastOptions): Promise<DiscoveryResult> {
  const {clock, probe, onAnswer} = options;
  const {filter, collective, timeoutMs, signal, slidingWindow} = request;
  const found = new Set<string>();
  let timer: TimerHandle | undefined;
  let handle: ProbeHandle | undefined;
  let lastAnswerAtMs = Number.NEGATIVE_INFINITY;
  let isCutOff = false;
  let close = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const answered = (identity: string): void => {
    if (found.has(identity) || found.size >= discoveryLimits.nodesMax) return;
    found.add(identity);
    lastAnswerAtMs = clock.monotonicMs();
    onAnswer?.(identity);
    if (!slidingWindow || timer === undefined) return;
    timer.cancel();
    timer = setPatientTimer(clock, close, discoveryLimits.windowMs);
  };
  signal.addEventListener('abort', close, {once: true});
  try {
    handle = await probe.send({filter, collective, timeoutMs, signal}, answered);
    void handle.over.then(close);
    const ping = handle;
    const startedAtMs = clock.monotonicMs();
    const endMs = clock.monotonicMs() + timeoutMs + discoveryLimits.starvedMsMax;
    const wait = (callback: () => void, ms: number): TimerHandle => setPatientTimer(clock, callback, ms);
    // Known listeners that still answer, one after another, are waited for: a busy machine must not make a short answer.
    const timeIsUp = (): void => {
      const nowMs = clock.monotonicMs();
      const {isKnown, missing, unnamedMissing = 0} = ping.outcome();
      // A few that give no sign are dead; when it is many, it is the machine.
      const isMany = missing.length + unnamedMissing > Math.max(discoveryLimits.deadMax, found.size / 100);
      const gapMs = isMany ? discoveryLimits.starvedManyGapMs : discoveryLimits.starvedGapMs;
      const sinceAnswerMs = nowMs - Math.max(lastAnswerAtMs, isMany ? startedAtMs + timeoutMs : 0);
      if (isKnown && sinceAnswerMs < gapMs && nowMs < endMs) {
        timer = wait(timeIsUp, Math.min(gapMs - sinceAnswerMs, discoveryLimits.starvedGapMs));
        return;
      }
      isCutOff = nowMs - lastAnswerAtMs < discoveryLimits.windowMs;
      close();
    };
    timer = slidingWindow && found.size > 0 ? wait(close, discoveryLimits.windowMs) : wait(timeIsUp, timeoutMs);
    if (!signal.aborted) await closed;
  } finally {
    timer?.cancel();
    signal.removeEventListener('abort', close);
    handle?.stop();
  }
  const outcome = handle.outcome();
  return {identities: [...found], ...outcome, ...(isCutOff && !outcome.isKnown ? {isCutOff} : {})};
}
