/**
 * Knows whether brokers came and went a moment ago, so that silence may be a message that was lost on the way.
 *
 * Pure: told what brokers say of themselves, and how often our own link came back.
 */
import type {InterestAnswer} from '../../protocol/index.ts';
import {clientLimits} from './limits.ts';

export interface ShakenOptions {
  readonly monotonicMs: () => number;
  /** How often our own link came back, ever. */
  readonly reconnects: () => number;
}

export class Shaken {
  readonly #options: ShakenOptions;
  #brokers = 0;
  #servers = 0;
  #reconnects: number;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(options: ShakenOptions) {
    this.#options = options;
    this.#reconnects = options.reconnects();
  }

  /**
   * A broker that is gone, or one that did not answer; where there never was more than one, silence says nothing. Or many servers fewer than a moment
   * ago, when all were counted.
   */
  told(answer: InterestAnswer | undefined, countsAll = false): void {
    if (answer === undefined) {
      if (this.#brokers > 1) this.#shake();
      return;
    }
    const isFewer = answer.brokers < this.#brokers;
    if (isFewer || (!answer.complete && this.#brokers > 1)) this.#shake();
    if (!answer.complete) return;
    this.#brokers = answer.brokers;
    if (!countsAll) return;
    const lost = this.#servers - answer.servers;
    if (lost >= clientLimits.shakenServersMin && lost > this.#servers * clientLimits.shakenShare) this.#shake();
    this.#servers = answer.servers;
  }

  /** There is more than one broker, and messages between them can be lost without anybody seeing it. */
  get isCluster(): boolean {
    return this.#brokers > 1;
  }

  get isShaken(): boolean {
    const reconnects = this.#options.reconnects();
    if (reconnects > this.#reconnects) this.#shake();
    this.#reconnects = reconnects;
    return this.#options.monotonicMs() < this.#untilMs;
  }

  #shake(): void {
    this.#untilMs = this.#options.monotonicMs() + clientLimits.shakenMs;
  }
}
