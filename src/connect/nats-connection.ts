/**
 * A connection that outlives its links: subscriptions, reconnection, the buffer for what is published meanwhile, requests, drain.
 *
 * Lean on purpose: an emulator holds thousands of these in a process. No timer of its own while idle (heartbeats.ts), no closure and
 * no buffer for each message (outbox.ts). Why this and not the library: docs/design/0003-own-nats-client.md.
 */
import {sleep, type TimerHandle} from '../lib/platform.ts';
import {errorMessage} from '../lib/errors.ts';
import {hasWildcard, type WireMessage} from '../natswire/index.ts';
import {backoffMs, twentySecondBackoff} from './backoff.ts';
import {ConnectError} from './errors.ts';
import {headerBlock} from './headers.ts';
import type {Heartbeats} from './heartbeats.ts';
import {connectLimits} from './limits.ts';
import type {LinkMaker} from './links.ts';
import {moveSession} from './move.ts';
import {Refusals, refusedSubject} from './refusals.ts';
import {RequestMux} from './request-mux.ts';
import type {Session, SessionOwner} from './session.ts';
import {checkPublishSubject, checkSubscribeSubject} from './subjects.ts';
import type {
  LinkFacts,
  Connection,
  ConnectionEvents,
  ConnectionState,
  ConnectionStats,
  MiddlewareMessage,
  MiddlewareSubscription,
  PublishOptions,
} from './types.ts';

type Handler = (message: MiddlewareMessage) => void;

interface Subscription {
  readonly sid: number;
  readonly subject: string;
  readonly literal: boolean;
  readonly queue: string | undefined;
  readonly handler: Handler;
  readonly maxMessages: number | undefined;
  received: number;
}

export interface NatsConnectionOptions {
  readonly links: LinkMaker;
  readonly heartbeats: Heartbeats;
  readonly events: ConnectionEvents;
  readonly inboxPrefix: string;
}

export class NatsConnection implements Connection, SessionOwner {
  readonly #links: LinkMaker;
  readonly #heartbeats: Heartbeats;
  readonly #events: ConnectionEvents;
  readonly #inboxPrefix: string;
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #counts = {inMessages: 0, outMessages: 0, inBytes: 0, outBytes: 0, reconnects: 0};
  readonly #refusals = new Refusals();
  #state: ConnectionState = 'connected';
  #session: Session | undefined;
  /** During a move: the other broker, which also needs our subscriptions. */
  #also: Session | undefined;
  #nextSid = 1;
  #held: {readonly line: string; readonly headers: Uint8Array | undefined; readonly payload: Uint8Array}[] = [];
  #heldBytes = 0;
  #requests: RequestMux | undefined;
  #renewal: TimerHandle | undefined;
  #flushFailures: Set<(error: Error) => void> | undefined;

  constructor(session: Session, options: NatsConnectionOptions) {
    this.#links = options.links;
    this.#heartbeats = options.heartbeats;
    this.#events = options.events;
    this.#inboxPrefix = options.inboxPrefix;
    this.#use(session);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get connectedServer(): string | undefined {
    return this.#session?.server.text;
  }

  get link(): LinkFacts | undefined {
    return this.#session?.facts;
  }

  isRefused(subject: string): boolean {
    return this.#refusals.has(subject);
  }

  get stats(): ConnectionStats {
    return {...this.#counts};
  }

  publish(subject: string, payload: Uint8Array, options?: PublishOptions): void {
    this.#checkOpen('publish');
    checkPublishSubject(subject, 'publish to');
    const replyTo = options?.replyTo;
    let target = subject;
    if (replyTo !== undefined) {
      checkPublishSubject(replyTo, 'ask for replies on');
      if (subject.length + replyTo.length > connectLimits.subjectsBytesMax) {
        throw new ConnectError('ERR_SUBJECT', 'Cannot publish: subject and reply subject together are too long', {
          details: {characters: subject.length + replyTo.length},
        });
      }
      target = `${subject} ${replyTo}`;
    }
    const headers = this.#headersFor(options);
    const bytes = payload.length + (headers?.length ?? 0);
    this.#checkSize(subject, bytes);
    const line = headers === undefined ? `PUB ${target} ${bytes}` : `HPUB ${target} ${headers.length} ${bytes}`;
    const session = this.#session;
    if (session === undefined) this.#hold(line, headers, payload);
    else session.send(line, headers, payload);
    this.#counts.outMessages++;
    this.#counts.outBytes += bytes;
  }

  subscribe(
    subject: string,
    handler: Handler,
    options: {readonly queue?: string; readonly maxMessages?: number} = {},
  ): MiddlewareSubscription {
    this.#checkOpen('subscribe');
    checkSubscribeSubject(subject);
    if (options.queue !== undefined) checkPublishSubject(options.queue, 'join the queue group');
    if (this.#subscriptions.size >= connectLimits.subscriptionsMax) {
      throw new ConnectError(
        'ERR_TOO_MANY_PENDING',
        `Cannot subscribe to "${subject}": the connection has ${this.#subscriptions.size} subscriptions already`,
        {details: {subject}},
      );
    }
    const subscription: Subscription = {
      sid: this.#nextSid++,
      subject,
      literal: !hasWildcard(subject),
      queue: options.queue,
      handler,
      maxMessages: options.maxMessages,
      received: 0,
    };
    this.#subscriptions.set(subscription.sid, subscription);
    if (this.#session !== undefined) announce(this.#session, subscription);
    if (this.#also !== undefined) announce(this.#also, subscription);
    return {subject, unsubscribe: () => this.#unsubscribe(subscription)};
  }

  request(
    subject: string,
    payload: Uint8Array,
    options: Parameters<Connection['request']>[2],
  ): Promise<MiddlewareMessage> {
    this.#requests ??= new RequestMux(this, {
      clock: this.#links.clock,
      random: this.#links.random,
      inboxPrefix: this.#inboxPrefix,
    });
    return this.#requests.request(subject, payload, options);
  }

  async flush(options: {readonly timeoutMs: number}): Promise<void> {
    this.#checkOpen('flush');
    const session = this.#session;
    if (session === undefined) {
      throw new ConnectError('ERR_CONNECTION_LOST', 'Cannot flush: there is no connection to a broker at the moment');
    }
    if (session.pongsAwaited >= connectLimits.pendingFlushesMax) {
      throw new ConnectError('ERR_TOO_MANY_PENDING', `Cannot flush: ${session.pongsAwaited} flushes wait already`);
    }
    const failures = (this.#flushFailures ??= new Set());
    let fail: (error: Error) => void = () => {};
    const {clock} = this.#links;
    const {timeoutMs} = options;
    const timer = clock.setTimer(
      () =>
        fail(
          new ConnectError(
            'ERR_FLUSH_TIMEOUT',
            `The broker at ${session.server.text} did not confirm in ${timeoutMs} ms that it handled what was sent`,
            {details: {server: session.server.text, timeoutMs}},
          ),
        ),
      timeoutMs,
    );
    try {
      await new Promise<void>((resolve, reject) => {
        fail = reject;
        failures.add(reject);
        session.sendPing(resolve);
      });
    } finally {
      timer.cancel();
      failures.delete(fail);
    }
  }

  async drain(): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'draining') return;
    const session = this.#session;
    if (session !== undefined) {
      for (const subscription of this.#subscriptions.values()) session.send(`UNSUB ${subscription.sid}`);
      try {
        // What the broker sent before it handled UNSUB comes before its PONG: handlers see all of it.
        const flushed = this.flush({timeoutMs: connectLimits.drainTimeoutMs});
        this.#state = 'draining';
        await flushed;
        await this.#lastPublishes(session);
      } catch (error) {
        this.#report(error);
      }
    }
    await this.close();
  }

  close(): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve();
    this.#state = 'closed';
    this.#links.stop();
    const session = this.#session;
    this.#release();
    session?.close();
    this.#failWaiters(new ConnectError('ERR_CONNECTION_CLOSED', 'The connection was closed'));
    this.#subscriptions.clear();
    this.#held = [];
    this.#heldBytes = 0;
    this.#events.closed?.(undefined);
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // What the session tells.

  message(wire: WireMessage): void {
    const {sid, payload, headerBytes: headers} = wire;
    this.#counts.inMessages++;
    this.#counts.inBytes += payload.length + (headers?.length ?? 0);
    const subscription = this.#subscriptions.get(sid);
    if (subscription === undefined) return;
    subscription.received++;
    if (subscription.maxMessages !== undefined && subscription.received >= subscription.maxMessages) {
      this.#subscriptions.delete(sid);
    }
    try {
      // Without wildcards the subject can only be the one subscribed to; it is not read again.
      const subject = subscription.literal ? subscription.subject : wire.subject;
      subscription.handler({subject, replyTo: wire.replyTo, headers, payload});
    } catch (cause) {
      this.#report(
        new ConnectError('ERR_HANDLER', `The handler of "${subscription.subject}" threw: ${errorMessage(cause)}`, {
          cause,
          details: {subject: subscription.subject},
        }),
      );
    }
  }

  complaint(error: ConnectError): void {
    const refused = refusedSubject(error);
    if (refused !== undefined) {
      this.#refusals.add(refused.subject);
      if (refused.isPublish && this.#requests?.refused(refused.subject, error) === true) return;
    }
    this.#report(error);
  }

  ended(error: ConnectError): void {
    this.#release();
    this.#failFlushes(error);
    if (this.#state === 'closed') return;
    if (this.#state === 'draining') return;
    this.#state = 'reconnecting';
    this.#events.disconnected?.(error);
    void this.#reconnect();
  }

  /** The broker stops soon. Nothing is lost if there is another; otherwise we stay until it closes the link. */
  leaving(): void {
    const old = this.#session;
    if (old === undefined || this.#state !== 'connected') return;
    void this.#move(old).catch((error: unknown) => {
      if (!this.#links.signal.aborted) this.#report(error);
    });
  }

  async #move(old: Session): Promise<void> {
    const next = await this.#links.elsewhere(old.server.text);
    if (next !== undefined) await this.#moveTo(next, {old, why: 'which is about to stop'});
  }

  async #moveTo(next: Session, {old, why}: {readonly old: Session; readonly why: string}): Promise<void> {
    const {logger, clock} = this.#links;
    if (this.#session !== old || this.#state !== 'connected') {
      next.close();
      return;
    }
    await moveSession({
      clock,
      old,
      next,
      owner: this,
      announce: (session) => {
        for (const subscription of this.#subscriptions.values()) announce(session, subscription);
        this.#also = session;
      },
      withdraw: (session) => {
        this.#also = undefined;
        for (const {sid} of this.#subscriptions.values()) session.send(`UNSUB ${sid}`);
      },
      use: (session) => {
        if (this.#isClosed()) return;
        // Both hear of new subscriptions until the old one has lost its own.
        this.#also = old;
        this.#session = session;
        this.#counts.reconnects++;
        this.#renewLater();
        logger.info(`Moved from ${old.server.text}, ${why}, to ${session.server.text}`);
        this.#events.reconnected?.(session.server.text);
      },
    });
    this.#also = undefined;
    if (this.#session === undefined || this.#isClosed()) next.close();
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** From the wheel: time for a PING. */
  beat(): void {
    this.#session?.beat();
  }

  async #reconnect(): Promise<void> {
    const {clock, random, signal, logger} = this.#links;
    for (let pass = 0; this.#state === 'reconnecting'; pass++) {
      const waitMs = backoffMs(twentySecondBackoff, pass, random);
      logger.info(`Sleeping ${waitMs}ms till the next reconnection attempt`);
      try {
        await sleep(clock, waitMs, {signal});
        const session = await this.#links.pass();
        if (this.#state !== 'reconnecting') {
          session.close();
          return;
        }
        this.#resume(session);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#report(error);
      }
    }
  }

  #resume(session: Session): void {
    this.#counts.reconnects++;
    this.#refusals.clear();
    for (const subscription of this.#subscriptions.values()) announce(session, subscription);
    for (const {line, headers, payload} of this.#held) session.send(line, headers, payload);
    this.#held = [];
    this.#heldBytes = 0;
    this.#state = 'connected';
    this.#use(session);
    this.#events.reconnected?.(session.server.text);
  }

  #use(session: Session): void {
    this.#session = session;
    session.adopt(this);
    this.#heartbeats.add(this);
    this.#renewLater();
  }

  /** The broker cuts a connection when its token ends: with a renewed one we are on another before, and nothing is lost. */
  #renewLater(): void {
    this.#renewal?.cancel();
    const {clock, expiresAtMs, random} = this.#links;
    if (expiresAtMs === undefined) return;
    // Not everybody in one moment, where many were given tokens together.
    const leadMs = connectLimits.renewLeadMs * (0.5 + random.float() / 2);
    const again = (delayMs: number): void => {
      this.#renewal = clock.setTimer(() => void this.#renew(expiresAtMs, {leadMs, again}), delayMs, {background: true});
    };
    again(renewDelayMs(expiresAtMs - leadMs - clock.nowMs()));
  }

  async #renew(
    expiresAtMs: number,
    {leadMs, again}: {readonly leadMs: number; readonly again: (delayMs: number) => void},
  ): Promise<void> {
    const {clock, signal} = this.#links;
    const old = this.#session;
    // After a reconnection the timer of the new session counts.
    if (old === undefined || this.#state !== 'connected') return;
    const leftMs = expiresAtMs - clock.nowMs();
    if (leftMs > leadMs) {
      again(renewDelayMs(leftMs - leadMs));
      return;
    }
    try {
      const next = await this.#links.renewed(expiresAtMs);
      if (next !== undefined) await this.#moveTo(next, {old, why: 'whose token ends soon'});
      else if (leftMs > 0) again(connectLimits.renewRetryMs);
    } catch (error) {
      if (!signal.aborted) this.#report(error);
    }
  }

  #release(): void {
    this.#session = undefined;
    this.#renewal?.cancel();
    this.#heartbeats.remove(this);
  }

  #unsubscribe(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription.sid)) return;
    this.#session?.send(`UNSUB ${subscription.sid}`);
    this.#also?.send(`UNSUB ${subscription.sid}`);
  }

  #hold(line: string, headers: Uint8Array | undefined, payload: Uint8Array): void {
    const bytes = line.length + (headers?.length ?? 0) + payload.length + 4;
    if (this.#heldBytes + bytes > connectLimits.reconnectBufferBytesMax) {
      throw new ConnectError(
        'ERR_RECONNECT_BUFFER_FULL',
        `Cannot publish: there is no connection to a broker and the buffer of ${connectLimits.reconnectBufferBytesMax} bytes is full`,
        {details: {heldBytes: this.#heldBytes, bytes}},
      );
    }
    this.#heldBytes += bytes;
    this.#held.push({line, headers, payload: Uint8Array.from(payload)});
  }

  #headersFor(options: PublishOptions | undefined): Buffer | undefined {
    if (options === undefined) return undefined;
    const {headers, headerBlock: block} = options;
    if (headers === undefined && block === undefined) return undefined;
    if (options.headersOptional === true && this.#session?.brokerInfo.headers !== true) return undefined;
    return block ?? headerBlock(headers ?? {});
  }

  #checkOpen(verb: string): void {
    if (this.#state === 'closed' || (this.#state === 'draining' && verb === 'subscribe')) {
      throw new ConnectError('ERR_CONNECTION_CLOSED', `Cannot ${verb}: the connection is ${this.#state}`);
    }
  }

  #checkSize(subject: string, bytes: number): void {
    const session = this.#session;
    const limit = session?.brokerInfo.maxPayloadBytes ?? connectLimits.defaultMaxPayloadBytes;
    if (bytes > limit) {
      throw new ConnectError(
        'ERR_PAYLOAD_TOO_LARGE',
        `Cannot publish ${bytes} bytes to "${subject}": the broker accepts at most ${limit}`,
        {details: {subject, bytes, limit}},
      );
    }
    if (session !== undefined && session.queuedBytes + bytes > connectLimits.writeQueueBytesMax) {
      throw new ConnectError(
        'ERR_WRITE_QUEUE_FULL',
        `Cannot publish to "${subject}": ${session.queuedBytes} bytes wait for the broker at ${session.server.text} already`,
        {details: {subject, queuedBytes: session.queuedBytes}},
      );
    }
  }

  /** Handlers may have published while the drain went on. */
  async #lastPublishes(session: Session): Promise<void> {
    if (this.#session !== session) return;
    await this.flush({timeoutMs: connectLimits.drainTimeoutMs});
  }

  #failWaiters(error: Error): void {
    this.#failFlushes(error);
    this.#requests?.fail(error);
  }

  #failFlushes(error: Error): void {
    for (const fail of this.#flushFailures ?? []) fail(error);
    this.#flushFailures = undefined;
  }

  #report(error: unknown): void {
    this.#events.error?.(error instanceof Error ? error : new Error(String(error)));
  }
}

function announce(session: Session, subscription: Subscription): void {
  const {sid, subject, queue, maxMessages, received} = subscription;
  session.send(queue === undefined ? `SUB ${subject} ${sid}` : `SUB ${subject} ${queue} ${sid}`);
  if (maxMessages !== undefined) session.send(`UNSUB ${sid} ${Math.max(1, maxMessages - received)}`);
}

/** Timers of more than 24 days fire at once, and the clock of a machine may be set meanwhile. */
function renewDelayMs(delayMs: number): number {
  return Math.min(Math.max(delayMs, connectLimits.renewRetryMs), connectLimits.renewTimerMsMax);
}
