/** What the connections of one engine share, and the fan-out of a message. */
import type {Logger} from '../../lib/logger.ts';
import type {Clock, Random} from '../../lib/platform.ts';
import type {Match, PublishFrame} from '../../natswire/index.ts';
import type {Authenticator} from '../authentication/types.ts';
import {type BrokerLimits, engineLimits} from '../limits.ts';
import {Account} from './account.ts';
import type {SubjectMappings} from './mapping.ts';
import {OutputPool} from './output.ts';
import type {Receiver, RoutedSubject} from './parts.ts';
import {type CloseReason, closeReasons} from './reasons.ts';
import type {Subscription} from './subscription.ts';
import type {TraceSink} from './trace-sink.ts';

/** The account of connections that nobody asks who they are, with nats-server's name for it. */
export const globalAccountName = '$G';

export interface CoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  readonly authenticator: Authenticator | undefined;
  readonly accounts: readonly string[];
  readonly mappings: ReadonlyMap<string, SubjectMappings>;
  readonly systemAccount: string | undefined;
  readonly infoFor: (client: Receiver) => Readonly<Record<string, unknown>>;
  /** What events of this server say of it. */
  readonly describeServer: () => object;
  /** Too much waits for all connections together. */
  readonly onFull: () => void;
  /** Told when a connection was admitted, and when it was refused. */
  readonly onAdmitted: (clientId: number) => void;
  readonly onRefused: (clientId: number) => void;
}

/** What follows the subscription id in the message being routed. */
interface Tail {
  buffer: Buffer;
  start: number;
  end: number;
}

export class EngineCore {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** This and the authenticator change at a reload. */
  limits: BrokerLimits;
  authenticator: Authenticator | undefined;
  readonly pool = new OutputPool();
  readonly defaultAccount: Account;
  readonly systemAccount: Account | undefined;
  readonly accounts = new Map<string, Account>();
  readonly tail: Tail = {buffer: Buffer.alloc(0), start: 0, end: 0};
  /** Bytes that wait for all connections, at least: what was taken since is found out when it matters. */
  pendingBytes = 0;
  inMessages = 0;
  outMessages = 0;
  inBytes = 0;
  outBytes = 0;
  slowConsumers = 0;
  staleConnections = 0;
  /** How often a publisher had to rest for a slow recipient. */
  stalls = 0;
  refusals = 0;
  violations = 0;
  subscriptionCount = 0;
  readonly #infoFor: CoreOptions['infoFor'];
  readonly describeServer: CoreOptions['describeServer'];
  /** Of the message that is being routed. */
  #trace: TraceSink | undefined = undefined;
  readonly #onRefused: CoreOptions['onRefused'];
  readonly #onAdmitted: CoreOptions['onAdmitted'];
  readonly #onFull: CoreOptions['onFull'];
  /** The message without headers, made once for all receivers that do not understand them. */
  #plainTail: Buffer | undefined = undefined;

  constructor(options: CoreOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.logger = options.logger;
    this.limits = options.limits;
    this.authenticator = options.authenticator;
    this.#infoFor = options.infoFor;
    this.describeServer = options.describeServer;
    this.#onRefused = options.onRefused;
    this.#onAdmitted = options.onAdmitted;
    this.#onFull = options.onFull;
    const {mappings} = options;
    this.defaultAccount = new Account(globalAccountName, mappings.get(globalAccountName));
    this.accounts.set(globalAccountName, this.defaultAccount);
    for (const name of options.accounts) this.accounts.set(name, new Account(name, mappings.get(name)));
    this.systemAccount = options.systemAccount === undefined ? undefined : this.accounts.get(options.systemAccount);
  }

  infoFor(client: Receiver): Readonly<Record<string, unknown>> {
    return this.#infoFor(client);
  }

  accountOf(name: string): Account | undefined {
    return this.accounts.get(name);
  }

  /** Takes a subscription out of its account. */
  forget(account: Account, subscription: Subscription): void {
    if (subscription.isClosed) return;
    subscription.isClosed = true;
    account.subscriptions.remove(subscription.subject, subscription, subscription.queue);
    this.subscriptionCount -= 1;
  }

  /** Sends a published message to everybody who gets it: each plain subscription, and one member of each queue group. */
  route(publisher: Receiver, match: Match<Subscription>, entry: RoutedSubject, frame: PublishFrame): void {
    if (this.fanOut(publisher, match, entry, frame) === 0) publisher.answerNoResponders(entry, frame);
  }

  /** The same without a word when nobody gets it; returns how many did. */
  fanOut(publisher: Receiver, match: Match<Subscription>, entry: RoutedSubject, frame: PublishFrame): number {
    const {plain, queues} = match;
    this.#plainTail = undefined;
    const {tail} = this;
    if (frame.isTailCanonical) {
      tail.buffer = frame.buffer;
      tail.start = frame.subjectEnd;
      tail.end = frame.payloadEnd + 2;
    } else if (plain.length > 0 || queues.length > 0) {
      rebuildTail(tail, frame);
    }
    const trace = this.#trace;
    let delivered = 0;
    for (let index = 0; index < plain.length; index += 1) {
      const subscription = plain[index] as Subscription;
      if (trace !== undefined) delivered += this.#deliverTraced(subscription, publisher, entry, frame);
      else if (subscription.client.deliver(subscription, publisher, entry, frame)) delivered += 1;
    }
    for (let index = 0; index < queues.length; index += 1) {
      const members = queues[index]?.members ?? [];
      const count = members.length;
      const from = count === 1 ? 0 : Math.floor(this.random.float() * count);
      for (let step = 0; step < count; step += 1) {
        const member = members[(from + step) % count] as Subscription;
        const isTaken =
          trace === undefined
            ? member.client.deliver(member, publisher, entry, frame)
            : this.#deliverTraced(member, publisher, entry, frame) > 0;
        if (!isTaken) continue;
        delivered += 1;
        break;
      }
    }
    return delivered;
  }

  #deliverTraced(subscription: Subscription, publisher: Receiver, entry: RoutedSubject, frame: PublishFrame): number {
    const trace = this.#trace;
    const {client} = subscription;
    const how = {subscription, publisher, entry, isOnly: trace?.isOnly ?? false};
    if (trace !== undefined && !client.trace(trace, how)) return 0;
    if (how.isOnly) return 1;
    return client.deliver(subscription, publisher, entry, frame) ? 1 : 0;
  }

  get trace(): TraceSink | undefined {
    return this.#trace;
  }

  /** Routes what `publish` publishes under the eyes of a trace. */
  traced(trace: TraceSink, publish: () => void): void {
    this.#trace = trace;
    try {
      publish();
    } finally {
      this.#trace = undefined;
    }
  }

  /** Sends on what is being routed as another message, in another account: the rest of the round then goes on with the first one. */
  nested<Result>(route: () => Result): Result {
    const {tail} = this;
    const {buffer, start, end} = tail;
    const plainTail = this.#plainTail;
    const trace = this.#trace;
    // What happens in the other account is not for this one to see.
    this.#trace = undefined;
    try {
      return route();
    } finally {
      tail.buffer = buffer;
      tail.start = start;
      tail.end = end;
      this.#plainTail = plainTail;
      this.#trace = trace;
    }
  }

  /** The end of a message for receivers without headers. Also becomes the tail when the message has an empty header block. */
  makePlainTail(frame: PublishFrame): Buffer {
    if (this.#plainTail !== undefined) return this.#plainTail;
    const reply = frame.replyStart < 0 ? '' : ` ${frame.buffer.toString('latin1', frame.replyStart, frame.replyEnd)}`;
    const start = frame.payloadStart + Math.max(frame.headerBytes, 0);
    const head = Buffer.from(`${reply} ${frame.payloadEnd - start}\r\n`, 'latin1');
    const plain = Buffer.concat([head, frame.buffer.subarray(start, frame.payloadEnd + 2)]);
    this.#plainTail = plain;
    if (frame.headerBytes === 0) {
      this.tail.buffer = plain;
      this.tail.start = 0;
      this.tail.end = plain.length;
    }
    return plain;
  }

  /** Counts what waits; called after each hand-over, with how much more waits for that connection than at its last. */
  waits(moreBytes: number): void {
    this.pendingBytes += moreBytes;
    if (this.pendingBytes > this.limits.pendingBytesTotalMax) this.#onFull();
  }

  closing(client: Receiver): void {
    this.logger.debug('Closing a connection', {cid: client.id, user: client.user, reason: client.closeReason});
  }

  admitted(client: Receiver): void {
    this.#onAdmitted(client.id);
  }

  refused(client: Receiver, reason: string): void {
    this.refusals += 1;
    this.#onRefused(client.id);
    this.logger.warn(`Denying connection: ${reason}`, {cid: client.id, remote: client.stream.remoteAddress});
  }

  violation(client: Receiver, what: string): void {
    this.violations += 1;
    client.violationCount += 1;
    // A peer must not be able to fill our log.
    if (client.violationCount > engineLimits.violationsLoggedMax) return;
    this.logger.warn(`Refusing "${client.user}" to ${JSON.stringify(what)}`, {cid: client.id});
  }

  slowConsumer(client: Receiver, reason: CloseReason): void {
    if (client.isGone) return;
    this.slowConsumers += 1;
    const waiting = client.pendingBytes;
    client.cut(reason);
    this.logger.warn(`Cutting a slow consumer: ${reason}`, {
      cid: client.id,
      user: client.user,
      pending: waiting,
      limit: reason === closeReasons.slowPending ? this.limits.pendingBytesMax : this.limits.writeDeadlineMs,
    });
  }
}

/** A line that was written unusually is written again as it should be; the size keeps its digits. */
function rebuildTail(tail: Tail, frame: PublishFrame): void {
  const {buffer} = frame;
  const reply = frame.replyStart < 0 ? '' : ` ${buffer.toString('latin1', frame.replyStart, frame.replyEnd)}`;
  const sizes = buffer
    .toString('latin1', frame.sizeStart, frame.sizeEnd)
    .split(/[ \t]+/)
    .join(' ');
  const head = Buffer.from(`${reply} ${sizes}\r\n`, 'latin1');
  tail.buffer = Buffer.concat([head, buffer.subarray(frame.payloadStart, frame.payloadEnd + 2)]);
  tail.start = 0;
  tail.end = tail.buffer.length;
}
