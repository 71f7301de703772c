/**
 * One connection of the embedded engine: the rules of the NATS protocol between the parser and the account.
 *
 * Texts from the peer are latin1 (one character for each byte), so that every byte goes out as it came in. Rules and texts: nats-server's
 * client protocol; vectors: broker/nats.
 */
import type {ByteStream} from '../../lib/network.ts';
import {
  encodeError,
  encodeInfo,
  isSubscribeSubject,
  type PublishFrame,
  type ServerHandler,
  ServerParser,
  WebSocketStream,
  WireError,
  wireOk,
  wirePing,
  wirePong,
} from '../../natswire/index.ts';
import type {CredentialFacts} from '../../crypto/index.ts';
import type {Admission, AuthDecision, ConnectFields, ConnectionFacts} from '../authentication/types.ts';
import {engineLimits} from '../limits.ts';
import {CompiledPermissions, type Permissions} from '../permissions.ts';
import type {Account, SubjectEntry} from './account.ts';
import {type ConnectOptions, defaultConnectOptions, parseConnect} from './connect-options.ts';
import type {EngineCore} from './core.ts';
import {Output} from './output.ts';
import {answerOnly} from './own-message.ts';
import type {Receiver, RoutedSubject, SubscriptionState, TracedDelivery} from './parts.ts';
import {rewritten} from './rewritten.ts';
import {servicePermission} from '../interest/rights.ts';
import {AllowedResponses} from './responses.ts';
import {type CloseReason, closeReasons, errorTexts, webSocketCloseCode} from './reasons.ts';
import {Subscription} from './subscription.ts';
import type {TraceSink} from './trace-sink.ts';
import {mentionsTrace, publishTraced, traceDelivery} from './trace.ts';
import {publishViolation, replyViolation, subscribeViolation, withdrawalText} from './violations.ts';

/** What the server itself uses to find the way back. */
const reservedReplies = ['_R_.', '_GR_.', '$GR.', '$JS.ACK.'];
/** The queue group in which servers of one system share their work. */
const reservedQueue = '_sys_';
const underscore = 95;
const dollar = 36;

export class ClientConnection implements ServerHandler, Receiver {
  readonly id: number;
  readonly stream: ByteStream;
  readonly kind: 'client' | 'websocket';
  readonly connectedAtMs: number;
  readonly nonce: string | undefined;
  options: ConnectOptions = defaultConnectOptions;
  user = '';
  account: Account;
  isAuthenticated = false;
  hasConnected = false;
  isClosing = false;
  isGone = false;
  /** Most of what may wait for it is waiting: publishers are slowed down. */
  isCongested = false;
  closeReason: CloseReason | undefined = undefined;
  /** Monotonic times of the engine's clock, looked after by its sweep. */
  lastInboundMs: number;
  nextPingMs: number;
  pingsOut = 0;
  hasPinged = false;
  expiresAtMs = Infinity;
  closingSinceMs = Infinity;
  authDeadlineMs = Infinity;
  /** A hand-over that has not finished: since when, and what must have left for it to be. */
  blockedSinceMs = Infinity;
  blockedUntilBytes = 0;
  inMessages = 0;
  outMessages = 0;
  inBytes = 0;
  outBytes = 0;
  /** The connections that caused bytes for this one are slowed by this flag of theirs. */
  mustRest = false;
  violationCount = 0;
  readonly subscriptions = new Map<string, Subscription>();
  permissions: CompiledPermissions | undefined = undefined;
  /** By what it can be revoked. */
  credential: CredentialFacts | undefined = undefined;
  /** What it said of itself, where that holds a secret: changed settings are held against it. Nobody else reads it. */
  claims: ConnectFields | undefined = undefined;
  /** As the authenticator gave them, for whoever asks. */
  granted: Permissions | undefined = undefined;
  /** The last measured round trip; before a PONG the time from the connection to CONNECT. */
  roundTripMs = 0;
  /** What it was subscribed to when it ended, for monitoring: how many, and the first of them. */
  subscriptionsAtEnd: {readonly count: number; readonly first: readonly Subscription[]} = {count: 0, first: []};
  #pingSentMs = 0;
  readonly #core: EngineCore;
  readonly #parser: ServerParser;
  readonly #output: Output;
  #lastEntry: SubjectEntry | undefined = undefined;
  #allowedEntry: SubjectEntry | undefined = undefined;
  #responses: AllowedResponses | undefined = undefined;
  #hasAnsweredConnected = false;
  /** What was waiting at the last hand-over. */
  #countedBytes = 0;

  constructor(
    core: EngineCore,
    stream: ByteStream,
    facts: {readonly id: number; readonly kind: 'client' | 'websocket'; readonly nonce: string | undefined},
  ) {
    this.id = facts.id;
    this.kind = facts.kind;
    this.nonce = facts.nonce;
    this.stream = stream;
    this.#core = core;
    this.account = core.defaultAccount;
    const now = core.clock.monotonicMs();
    this.connectedAtMs = now;
    this.lastInboundMs = now;
    this.nextPingMs = now + Math.min(engineLimits.firstPingMs, core.limits.pingIntervalMs);
    this.#output = new Output(this, core.pool);
    this.#parser = new ServerParser(this, core.limits);
    this.#parser.isConnectRequired = core.authenticator !== undefined;
    this.#parser.areHeadersAllowed = false;
  }

  get pendingBytes(): number {
    return this.#output.collectedBytes + this.stream.queuedBytes;
  }

  /** Begins to serve: the stream is plain, or its handshake is done. */
  start(): void {
    if (this.isClosing || this.isGone) return;
    this.stream.onData = (chunk) => this.#receive(chunk);
    if (this.#core.authenticator === undefined) {
      this.isAuthenticated = true;
    } else {
      this.authDeadlineMs = this.#core.clock.monotonicMs() + this.#core.limits.authTimeoutMs;
    }
  }

  send(data: Buffer): void {
    if (this.isGone) return;
    this.#output.write(data);
  }

  sendError(text: string): void {
    this.send(encodeError(text));
  }

  sendInfo(extra: Readonly<Record<string, unknown>>): void {
    this.send(encodeInfo({...this.#core.infoFor(this), ...extra}));
  }

  /** Tells the peer why (when there is a text), sends what is queued and closes. */
  close(reason: CloseReason, text?: string): void {
    if (this.isClosing || this.isGone) return;
    if (text !== undefined) this.sendError(text);
    this.isClosing = true;
    this.closeReason = reason;
    this.closingSinceMs = this.#core.clock.monotonicMs();
    this.#parser.stop();
    this.dropSubscriptions();
    this.#core.closing(this);
    this.#output.flush();
    if (this.stream instanceof WebSocketStream) this.stream.prepareGoodbye(webSocketCloseCode(reason), reason);
    this.stream.end();
  }

  /** Closes without another byte: the peer does not read, or is not there. */
  cut(reason: CloseReason): void {
    if (this.isGone) return;
    this.closeReason ??= reason;
    this.isClosing = true;
    this.#parser.stop();
    this.#output.drop();
    this.dropSubscriptions();
    this.#uncount();
    this.stream.destroy();
  }

  /** The stream is gone. */
  gone(): void {
    this.isGone = true;
    this.#uncount();
    this.isClosing = true;
    this.#parser.stop();
    this.#output.drop();
    this.dropSubscriptions();
  }

  /** Corrects what is counted as waiting, and returns it. */
  recount(): number {
    if (!this.isClosing) this.#countedBytes = this.stream.queuedBytes;
    return this.#countedBytes;
  }

  #uncount(): void {
    const counted = this.#countedBytes;
    this.#countedBytes = 0;
    this.#core.waits(-counted);
  }

  dropSubscriptions(): void {
    const all = [...this.subscriptions.values()];
    for (const subscription of all) this.#core.forget(this.account, subscription);
    this.subscriptions.clear();
    if (this.isClosing && all.length > 0) {
      this.subscriptionsAtEnd = {count: all.length, first: all.slice(0, engineLimits.closedSubjectsMax)};
    }
  }

  onHandedOver(): void {
    const waiting = this.stream.queuedBytes;
    const {pendingBytesMax} = this.#core.limits;
    if (waiting !== this.#countedBytes) {
      const before = this.#countedBytes;
      this.#countedBytes = waiting;
      this.#core.waits(waiting - before);
      if (this.isGone) return;
    }
    if (waiting > pendingBytesMax) this.#core.slowConsumer(this, closeReasons.slowPending);
    else this.isCongested = waiting > pendingBytesMax * engineLimits.stallShare;
  }

  onConnect(json: Buffer): void {
    const options = parseConnect(json, {...this.options, ...this.claims});
    if (options === undefined) {
      this.close(closeReasons.protocolViolation);
      return;
    }
    // Who it is from now on has neither the subscriptions nor the requests of who it was.
    if (this.hasConnected) this.dropSubscriptions();
    this.#responses = undefined;
    if (options.isAccountNamed) {
      this.#refuse('the connection asks for an account by name');
      return;
    }
    const {authenticator} = this.#core;
    if (authenticator === undefined) {
      this.#connected(options);
      return;
    }
    this.isAuthenticated = false;
    const decision = authenticator.authenticate(this.facts, options);
    if (!(decision instanceof Promise)) {
      this.#decided(options, decision);
      return;
    }
    this.#parser.suspend();
    this.stream.pause();
    decision.then(
      (result) => this.#decidedLater(options, result),
      (error: unknown) => {
        this.#core.logger.error('Could not authenticate a connection', {cid: this.id, error: String(error)});
        this.#refuse('the authentication failed');
      },
    );
  }

  /** What is known of it apart from what it says. */
  get facts(): ConnectionFacts {
    return {
      clientId: this.id,
      kind: this.kind,
      remoteAddress: this.stream.remoteAddress,
      tls: this.stream.tls,
      nonce: this.nonce,
    };
  }

  onPublish(frame: PublishFrame): void {
    if (frame.headerBytes <= 0 || !mentionsTrace(frame)) this.#publish(frame);
    else publishTraced(this.#core, {client: this, frame, publish: () => this.#publish(frame)});
  }

  #publish(frame: PublishFrame): void {
    const core = this.#core;
    const size = frame.payloadEnd - frame.payloadStart;
    this.inMessages += 1;
    this.inBytes += size;
    core.inMessages += 1;
    core.inBytes += size;
    let entry = this.#lastEntry;
    if (entry === undefined || !entry.isSubjectOf(frame)) {
      entry = this.account.entryOf(frame);
      this.#lastEntry = entry;
    }
    if (this.options.isPedantic && !entry.isLiteral) this.sendError(errorTexts.invalidPublishSubject);
    if (entry.mappedTo === undefined) this.#routePublished(entry, frame);
    else this.#publishMapped(entry.mappedTo, frame);
  }

  #publishMapped(subject: string, frame: PublishFrame): void {
    const reply = frame.replyStart < 0 ? undefined : frame.buffer.toString('latin1', frame.replyStart, frame.replyEnd);
    const mapped = rewritten(frame, {subject, reply});
    this.#core.trace?.add({type: 'sm', to: subject});
    this.#routePublished(this.account.entryOf(mapped), mapped);
  }

  #routePublished(entry: SubjectEntry, frame: PublishFrame): void {
    if (entry !== this.#allowedEntry && !this.#mayPublish(entry)) {
      this.#refusePublish(publishViolation(entry.text));
      return;
    }
    if (frame.replyStart >= 0 && !this.#mayReplyTo(frame)) return;
    if (this.options.isVerbose) this.send(wireOk);
    this.#core.route(this, this.account.matchOf(entry), entry, frame);
  }

  onSubscribe(wanted: {readonly subject: string; readonly queue: string | undefined; readonly sid: string}): void {
    const {subject, queue, sid} = wanted;
    if (queue === reservedQueue || this.permissions?.maySubscribe(subject, queue) === false) {
      this.sendError(subscribeViolation(wanted));
      this.#core.violation(this, `subscribe to "${subject}"`);
      return;
    }
    if (this.subscriptions.size >= this.#core.limits.subscriptionsMax) {
      this.sendError(errorTexts.tooManySubscriptions);
      return;
    }
    if (!this.subscriptions.has(sid)) {
      if (!isSubscribeSubject(subject)) {
        this.sendError(errorTexts.invalidSubject);
        return;
      }
      const isFiltered = this.permissions?.needsFilter(subject, queue) ?? false;
      const subscription = new Subscription(this, {subject, queue, sid, isFiltered});
      this.subscriptions.set(sid, subscription);
      this.account.subscriptions.insert(subject, subscription, queue);
      this.#core.subscriptionCount += 1;
    }
    if (this.options.isVerbose) this.send(wireOk);
  }

  onUnsubscribe(sid: string, max: number | undefined): void {
    const subscription = this.subscriptions.get(sid);
    if (subscription !== undefined) {
      if (max === undefined || max === 0 || subscription.delivered >= max) this.#unsubscribe(subscription);
      else subscription.max = max;
    }
    if (this.options.isVerbose) this.send(wireOk);
  }

  onPing(): void {
    this.hasPinged = true;
    this.send(wirePong);
    if (this.#hasAnsweredConnected || !this.hasConnected) return;
    this.#hasAnsweredConnected = true;
    if (this.options.protocol < 1) return;
    const isSystem = this.account === this.#core.systemAccount;
    this.sendInfo({
      connect_info: true,
      remote_account: this.account.name,
      ...(isSystem ? {acc_is_sys: true} : {}),
    });
  }

  onPong(): void {
    this.pingsOut = 0;
    if (this.#pingSentMs > 0) this.roundTripMs = this.#core.clock.monotonicMs() - this.#pingSentMs;
    this.#pingSentMs = 0;
  }

  sendPing(): void {
    this.pingsOut += 1;
    this.#pingSentMs = this.#core.clock.monotonicMs();
    this.send(wirePing);
  }

  /**
   * Gives this connection one message. `tail` is what follows the subscription id.
   * Returns false when the message may or can not be given to it.
   */
  deliver(subscription: SubscriptionState, publisher: Receiver, entry: RoutedSubject, frame: PublishFrame): boolean {
    if (subscription.isClosed || this.isClosing) return false;
    if (publisher === this && !this.options.isEcho) return false;
    if (subscription.isFiltered && this.permissions?.mayReceive(entry.text, subscription.queue) === false) return false;
    const core = this.#core;
    const size = frame.payloadEnd - frame.payloadStart;
    subscription.delivered += 1;
    this.outMessages += 1;
    this.outBytes += size;
    core.outMessages += 1;
    core.outBytes += size;
    if (frame.headerBytes <= 0) {
      const {tail} = core;
      if (frame.headerBytes === 0) core.makePlainTail(frame);
      this.#output.writeMessage(entry.head, subscription.sid, tail.buffer, tail.start, tail.end);
    } else if (this.options.hasHeaders) {
      const {tail} = core;
      this.#output.writeMessage(entry.headWithHeaders, subscription.sid, tail.buffer, tail.start, tail.end);
    } else {
      const plain = core.makePlainTail(frame);
      this.#output.writeMessage(entry.head, subscription.sid, plain, 0, plain.length);
    }
    if (this.isCongested) publisher.mustRest = true;
    if (this.permissions?.allowResponses !== undefined && frame.replyStart >= 0) this.#allowResponse(frame);
    if (subscription.max > 0 && subscription.delivered >= subscription.max) this.#unsubscribe(subscription);
    return true;
  }

  trace(trace: TraceSink, delivery: TracedDelivery): boolean {
    return traceDelivery(trace, this, delivery);
  }

  /** Nobody got a request of this connection: tells it at once, when it asked for that and listens for the answer. */
  answerNoResponders(entry: RoutedSubject, frame: PublishFrame): void {
    if (!this.options.wantsNoResponders || frame.replyStart < 0) return;
    const reply = frame.buffer.toString('latin1', frame.replyStart, frame.replyEnd);
    const {plain} = this.account.subscriptions.matchOnce(reply);
    const subscription = plain.find(({client}) => client === this);
    if (subscription === undefined) return;
    const block = `NATS/1.0 503\r\nNats-Subject: ${entry.text}\r\n\r\n`;
    this.send(
      Buffer.from(`HMSG ${reply} ${subscription.sid} ${block.length} ${block.length}\r\n${block}\r\n`, 'latin1'),
    );
  }

  answer(subject: string, payload: Buffer): void {
    if (!this.isClosing) answerOnly(this.#core, {client: this, account: this.account, subject, payload});
  }

  #receive(chunk: Buffer): void {
    this.lastInboundMs = this.#core.clock.monotonicMs();
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#parseFailed(error);
    }
    if (this.mustRest) this.#rest();
  }

  #parseFailed(error: WireError): void {
    switch (error.code) {
      case 'ERR_WIRE_CONNECT_FIRST':
        this.#refuse('it sent an operation before CONNECT');
        return;
      case 'ERR_WIRE_CONTROL_LINE_TOO_LONG':
        this.close(closeReasons.controlLineExceeded, errorTexts.controlLine);
        return;
      case 'ERR_WIRE_PAYLOAD_TOO_LARGE':
        this.close(closeReasons.payloadExceeded, errorTexts.payload);
        return;
      case 'ERR_WIRE_UNKNOWN_OPERATION':
        this.close(closeReasons.parseError, errorTexts.unknownOperation);
        return;
      case 'ERR_WIRE_PEER_ERROR':
        this.close(closeReasons.parseError);
        return;
      default:
        this.close(closeReasons.protocolViolation);
    }
  }

  /** Reads nothing for a moment, so that a slow recipient can catch up. */
  #rest(): void {
    this.mustRest = false;
    if (this.isClosing) return;
    this.#core.stalls += 1;
    this.stream.pause();
    this.#core.clock.setTimer(() => this.stream.resume(), engineLimits.stallMs);
  }

  #decidedLater(options: ConnectOptions, decision: AuthDecision): void {
    if (this.isClosing) return;
    this.#decided(options, decision);
    if (this.isClosing) return;
    this.stream.resume();
    try {
      this.#parser.resume();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#parseFailed(error);
    }
  }

  #decided(options: ConnectOptions, decision: AuthDecision): void {
    if (!decision.isAdmitted) {
      this.#refuse(decision.reason);
      return;
    }
    const account = this.#core.accountOf(decision.account);
    if (account === undefined) {
      this.#refuse(`there is no account "${decision.account}"`);
      return;
    }
    this.grant(decision);
    if (account !== this.account) {
      this.account.connectionCount -= 1;
      account.connectionCount += 1;
      this.account = account;
    }
    this.#connected(options);
  }

  #connected(options: ConnectOptions): void {
    if (options.protocol !== 0 && options.protocol !== 1) {
      this.close(closeReasons.badProtocolVersion, errorTexts.invalidProtocol);
      return;
    }
    if (options.wantsNoResponders && !options.hasHeaders) {
      this.close(closeReasons.noRespondersNeedsHeaders, errorTexts.noRespondersNeedsHeaders);
      return;
    }
    const hasSecret = [options.password, options.authToken, options.jwt, options.signature].some((text) => text);
    this.claims = hasSecret ? options : undefined;
    this.options = {...options, password: undefined, authToken: undefined, jwt: undefined, signature: undefined};
    this.hasConnected = true;
    this.isAuthenticated = true;
    this.authDeadlineMs = Infinity;
    this.#lastEntry = undefined;
    this.#allowedEntry = undefined;
    this.#parser.isConnectRequired = false;
    this.#parser.areHeadersAllowed = options.hasHeaders;
    if (options.isVerbose) this.send(wireOk);
    this.roundTripMs = this.#core.clock.monotonicMs() - this.connectedAtMs;
    this.#core.admitted(this);
  }

  /** Takes what it may do. */
  grant(admission: Admission): void {
    this.user = admission.user;
    this.granted = admission.permissions;
    this.permissions = admission.permissions === undefined ? undefined : new CompiledPermissions(admission.permissions);
    this.credential = admission.credential;
    this.expiresAtMs = admission.expiresAtMs ?? Infinity;
    this.#allowedEntry = undefined;
  }

  /** Takes a subscription back that it may not have any more, and says so. */
  withdraw(subscription: Subscription): void {
    this.sendError(withdrawalText(subscription));
    this.#unsubscribe(subscription);
  }

  #refuse(reason: string): void {
    this.#core.refused(this, reason);
    this.close(closeReasons.authenticationFailure, errorTexts.authorization);
  }

  #mayPublish(entry: SubjectEntry): boolean {
    if (entry.isReserved) return false;
    if (this.permissions === undefined || this.permissions.mayPublish(servicePermission(entry.text))) {
      this.#allowedEntry = entry;
      return true;
    }
    if (this.#responses?.take(entry.text, this.#core.clock.monotonicMs()) === true) return true;
    this.#core.violation(this, `publish to "${entry.text}"`);
    return false;
  }

  #refusePublish(text: string): void {
    const {trace} = this.#core;
    if (trace !== undefined) trace.ingressError = text;
    this.sendError(text);
  }

  /** Replies that the server itself uses to find its way are not for clients. */
  #mayReplyTo(frame: PublishFrame): boolean {
    const first = frame.buffer[frame.replyStart];
    if (first !== underscore && first !== dollar) return true;
    const reply = frame.buffer.toString('latin1', frame.replyStart, frame.replyEnd);
    if (!reservedReplies.some((prefix) => reply.startsWith(prefix))) return true;
    this.#refusePublish(replyViolation(reply));
    return false;
  }

  #unsubscribe(state: SubscriptionState): void {
    const subscription = this.subscriptions.get(state.sid);
    if (subscription === undefined) return;
    this.#core.forget(this.account, subscription);
    this.subscriptions.delete(subscription.sid);
  }

  #allowResponse(frame: PublishFrame): void {
    const rule = this.permissions?.allowResponses;
    if (rule === undefined) return;
    const reply = frame.buffer.toString('latin1', frame.replyStart, frame.replyEnd);
    const nowMs = this.#core.clock.monotonicMs();
    // As in nats-server, a second request that wants its answer at the same place uses up one of the answers to the first.
    if (this.permissions?.mayPublish(reply) === true || this.#responses?.take(reply, nowMs) === true) return;
    this.#responses ??= new AllowedResponses();
    this.#responses.allow(reply, {...rule, nowMs});
  }
}
