/**
 * What happens to a message between the connection and the agent, in the reference's order (server.md 6, protocol.md 5).
 *
 * Every message ends in exactly one of: answered, silent by the agent's wish, or refused with a counter and a log line. Nothing waits
 * without a bound, and callers take turns. What ours adds to the reference: a request runs once in its life (the guard), replies go to
 * inboxes only, lives have a ceiling, concurrency is bounded.
 */
import {CryptoError, provenCredential} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import type {Clock} from '../lib/platform.ts';
import {
  checkCollective,
  checkReplySubject,
  checkTtl,
  decodeAgain,
  openRequest,
  openTransport,
  ProtocolError,
  type Request,
  resentMark,
  type Transport,
  wantsNotes,
} from '../protocol/index.ts';
import type {Agent} from '../rpc/types.ts';
import {createFairQueue, type FairQueue} from './fair-queue.ts';
import {createDispatcher, type Dispatcher} from './dispatcher.ts';
import {serverLimits} from './limits.ts';
import {createNoteWriter, type NoteWriter} from './notes.ts';
import {expiredText, type Opened, type PipelineOptions} from './pipeline-types.ts';
import {createRefusalLog, type RefusalLog} from './refusal-log.ts';
import type {SentReply} from './sent-replies.ts';
import type {ServerCounter} from './statistics.ts';

interface Received {
  readonly payload: Buffer;
  readonly wantsNotes: boolean;
  readonly isAgain: boolean;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #refusals: RefusalLog;
  readonly #judging: FairQueue;
  readonly #dispatcher: Dispatcher;
  readonly #notes: NoteWriter;
  #inbox: Received[] = [];
  #inboxBytes = 0;
  #pumping = false;
  #stopped = false;

  constructor(options: PipelineOptions) {
    const {node} = options;
    this.#options = options;
    this.#clock = node.platform.clock;
    this.#logger = node.logger;
    this.#refusals = createRefusalLog({logger: node.logger, clock: this.#clock});
    this.#judging = createFairQueue({
      concurrency: serverLimits.judgingConcurrency,
      waitingMax: serverLimits.judgingMax,
      waitingPerOwnerMax: serverLimits.judgingPerCallerMax,
      failed: (error) => this.#logger.error(`Could not judge a request: ${errorMessage(error)}`),
    });
    this.#notes = createNoteWriter(options);
    this.#dispatcher = createDispatcher({...options, refusals: this.#refusals, notes: this.#notes});
  }

  /** Takes one message; never throws. */
  receive(payload: Buffer, headers?: Buffer): void {
    this.#options.counters.add('total');
    if (this.#stopped) {
      this.#refuse('refused', 'stopping', 'Refused a message: the server stops');
      return;
    }
    if (
      this.#inbox.length >= serverLimits.inboxMessagesMax ||
      this.#inboxBytes + payload.length > serverLimits.inboxBytesMax
    ) {
      this.#refuse('refused', 'inbox', `Refused a message: ${this.#inbox.length} messages wait to be opened already`);
      return;
    }
    const inside = decodeAgain(payload);
    const message = inside ?? payload;
    this.#inbox.push({payload: message, wantsNotes: wantsNotes(headers), isAgain: inside !== undefined});
    this.#inboxBytes += message.length;
    if (!this.#pumping) this.#pump();
  }

  /** Lets what runs end for `graceMs`, then tells it to stop. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    const forgotten = this.#inbox.length + this.#judging.close();
    this.#inbox = [];
    this.#inboxBytes = 0;
    for (let count = 0; count < forgotten; count++) this.#options.counters.add('refused');
    if (forgotten > 0) this.#logger.warn(`Refused ${forgotten} requests that waited when the server stopped`);
    await this.#dispatcher.stop(graceMs);
  }

  /** Opens messages in the order they came; gives the event loop back when it took long. */
  #pump(): void {
    this.#pumping = true;
    const endMs = this.#clock.monotonicMs() + serverLimits.turnMs;
    let next = 0;
    for (let received = this.#inbox[0]; received !== undefined; received = this.#inbox[next]) {
      next++;
      this.#inboxBytes -= received.payload.length;
      this.#open(received);
      if (this.#clock.monotonicMs() >= endMs) break;
    }
    this.#inbox = this.#inbox.slice(next);
    if (this.#inbox.length === 0) {
      this.#pumping = false;
      return;
    }
    this.#clock.setTimer(() => this.#pump(), 0);
  }

  #open(received: Received): void {
    let opened: Opened;
    let transport: Transport | undefined;
    const {payload, wantsNotes, isAgain} = received;
    try {
      transport = this.#options.transportCache?.open(payload) ?? openTransport(payload);
      const {request, proven} = openRequest(transport, {
        provider: this.#options.provider,
        nowMs: this.#clock.nowMs(),
        ...(this.#options.requestCache === undefined ? {} : {cache: this.#options.requestCache}),
      });
      const revoked = this.#options.revocations?.reasonFor(provenCredential(proven));
      if (revoked !== undefined) throw new CryptoError('ERR_CALLER_NOT_ALLOWED', revoked);
      const known = {transport, request, wantsNotes, isAgain};
      opened = proven.claims === undefined ? known : {...known, claims: proven.claims};
    } catch (error) {
      if (transport !== undefined) this.#notes.write({transport, wantsNotes}, refusalReason(error));
      this.#refuse('unvalidated', 'open', `Could not decode incoming request: ${errorMessage(error)}`);
      return;
    }
    const {request} = opened;
    if (this.#judging.offer(request.callerId, () => this.#judge(opened))) return;
    this.#refuse(
      'refused',
      `judging ${request.callerId}`,
      `Refused request ${request.id} from ${request.callerId}@${request.senderId}: ${this.#judging.waiting} requests wait already`,
    );
    this.#notes.write(opened, 'busy');
  }

  /** Ends at once for a filter and a memory that need no waiting, as of a ping: it is done within the turn in which it came. */
  #judge(opened: Opened): Promise<void> | undefined {
    const {request} = opened;
    let verdict: Promise<boolean> | boolean;
    try {
      verdict = this.#options.matches(request.filter, request);
    } catch (error) {
      verdict = Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    if (verdict === true) return this.#accept(opened);
    return this.#afterFilter(opened, verdict);
  }

  async #afterFilter(opened: Opened, verdict: Promise<boolean> | boolean): Promise<void> {
    if (await this.#passesFilter(opened.request, verdict)) await this.#accept(opened);
    else this.#notes.write(opened, 'filtered');
  }

  #accept(opened: Opened): Promise<void> | undefined {
    const {transport, request} = opened;
    const {counters, node, ttlCeilingSeconds, extraReplySubjects} = this.#options;
    counters.add('passed');
    try {
      checkCollective(request, node.collectives);
      checkReplySubject(transport, extraReplySubjects === undefined ? {} : {extraSubjects: extraReplySubjects});
      checkTtl(request, {nowMs: this.#clock.nowMs(), ttlCeilingSeconds});
    } catch (error) {
      this.#refuseChecked(opened, error);
      return undefined;
    }
    counters.add('validated');
    counters.messageAt(this.#clock.nowMs());
    const agent = this.#options.registry.get(request.agent);
    if (agent === undefined) {
      this.#refusals.write(`agent ${request.agent}`, {
        level: 'error',
        message: `Received a message for agent ${request.agent} that does not exist, discarding`,
        fields: {request: request.id, caller: request.callerId},
      });
      this.#notes.write(opened, 'no-agent');
      return undefined;
    }
    return this.#admit(agent, opened);
  }

  async #passesFilter(request: Request, verdict: Promise<boolean> | boolean): Promise<boolean> {
    try {
      if (await verdict) return true;
      if (this.#logger.isEnabled('debug')) {
        this.#logger.debug(`Skipping message ${request.id} that does not match local properties`);
      }
    } catch (error) {
      // A filter that cannot be judged matches nothing: it must never widen to everything.
      this.#refusals.write(`filter ${request.callerId}`, {
        level: 'warn',
        message: `Skipping message ${request.id}: its filter could not be judged: ${errorMessage(error)}`,
        fields: {request: request.id, caller: request.callerId},
      });
    }
    this.#options.counters.add('filtered');
    return false;
  }

  /** Hands a request that is here for the first time to its agent. */
  #admit(agent: Agent, opened: Opened): Promise<void> | undefined {
    const {request} = opened;
    let remembered: Promise<void> | undefined;
    try {
      // Telling who is there has no effect, so it may happen again after a restart; the disk is spared.
      remembered = this.#options.guard.admitNow(request, {durable: request.agent !== 'discovery'});
    } catch (error) {
      this.#refuseAdmission(opened, error);
      return undefined;
    }
    const dispatch = (): void => this.#dispatcher.dispatch(agent, opened);
    if (remembered !== undefined) return remembered.then(dispatch, (error) => this.#refuseAdmission(opened, error));
    dispatch();
    return undefined;
  }

  #refuseAdmission(opened: Opened, error: unknown): void {
    const {request} = opened;
    const code = error instanceof ProtocolError ? error.code : undefined;
    if (code === 'ERR_REQUEST_EXPIRED') {
      this.#refuse('ttlExpired', 'ttl', expiredText(request));
      this.#notes.write(opened, 'expired');
      return;
    }
    const replayed = code === 'ERR_REQUEST_REPLAYED';
    if (replayed && opened.isAgain && this.#answerAgain(opened)) return;
    this.#refuse(
      replayed ? 'replayed' : 'refused',
      replayed ? 'replay' : 'guard',
      `Refused request ${request.id} from ${request.callerId}@${request.senderId} for agent ${request.agent}: ${errorMessage(error)}`,
    );
    this.#notes.write(opened, replayed ? 'replayed' : 'refused');
  }

  /** False when the answer is not known any more. One that is being worked on comes by itself. */
  #answerAgain(opened: Opened): boolean {
    const {transport, request} = opened;
    if (this.#dispatcher.isUnderWay(request.id)) return true;
    const {replies} = this.#options;
    const reply =
      transport.replyTo === undefined
        ? undefined
        : replies.find({requestId: request.id, callerId: request.callerId, replyTo: transport.replyTo});
    if (reply === undefined) return false;
    this.#resend(reply);
    return true;
  }

  /**
   * Our link broke or moved, and is back: what was sent just before, and just after, may not have arrived.
   *
   * @param awayMs  how long there was no link
   */
  resendRecent(awayMs: number): void {
    const {replies} = this.#options;
    for (const afterMs of serverLimits.resendAfterMs) {
      const resend = (): void => {
        for (const reply of replies.recent(awayMs + serverLimits.resendWithinMs + afterMs)) this.#resend(reply);
      };
      if (afterMs === 0) resend();
      else this.#clock.setTimer(() => this.#stopped || resend(), afterMs, {background: true});
    }
  }

  #resend({replyTo, message, requestId}: SentReply): void {
    try {
      this.#options.publish(replyTo, message, {headers: resentMark});
    } catch (error) {
      this.#logger.warn(`Could not give the answer to request ${requestId} once more: ${errorMessage(error)}`);
    }
  }

  #refuseChecked(opened: Opened, error: unknown): void {
    if (!(error instanceof ProtocolError) || error.code !== 'ERR_REQUEST_EXPIRED') {
      this.#refuse('unvalidated', 'message', errorMessage(error));
      this.#notes.write(opened, 'refused');
      return;
    }
    this.#refuse('ttlExpired', 'ttl', expiredText(opened.request));
    this.#notes.write(opened, 'expired');
  }

  #refuse(counter: ServerCounter, kind: string, message: string): void {
    this.#options.counters.add(counter);
    const level = counter === 'replayed' || counter === 'refused' ? 'warn' : 'error';
    this.#refusals.write(kind, {level, message});
  }
}

/** A node of the other version of the protocol can read neither signature nor request, but it can read who sent it. */
function refusalReason(error: unknown): 'protocol' | 'refused' {
  return error instanceof ProtocolError && error.code === 'ERR_PROTOCOL_UNKNOWN' ? 'protocol' : 'refused';
}
