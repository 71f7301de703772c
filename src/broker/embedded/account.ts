/**
 * An account: one space of subjects. Nothing published in one account is seen in another.
 *
 * Holds the subscriptions, and for recently published subjects their bytes, their text and who gets them, so that a publish needs no string
 * and no look-up in the trie while nothing changes.
 */
import {hasWildcard, isPublishSubject, type Match, type PublishFrame, Sublist} from '../../natswire/index.ts';
import {engineLimits} from '../limits.ts';
import type {SubjectMappings} from './mapping.ts';
import type {RoutedSubject} from './parts.ts';
import type {Subscription} from './subscription.ts';

/** Subjects that only the server itself may publish to. */
const reservedSubjects = ['$NRG.', '_GR_.', '$GR.'];

export function isReservedSubject(subject: string): boolean {
  return reservedSubjects.some((prefix) => subject.startsWith(prefix));
}

/** A published subject. */
export class SubjectEntry implements RoutedSubject {
  /** One character for each byte. */
  readonly text: string;
  readonly hash: number;
  /** `MSG <subject> ` and `HMSG <subject> `. */
  readonly head: Buffer;
  readonly headWithHeaders: Buffer;
  readonly isReserved: boolean;
  /** Names one subject: no empty tokens, no wildcards. Pedantic connections are told when it does not. */
  readonly isLiteral: boolean;
  /** Where messages to it go instead. */
  readonly mappedTo: string | undefined;
  /** Another subject with the same hash. */
  readonly next: SubjectEntry | undefined;
  match: Match<Subscription>;
  generation: number;
  readonly #subjectStart = 5;
  readonly #length: number;

  constructor(
    text: string,
    rest: {
      readonly hash: number;
      readonly match: Match<Subscription>;
      readonly generation: number;
      readonly next: SubjectEntry | undefined;
      readonly mappedTo: string | undefined;
    },
  ) {
    this.text = text;
    this.hash = rest.hash;
    this.headWithHeaders = Buffer.from(`HMSG ${text} `, 'latin1');
    this.head = this.headWithHeaders.subarray(1);
    this.#length = text.length;
    this.isReserved = isReservedSubject(text);
    this.isLiteral = isPublishSubject(text) && !hasWildcard(text);
    this.match = rest.match;
    this.generation = rest.generation;
    this.next = rest.next;
    this.mappedTo = rest.mappedTo;
  }

  isSubjectOf(frame: PublishFrame): boolean {
    const length = this.#length;
    if (frame.subjectHash !== this.hash || frame.subjectEnd - frame.subjectStart !== length) return false;
    const {buffer, subjectStart} = frame;
    const own = this.headWithHeaders;
    const offset = this.#subjectStart;
    for (let index = 0; index < length; index += 1) {
      if (own[offset + index] !== buffer[subjectStart + index]) return false;
    }
    return true;
  }
}

export class Account {
  readonly name: string;
  readonly subscriptions = new Sublist<Subscription>();
  /** Applied to what clients of the account publish. */
  readonly mappings: SubjectMappings | undefined;
  /** Connections of the account at the moment. */
  connectionCount = 0;
  slowConsumers = 0;
  /** What connections that are gone had sent and received. */
  readonly closedTotals = {inMessages: 0, inBytes: 0, outMessages: 0, outBytes: 0};
  readonly #entries = new Map<number, SubjectEntry>();
  #entryCount = 0;

  constructor(name: string, mappings?: SubjectMappings) {
    this.name = name;
    this.mappings = mappings;
  }

  /** The entry of the subject that this message is published to. */
  entryOf(frame: PublishFrame): SubjectEntry {
    const first = this.#entries.get(frame.subjectHash);
    for (let entry = first; entry !== undefined; entry = entry.next) {
      if (entry.isSubjectOf(frame)) return entry;
    }
    return this.#add(frame, first);
  }

  /** Who gets messages published to the entry's subject now. */
  matchOf(entry: SubjectEntry): Match<Subscription> {
    const list = this.subscriptions;
    if (entry.generation !== list.generation) {
      entry.match = list.match(entry.text);
      // Read after the match, which may itself forget and so count on.
      entry.generation = list.generation;
    }
    return entry.match;
  }

  #add(frame: PublishFrame, chain: SubjectEntry | undefined): SubjectEntry {
    let next = chain;
    if (this.#entryCount >= engineLimits.subjectEntriesMax) {
      this.#entries.clear();
      this.#entryCount = 0;
      next = undefined;
    }
    const text = frame.buffer.toString('latin1', frame.subjectStart, frame.subjectEnd);
    const match = this.subscriptions.match(text);
    const entry = new SubjectEntry(text, {
      hash: frame.subjectHash,
      match,
      generation: this.subscriptions.generation,
      next,
      mappedTo: this.mappings?.target(text),
    });
    this.#entries.set(frame.subjectHash, entry);
    this.#entryCount += 1;
    return entry;
  }
}
