/**
 * Knows when everybody who can answer a question to all has answered: the broker says who listens, each of them answers or, when it is
 * one of ours, says that it will not.
 *
 * Pure. While the broker has not said who listens, or does not know all, nobody can be missing and nothing is ever over.
 */
import {type InterestAnswer, isFinalNote, type NodeNote} from '../../protocol/index.ts';
import {clientLimits} from './limits.ts';
import {type Silence, silenceOfNote} from './silence.ts';

export interface RollCallOutcome {
  /** Whether the broker said who listens. */
  readonly isKnown: boolean;
  /** True when everybody who listens answered or said that it does not match. */
  readonly complete: boolean;
  /** How many listen; undefined when not known. */
  readonly listening: number | undefined;
  /** Who neither answered nor said that it does not match. */
  readonly missing: readonly Silence[];
  /** Missing ones whose names are not known: the list of listeners was too long. */
  readonly unnamedMissing: number;
}

export class RollCall {
  readonly #answered = new Set<string>();
  /** The last note of each node that did not answer. */
  readonly #notes = new Map<string, Silence>();
  readonly #settled = new Set<string>();
  #expected: readonly string[] | undefined;
  #outstanding: Set<string> | undefined;
  #listening: number | undefined;
  /** Of a number without names: whether it was counted again when it was reached. */
  #count: 'first' | 'asked again' | 'confirmed' | 'unknown' = 'first';

  /** What the broker said; undefined when it says nothing. */
  expect(answer: InterestAnswer | undefined): void {
    if (answer === undefined || !answer.complete) return;
    this.#listening = answer.servers;
    if (answer.identities === undefined) return;
    this.#expected = answer.identities;
    this.#outstanding = new Set(answer.identities.filter((identity) => !this.#settled.has(identity)));
  }

  /**
   * True once when only a number is known and it is reached: it may have been reached by some that answered and left before they were counted, so whoever gets
   * true counts again and tells `recounted`.
   */
  takeRecount(): boolean {
    if (this.#count !== 'first' || this.#outstanding !== undefined || !this.#isReached) return false;
    this.#count = 'asked again';
    return true;
  }

  /** What the broker said when it was asked again; undefined when it says nothing. */
  recounted(answer: InterestAnswer | undefined): void {
    if (answer?.complete !== true) {
      this.#count = 'unknown';
      return;
    }
    this.#listening = Math.max(this.#listening ?? 0, answer.servers);
    this.#count = this.#isReached ? 'confirmed' : 'first';
  }

  get #isReached(): boolean {
    return this.#listening !== undefined && this.#settled.size >= this.#listening;
  }

  answered(identity: string): void {
    if (this.#answered.size < clientLimits.targetsMax) this.#answered.add(identity);
    this.#settle(identity);
  }

  hasAnswered(identity: string): boolean {
    return this.#answered.has(identity);
  }

  noted(note: NodeNote, receivedAtMs: number): void {
    if (this.#notes.size >= clientLimits.targetsMax || this.#answered.has(note.identity)) return;
    this.#notes.set(note.identity, silenceOfNote(note, receivedAtMs));
    if (isFinalNote(note.reason)) this.#settle(note.identity);
  }

  /** Its connection ended and did not come back. */
  lost(identity: string): void {
    if (this.#notes.size < clientLimits.targetsMax) this.#notes.set(identity, {identity, reason: 'lost'});
    this.#settle(identity);
  }

  /** Those that are waited for, where the broker named them. */
  outstanding(): readonly string[] {
    return [...(this.#outstanding ?? [])];
  }

  #settle(identity: string): void {
    this.#outstanding?.delete(identity);
    if (this.#settled.size < clientLimits.targetsMax) this.#settled.add(identity);
  }

  /** Nobody else will answer. */
  get isOver(): boolean {
    if (this.#listening === undefined) return false;
    return this.#outstanding === undefined ? this.#count === 'confirmed' : this.#outstanding.size === 0;
  }

  outcome(): RollCallOutcome {
    if (this.#listening === undefined) {
      return {isKnown: false, complete: false, listening: undefined, missing: [], unnamedMissing: 0};
    }
    const missing = (this.#expected ?? [...this.#notes.keys()]).flatMap((identity) => this.#silence(identity));
    const unnamedMissing =
      this.#expected === undefined ? Math.max(0, this.#listening - this.#settled.size - missing.length) : 0;
    return {
      isKnown: true,
      complete: missing.length + unnamedMissing === 0 && (this.#expected !== undefined || this.#count === 'confirmed'),
      listening: this.#listening,
      missing,
      unnamedMissing,
    };
  }

  #silence(identity: string): readonly Silence[] {
    if (this.#answered.has(identity)) return [];
    const silence = this.#notes.get(identity);
    if (silence === undefined) return [{identity, reason: 'unresponsive'}];
    return silence.reason === 'filtered' || silence.reason === 'no-agent' ? [] : [silence];
  }
}
