/**
 * The embedded engine's own listener on the subject of the interest service.
 *
 * It stands in the account's subscriptions like a connection, so that routing needs nothing special. The answer goes to the connection that
 * asked and to nobody else, so a reply subject cannot be used to make the broker speak where the asker may not.
 */
import {errorMessage} from '../../lib/errors.ts';
import {
  decodeInterestQuery,
  encodeInterestAnswer,
  encodeInterestFailure,
  interestSubject,
  ProtocolError,
} from '../../protocol/index.ts';
import type {PublishFrame} from '../../natswire/index.ts';
import {answerFrom, type Listening, readSubjects} from '../interest/answer.ts';
import {engineLimits} from '../limits.ts';
import type {Account} from './account.ts';
import type {ClientConnection} from './client.ts';
import {noStream} from './no-stream.ts';
import type {Receiver, RoutedSubject, SubscriptionState} from './parts.ts';
import {Subscription} from './subscription.ts';

/** Starts the service in one account; it lives as long as the account. */
export function listenForInterest(account: Account, clients: () => Iterable<ClientConnection>): void {
  const responder = new InterestResponder(account, clients);
  const what = {subject: interestSubject, queue: undefined, sid: '1', isFiltered: false};
  account.subscriptions.insert(interestSubject, new Subscription(responder, what));
}

class InterestResponder implements Receiver {
  readonly id = 0;
  readonly user = 'interest service';
  readonly nonce = undefined;
  readonly hasConnected = true;
  readonly isGone = false;
  readonly pendingBytes = 0;
  readonly closeReason = undefined;
  mustRest = false;
  violationCount = 0;
  readonly stream = noStream;
  readonly #account: Account;
  readonly #clients: () => Iterable<ClientConnection>;
  #waiting = 0;

  constructor(account: Account, clients: () => Iterable<ClientConnection>) {
    this.#account = account;
    this.#clients = clients;
  }

  /** Answers after the message that asks was given to everybody, because it is still being routed now. */
  deliver(_subscription: SubscriptionState, publisher: Receiver, _entry: RoutedSubject, frame: PublishFrame): boolean {
    if (frame.replyStart < 0) return true;
    const replyTo = frame.buffer.toString('latin1', frame.replyStart, frame.replyEnd);
    if (this.#waiting >= engineLimits.interestWaitingMax) {
      publisher.answer(replyTo, encodeInterestFailure('too many questions are waiting'));
      return true;
    }
    const start = frame.payloadStart + Math.max(frame.headerBytes, 0);
    const question = Buffer.from(frame.buffer.subarray(start, frame.payloadEnd));
    this.#waiting += 1;
    queueMicrotask(() => {
      this.#waiting -= 1;
      publisher.answer(replyTo, this.#answer(question));
    });
    return true;
  }

  answerNoResponders(): void {}

  answer(): void {}

  cut(): void {}

  #answer(question: Buffer): Buffer {
    try {
      const query = decodeInterestQuery(question);
      const listeners = this.#listeners(query.collective);
      return encodeInterestAnswer(answerFrom(query, {listeners, complete: true, brokers: 1}));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return encodeInterestFailure(errorMessage(error));
    }
  }

  *#listeners(collective: string): Iterable<Listening> {
    for (const client of this.#clients()) {
      if (client.account !== this.#account || client.isClosing) continue;
      const listening = readSubjects(subjectsOf(client), collective);
      if (listening !== undefined) yield listening;
    }
  }
}

/** As text again: subscriptions hold one character for each byte. */
function* subjectsOf(client: ClientConnection): Iterable<string> {
  for (const {subject} of client.subscriptions.values()) {
    yield isAscii.test(subject) ? subject : Buffer.from(subject, 'latin1').toString('utf8');
  }
}

const isAscii = /^[ -~]*$/;
