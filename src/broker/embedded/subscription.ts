/** One SUB of one connection. Texts are latin1: one character for each byte. */
import type {Receiver, SubscriptionState} from './parts.ts';

export class Subscription implements SubscriptionState {
  readonly client: Receiver;
  readonly subject: string;
  readonly queue: string | undefined;
  readonly sid: string;
  /** Some messages must be held back because a denied pattern overlaps the subject. */
  isFiltered: boolean;
  delivered = 0;
  /** Ends after this many deliveries; 0 is never. */
  max = 0;
  isClosed = false;

  constructor(
    client: Receiver,
    what: {
      readonly subject: string;
      readonly queue: string | undefined;
      readonly sid: string;
      readonly isFiltered: boolean;
    },
  ) {
    this.client = client;
    this.subject = what.subject;
    this.queue = what.queue;
    this.sid = what.sid;
    this.isFiltered = what.isFiltered;
  }
}
