/**
 * While a request waits: looks now and then whether brokers are coming and going, and sends the same bytes again to those that have not answered.
 *
 * Safe because servers of this program never run a request twice, and others do not understand the second message (docs/design/asking-again.md).
 */
import type {Clock, TimerHandle} from '../../lib/platform.ts';
import {clientLimits} from './limits.ts';
import type {Messenger} from './types.ts';

/** The longest interval is reached long before. */
const againGrowthMax = 20;

export interface AskAgainOptions {
  readonly messenger: Messenger;
  readonly collective: string;
  /** Who was asked and has neither answered nor said that it will not. */
  readonly outstanding: () => readonly string[];
  /** It said that it waits or works: it will answer. */
  readonly isBusy: (identity: string) => boolean;
  readonly send: (identities: readonly string[]) => void;
  /** These are not connected while brokers are steady. */
  readonly absent: (identities: readonly string[]) => void;
  readonly failed: (error: unknown) => void;
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
    if (this.#isStopped || this.#looks >= clientLimits.againLooksMax) return;
    const {shaken} = this.#options.messenger;
    // While all is calm the looks become rare.
    const factor = shaken?.isShaken === true ? 1 : 1.5 ** Math.min(this.#looks, againGrowthMax);
    this.#looks += 1;
    const waitMs = Math.min(clientLimits.againLookMsMax, clientLimits.againLookMs * factor);
    this.#timer = this.#clock.setTimer(() => void this.#round(), waitMs);
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
    const {messenger, collective, outstanding} = this.#options;
    const {connection, shaken} = messenger;
    const silent = outstanding();
    if (this.#isComingIn(silent.length)) return;
    if (silent.length === 0 || shaken === undefined || messenger.interest === undefined) return;
    if (connection.state === 'connected') {
      const identities = silent.slice(0, clientLimits.againTargetsMax);
      const answer = await messenger
        .interest({collective, identities, agents: []}, {timeoutMs: clientLimits.againInterestMs})
        // A link that breaks now is looked at the next time.
        .catch(() => undefined);
      if (this.#isStopped) return;
      const connected = answer?.connected === undefined ? undefined : new Set(answer.connected);
      this.#wasShaken ||= shaken.isShaken;
      if (this.#wasShaken) this.#send(identities.filter((identity) => connected?.has(identity) !== false));
      else if (
        shaken.isCluster &&
        this.#looks >= clientLimits.overdueFromLook &&
        this.#overdue < clientLimits.overdueMax
      ) {
        this.#overdue += 1;
        this.#send(identities.filter((item) => connected?.has(item) === true && !this.#options.isBusy(item)));
      }
      if (!shaken.isShaken && connected !== undefined && answer?.complete === true) {
        this.#options.absent(identities.filter((identity) => !connected.has(identity)));
      }
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

  #send(identities: readonly string[]): void {
    const still = new Set(this.#options.outstanding());
    const silent = identities.filter((identity) => still.has(identity));
    if (silent.length > 0) this.#options.send(silent);
  }
}
