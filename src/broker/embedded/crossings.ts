/**
 * What crosses from one account to another: streams of messages, and requests with their answers.
 *
 * Each crossing stands in its account's subscriptions like a connection, so that routing needs nothing special.
 */
import type {PublishFrame} from '../../natswire/index.ts';
import type {AccountExport, ServiceExport} from '../authentication/accounts.ts';
import {engineLimits} from '../limits.ts';
import type {Account} from './account.ts';
import type {EngineCore} from './core.ts';
import {noStream} from './no-stream.ts';
import type {Receiver, RoutedSubject, SubscriptionState, TracedDelivery} from './parts.ts';
import {rewritten} from './rewritten.ts';
import {Subscription} from './subscription.ts';
import type {TraceSink} from './trace-sink.ts';

/** Opens the crossings between accounts that exist. */
export function openCrossings(core: EngineCore, exports: readonly AccountExport[]): void {
  for (const item of exports) {
    const from = core.accountOf(item.from);
    const to = core.accountOf(item.to);
    if (from === undefined || to === undefined) continue;
    listen(
      from,
      item.subject,
      item.kind === 'stream' ? new StreamCrossing(core, to) : new ServiceCrossing(core, {item, from, to}),
    );
  }
}

function listen(account: Account, subject: string, receiver: Receiver): Subscription {
  const subscription = new Subscription(receiver, {subject, queue: undefined, sid: '1', isFiltered: false});
  account.subscriptions.insert(subject, subscription);
  return subscription;
}

/** A listener without a peer. */
abstract class Crossing implements Receiver {
  readonly id = 0;
  readonly user = 'account crossing';
  readonly nonce = undefined;
  readonly hasConnected = true;
  readonly isGone = false;
  readonly pendingBytes = 0;
  readonly closeReason = undefined;
  readonly stream = noStream;
  mustRest = false;
  violationCount = 0;
  protected readonly core: EngineCore;

  constructor(core: EngineCore) {
    this.core = core;
  }

  abstract deliver(
    subscription: SubscriptionState,
    publisher: Receiver,
    entry: RoutedSubject,
    frame: PublishFrame,
  ): boolean;

  /** What happens behind the crossing is the other account's own. */
  abstract trace(trace: TraceSink, delivery: TracedDelivery): boolean;

  answerNoResponders(): void {}

  answer(): void {}

  cut(): void {}

  protected send(account: Account, publisher: Receiver, frame: PublishFrame): boolean {
    const entry = account.entryOf(frame);
    return this.core.nested(() => this.core.fanOut(publisher, account.matchOf(entry), entry, frame) > 0);
  }
}

class StreamCrossing extends Crossing {
  readonly #to: Account;

  constructor(core: EngineCore, to: Account) {
    super(core);
    this.#to = to;
  }

  deliver(_subscription: SubscriptionState, publisher: Receiver, _entry: RoutedSubject, frame: PublishFrame): boolean {
    return this.send(this.#to, publisher, frame);
  }

  /** nats-server tells of each listener on the other side. */
  trace(trace: TraceSink, {entry}: TracedDelivery): boolean {
    const {plain, queues} = this.#to.subscriptions.match(entry.text);
    const count = plain.length + queues.length;
    for (let index = 0; index < count; index += 1) trace.add({type: 'se', acc: this.#to.name, to: entry.text});
    return count > 0;
  }
}

interface Ends {
  readonly item: ServiceExport;
  readonly from: Account;
  readonly to: Account;
}

class ServiceCrossing extends Crossing {
  readonly #ends: Ends;
  /** Answers that are awaited, oldest first. */
  readonly #waiting = new Set<AnswerCrossing>();

  constructor(core: EngineCore, ends: Ends) {
    super(core);
    this.#ends = ends;
  }

  deliver(_subscription: SubscriptionState, publisher: Receiver, _entry: RoutedSubject, frame: PublishFrame): boolean {
    const {item, to} = this.#ends;
    let reply: string | undefined;
    if (frame.replyStart >= 0)
      reply = this.#awaitAnswer(frame.buffer.toString('latin1', frame.replyStart, frame.replyEnd));
    return this.send(to, publisher, rewritten(frame, {subject: item.target, reply}));
  }

  trace(trace: TraceSink, {entry}: TracedDelivery): boolean {
    const {item, to} = this.#ends;
    trace.add({type: 'si', acc: to.name, from: entry.text, to: item.target});
    return true;
  }

  /** A subject in the other account whose first message goes back to the asker. */
  #awaitAnswer(replyTo: string): string {
    const {from, to} = this.#ends;
    const now = this.core.clock.monotonicMs();
    for (const old of this.#waiting) {
      if (old.untilMs >= now && this.#waiting.size < engineLimits.crossingAnswersMax) break;
      old.end();
    }
    const subject = `_R_.${this.core.random.bytes(9).toString('base64url')}`;
    const answer = new AnswerCrossing(this.core, {
      from,
      replyTo,
      untilMs: now + engineLimits.crossingAnswerMs,
      ended: () => {
        this.#waiting.delete(answer);
        to.subscriptions.remove(subject, subscription);
      },
    });
    const subscription = listen(to, subject, answer);
    this.#waiting.add(answer);
    return subject;
  }
}

class AnswerCrossing extends Crossing {
  readonly untilMs: number;
  readonly #way: {readonly from: Account; readonly replyTo: string; readonly ended: () => void};
  #isEnded = false;

  constructor(
    core: EngineCore,
    way: {readonly from: Account; readonly replyTo: string; readonly untilMs: number; readonly ended: () => void},
  ) {
    super(core);
    this.untilMs = way.untilMs;
    this.#way = way;
  }

  end(): void {
    this.#isEnded = true;
    this.#way.ended();
  }

  deliver(_subscription: SubscriptionState, publisher: Receiver, _entry: RoutedSubject, frame: PublishFrame): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    // The list is being walked now; it is changed when that is over.
    queueMicrotask(() => this.#way.ended());
    if (this.untilMs < this.core.clock.monotonicMs()) return false;
    return this.send(this.#way.from, publisher, rewritten(frame, {subject: this.#way.replyTo, reply: undefined}));
  }

  trace(trace: TraceSink, {entry}: TracedDelivery): boolean {
    const {from, replyTo} = this.#way;
    trace.add({type: 'si', acc: from.name, from: entry.text, to: replyTo});
    return !this.#isEnded;
  }
}
