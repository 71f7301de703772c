/**
 * A part of the server that listens in an account like a connection does, and answers whoever asks it.
 *
 * The answer goes to the connection that asked and to nobody else, so a reply subject cannot be used to make the broker speak where the
 * asker may not.
 */
import type {PublishFrame} from '../../natswire/index.ts';
import {engineLimits} from '../limits.ts';
import type {Account} from './account.ts';
import {noStream} from './no-stream.ts';
import type {Receiver, RoutedSubject, SubscriptionState, TracedDelivery} from './parts.ts';
import {Subscription} from './subscription.ts';
import type {TraceSink} from './trace-sink.ts';

export interface Question {
  readonly subject: string;
  readonly body: Buffer;
  readonly from: Receiver;
}

/** Undefined: no answer. */
export type Answerer = (question: Question) => Buffer | undefined | Promise<Buffer | undefined>;

/** Listens from now on; it lives as long as the account. */
export function listenInAccount(account: Account, subjects: readonly string[], answer: Answerer): void {
  const responder = new Responder(answer);
  for (const [index, subject] of subjects.entries()) {
    const what = {subject, queue: undefined, sid: String(index + 1), isFiltered: false};
    account.subscriptions.insert(subject, new Subscription(responder, what));
  }
}

class Responder implements Receiver {
  readonly id = 0;
  readonly user = '';
  readonly nonce = undefined;
  readonly hasConnected = true;
  readonly isGone = false;
  readonly pendingBytes = 0;
  readonly closeReason = undefined;
  mustRest = false;
  violationCount = 0;
  readonly stream = noStream;
  readonly #answer: Answerer;
  #waiting = 0;

  constructor(answer: Answerer) {
    this.#answer = answer;
  }

  /** Answers after the message that asks was given to everybody, because it is still being routed now. */
  deliver(subscription: SubscriptionState, publisher: Receiver, entry: RoutedSubject, frame: PublishFrame): boolean {
    subscription.delivered += 1;
    if (this.#waiting >= engineLimits.questionsWaitingMax) return true;
    const replyTo =
      frame.replyStart < 0 ? undefined : frame.buffer.toString('latin1', frame.replyStart, frame.replyEnd);
    const start = frame.payloadStart + Math.max(frame.headerBytes, 0);
    const body = Buffer.from(frame.buffer.subarray(start, frame.payloadEnd));
    this.#waiting += 1;
    const tell = (bytes: Buffer | undefined): void => {
      this.#waiting -= 1;
      if (bytes !== undefined && replyTo !== undefined) publisher.answer(replyTo, bytes);
    };
    queueMicrotask(() => {
      const answer = this.#answer({subject: entry.text, body, from: publisher});
      if (answer instanceof Promise) void answer.then(tell);
      else tell(answer);
    });
    return true;
  }

  trace(trace: TraceSink, {entry}: TracedDelivery): boolean {
    trace.add({type: 'si', acc: trace.account, from: entry.text, to: entry.text});
    return true;
  }

  answerNoResponders(): void {}

  answer(): void {}

  cut(): void {}
}
