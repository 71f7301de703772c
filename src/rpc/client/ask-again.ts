/**
 * While a request waits: looks now and then whether brokers are coming and going, and sends the same bytes again to those that have not answered. The same
 * looks tell who is gone and will not answer.
 *
 * Safe because servers of this program never run a request twice, and others do not understand the second message (docs/design/asking-again.md).
 */
import type {Clock, TimerHandle} from '../../lib/platform.ts';
import {clientLimits} from './limits.ts';
import type {Messenger} from './types.ts';
import {Vanished} from './vanished.ts';

/** The longest interval is reached long before. */
const againGrowthMax = 20;

export interface AskAgainOptions {
  readonly messenger: Messenger;
  readonly collective: string;
  /** Who was asked and has neither answered nor said that it will not. */
  readonly outstanding: () => readonly string[];
  /** Only of those that were asked by name; whom a question to all missed was never asked. */
  readonly named?: {
    /** It said that it waits or works: it will answer. */
    readonly isBusy: (identity: string) => boolean;
    readonly send: (identities: readonly string[]) => void;
    /** These are not connected while brokers are steady. */
    readonly absent: (identities: readonly string[]) => void;
  };
  /** These lost their connection while brokers were steady, and did not come back. */
  readonly lost: (identities: readonly string[]) => void;
  readonly failed: (error: unknown) => void;
}

interface Connected {
  readonly names: ReadonlySet<string>;
  /** Every broker was asked. */
  readonly isComplete: boolean;
}

export class AskAgain {
  readonly #options: AskAgainOptions;
  readonly #clock: Clock;
  #timer: TimerHandle | undefined = undefined;
  #looks = 0;
  /** Brokers came or went since this request was sent: from then on it is asked again until it ends. */
  #wasShaken = false;
  /** How often those were asked again that are silent for no reason that is known. */
  #overdue = 0;
  #silentBefore: number | undefined = undefined;
  readonly #vanished = new Vanished();
  /** How long the broker took for its last word. */
  #tookMs = 0;
  #isStopped = false;

  constructor(options: AskAgainOptions) {
    this.#options = options;
    this.#clock = options.messenger.clock;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#looks += 1;
    this.#timer = this.#clock.setTimer(() => void this.#round(), this.#waitMs());
  }

  #waitMs(): number {
    const {againLooksMax, againLaterMs, againLookMs, againLookMsMax, againRestFactor, lostLookMs} = clientLimits;
    if (this.#looks > againLooksMax) return againLaterMs;
    // While all is calm the looks become rare.
    const factor =
      this.#options.messenger.shaken?.isShaken === true ? 1 : 1.5 ** Math.min(this.#looks - 1, againGrowthMax);
    const waitMs = Math.min(this.#vanished.isUndecided ? lostLookMs : againLookMsMax, againLookMs * factor);
    return Math.max(waitMs, this.#tookMs * againRestFactor);
  }

  async #round(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      // A link that breaks just now; the next look comes all the same.
      this.#options.failed(error);
    }
    this.#schedule();
  }

  async #look(): Promise<void> {
    const {messenger, outstanding} = this.#options;
    const {connection, shaken} = messenger;
    const silent = outstanding();
    if (this.#isComingIn(silent.length)) return;
    if (silent.length === 0 || shaken === undefined || messenger.interest === undefined) return;
    if (connection.state !== 'connected') {
      this.#vanished.forget();
      return;
    }
    const identities = silent.slice(0, clientLimits.againTargetsMax);
    const connected = await this.#askWhoIsConnected(identities);
    if (this.#isStopped) return;
    this.#wasShaken ||= shaken.isShaken;
    this.#sendAgain(identities, connected);
    if (shaken.isShaken || connected?.isComplete !== true) {
      this.#vanished.forget();
      return;
    }
    const away = identities.filter((identity) => !connected.names.has(identity));
    this.#options.named?.absent(away);
    this.#options.lost(this.#vanished.look(away, this.#clock.monotonicMs()));
  }

  async #askWhoIsConnected(identities: readonly string[]): Promise<Connected | undefined> {
    const {messenger, collective} = this.#options;
    const askedMs = this.#clock.monotonicMs();
    const answer = await messenger
      .interest?.({collective, identities, agents: []}, {timeoutMs: clientLimits.againInterestMs})
      // A link that breaks now is looked at the next time.
      .catch(() => undefined);
    this.#tookMs = this.#clock.monotonicMs() - askedMs;
    if (answer?.connected === undefined) return undefined;
    return {names: new Set(answer.connected), isComplete: answer.complete};
  }

  #sendAgain(identities: readonly string[], connected: Connected | undefined): void {
    const {named, messenger} = this.#options;
    if (named === undefined || this.#looks > clientLimits.againLooksMax) return;
    const {shaken} = messenger;
    const send = (chosen: readonly string[]): void => {
      const still = new Set(this.#options.outstanding());
      const silent = chosen.filter((identity) => still.has(identity));
      if (silent.length > 0) named.send(silent);
    };
    if (this.#wasShaken) {
      send(identities.filter((identity) => connected?.names.has(identity) !== false));
    } else if (
      shaken?.isCluster === true &&
      this.#looks >= clientLimits.overdueFromLook &&
      this.#overdue < clientLimits.overdueMax
    ) {
      this.#overdue += 1;
      send(identities.filter((item) => connected?.names.has(item) === true && !named.isBusy(item)));
    }
  }

  /**
   * A large fleet answers for some seconds. While many more have answered since the last look nothing is wrong, and to ask the brokers about each connection
   * again and again would take the time that the answers need.
   */
  #isComingIn(silent: number): boolean {
    const before = this.#silentBefore;
    this.#silentBefore = silent;
    const {shaken} = this.#options.messenger;
    if (silent < clientLimits.comingInMin || this.#wasShaken || shaken?.isShaken === true) return false;
    return before === undefined || before - silent >= before * clientLimits.comingInShare;
  }
}
