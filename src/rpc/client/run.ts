/**
 * One request from publish to the last answer: the state machine of the client side.
 *
 * It ends when nobody is outstanding, when the timeout of its last batch passes, or when its signal says so, whichever is first; it
 * never waits for the broker beyond that. Rules: the client digest, sections 3, 4 and 5.
 */
import {errorMessage} from '../../lib/errors.ts';
import {setPatientTimer} from '../../lib/patient-timer.ts';
import {sleep, type TimerHandle} from '../../lib/platform.ts';
import {ConnectError, isNoResponders} from '../../connect/index.ts';
import type {MiddlewareMessage} from '../../connect/types.ts';
import type {Filter} from '../../protocol/types.ts';
import {encodeAgain, type InterestAnswer, isResent, readNote} from '../../protocol/index.ts';
import {AskAgain} from './ask-again.ts';
import {Attendance} from './attendance.ts';
import {noteWish} from './note-wish.ts';
import {RequestError} from './errors.ts';
import {clientLimits} from './limits.ts';
import {parseReplyBody} from './reply-body.ts';
import {checkRights, sharedSubject} from './rights.ts';
import {RollCall} from './roll-call.ts';
import type {Silence} from './silence.ts';
import {ReplyTally} from './tally.ts';
import {checkTargets, splitBatches} from './targets.ts';
import type {Messenger, RequestHandlers, RequestOptions, RequestStatistics, SealedRequest} from './types.ts';

/**
 * Runs one request to its end.
 *
 * @returns the statistics; the replies went to `handlers.reply` as they came
 * @throws {RequestError} when the request is wrong before anything is sent; errors of the connection and of signing pass through
 * @example
 * const statistics = await runRequest(messenger, {agent: 'rpcutil', action: 'ping', ...}, {reply: (reply) => replies.push(reply)});
 */
export async function runRequest(
  messenger: Messenger,
  options: RequestOptions,
  handlers: RequestHandlers = {},
): Promise<RequestStatistics> {
  checkRequest(options);
  return new RequestRun(messenger, {options, handlers}).run();
}

/** Everything that can be wrong is said before the first byte is sent. */
function checkRequest(options: RequestOptions): void {
  const {kind, targets, batchSize = 0, batchSleepMs = 0, replyTo} = options;
  if (kind === 'direct') checkTargets(targets);
  if (kind === 'service' && (targets.length > 0 || !isEmptyApartFromAgents(options.filter))) {
    throw new RequestError(
      'ERR_REQUEST_SERVICE',
      `Cannot request the service "${options.agent}" of chosen nodes: any one instance answers, so neither targets nor filters are possible`,
    );
  }
  if (kind !== 'direct' && batchSize > 0) {
    throw new RequestError(
      'ERR_REQUEST_BATCH',
      `Cannot send a ${kind} request in batches: only requests to named nodes have batches`,
    );
  }
  if (
    !Number.isInteger(batchSize) ||
    batchSize < 0 ||
    !(batchSleepMs >= 0 && batchSleepMs <= clientLimits.batchSleepMsMax)
  ) {
    throw new RequestError(
      'ERR_REQUEST_BATCH',
      `Cannot send batches of ${batchSize} with ${batchSleepMs} ms between them: expected whole nodes and at most a day`,
    );
  }
  if (options.requireFilter === true && kind !== 'direct' && isUnfiltered(options.filter)) {
    throw new RequestError(
      'ERR_REQUEST_UNFILTERED',
      'Cannot send a request to every node: plugin.choria.require_client_filter is true, give at least one filter',
    );
  }
  if (replyTo !== undefined && !/^[^\s*>.\u0000-\u001f\u007f]+(\.[^\s*>.\u0000-\u001f\u007f]+)*$/.test(replyTo)) {
    throw new RequestError(
      'ERR_REQUEST_REPLY_TO',
      `Cannot send replies to ${JSON.stringify(replyTo)}: expected a subject such as my.replies, without wildcards, spaces and empty parts`,
    );
  }
}

function isEmptyApartFromAgents(filter: Filter): boolean {
  return filter.facts.length + filter.classes.length + filter.identities.length + filter.compounds.length === 0;
}

/** Whether a filter chooses nobody: nothing at all, or one agent only. */
export function isUnfiltered(filter: Filter): boolean {
  return isEmptyApartFromAgents(filter) && filter.agents.length <= 1;
}

/** JSON has no word for them and would make them null: a node would run something else than what was asked. */
function onlyFinite(name: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  throw new RequestError(
    'ERR_REQUEST_DATA',
    `Cannot send the input ${JSON.stringify(name)}: ${value} is no number of JSON`,
  );
}

interface Batch {
  /** Undefined where nobody is named. */
  readonly targets: readonly string[] | undefined;
  /** How many of this batch's targets have not answered. */
  remaining: number;
  end: (() => void) | undefined;
}

class RequestRun {
  readonly #messenger: Messenger;
  readonly #options: RequestOptions;
  readonly #handlers: RequestHandlers;
  readonly #id: string;
  readonly #tally: ReplyTally;
  readonly #attendance: Attendance;
  /** For requests to everybody. */
  readonly #rollCall = new RollCall();
  readonly #batchOf = new Map<string, Batch>();
  /** Targets that will not answer, and are waited for no longer. */
  readonly #settled = new Set<string>();
  /** Subjects to which nothing went because the link broke. */
  readonly #unsent = new Set<string>();
  readonly #body: Buffer;
  #current: Batch | undefined;
  #ok = 0;
  #failed = 0;
  #publishMs = 0;
  #startedMonotonicMs = 0;
  #noticesLeft = 20;

  constructor(messenger: Messenger, job: {readonly options: RequestOptions; readonly handlers: RequestHandlers}) {
    this.#messenger = messenger;
    this.#options = job.options;
    this.#handlers = job.handlers;
    this.#id = messenger.newRequestId();
    const {kind, targets, agent, action, data} = job.options;
    this.#tally = new ReplyTally({
      requestId: this.#id,
      agent,
      targets: kind === 'direct' ? targets : undefined,
      ...(kind === 'service' ? {answersMax: 1} : {}),
    });
    this.#body = Buffer.from(JSON.stringify({agent, action, data}, onlyFinite));
    this.#attendance = new Attendance(messenger, job.options);
  }

  async run(): Promise<RequestStatistics> {
    const {clock, connection} = this.#messenger;
    const startedAtMs = clock.nowMs();
    this.#startedMonotonicMs = clock.monotonicMs();
    const replyTo =
      this.#options.replyTo ??
      this.#messenger.replySubject({collective: this.#messenger.mainCollective, requestId: this.#id});
    const receives = this.#options.replyTo === undefined;
    const subscription = receives ? connection.subscribe(replyTo, (message) => this.#receive(message)) : undefined;
    let requestMs = 0;
    let silences: readonly Silence[] = [];
    try {
      await this.#sendBatches(replyTo, receives);
      requestMs = clock.monotonicMs() - this.#startedMonotonicMs;
      if (receives) silences = await this.#explain();
    } finally {
      subscription?.unsubscribe();
    }
    return this.#statistics({startedAtMs, requestMs, silences});
  }

  async #sendBatches(replyTo: string, receives: boolean): Promise<void> {
    const {kind, targets, batchSize = 0, batchSleepMs = 0, signal, mayContinue} = this.#options;
    const groups = kind === 'direct' ? splitBatches([...new Set(targets)], batchSize) : [undefined];
    for (const [index, group] of groups.entries()) {
      if (signal?.aborted) return;
      if (index > 0 && mayContinue?.({asked: this.#batchOf.size, ok: this.#ok}) === false) return;
      if (index > 0 && batchSleepMs > 0 && !(await this.#pause(batchSleepMs))) return;
      await this.#sendBatch(group, {replyTo, receives});
      this.#handlers.batch?.(index, groups.length);
    }
  }

  /** False when the caller ended the request during the pause. */
  async #pause(batchSleepMs: number): Promise<boolean> {
    const {signal} = this.#options;
    await sleep(this.#messenger.clock, batchSleepMs, signal === undefined ? {} : {signal}).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
    return signal?.aborted !== true;
  }

  async #sendBatch(
    group: readonly string[] | undefined,
    options: {readonly replyTo: string; readonly receives: boolean},
  ): Promise<void> {
    const {clock} = this.#messenger;
    await this.#untilLinked();
    const sealed = await this.#messenger.seal({
      id: this.#id,
      agent: this.#options.agent,
      collective: this.#options.collective,
      filter: this.#filterFor(group),
      ttlSeconds: this.#options.ttlSeconds,
      body: this.#body,
    });
    this.#unsent.clear();
    const batch: Batch = {targets: group, remaining: 0, end: undefined};
    for (const target of group ?? []) {
      if (!this.#tally.isOutstanding(target)) continue;
      batch.remaining++;
      this.#batchOf.set(target, batch);
    }
    this.#current = batch;
    const publishedAtMs = clock.monotonicMs();
    const ended = options.receives ? this.#untilAnswered(batch) : Promise.resolve();
    try {
      if (options.receives) this.#askWhoListens(batch);
      await this.#publish(sealed, {group, replyTo: options.replyTo});
    } catch (error) {
      batch.end?.();
      throw error;
    }
    const again = options.receives ? this.#askAgain(batch, sealed, options.replyTo) : undefined;
    try {
      const flushed = this.#flush(publishedAtMs, options.receives);
      await Promise.all([flushed.then(() => this.#checkRights(batch, options)), ended]);
    } catch (error) {
      batch.end?.();
      throw error;
    } finally {
      again?.stop();
    }
  }

  /** Sent right before the request, on the same connection: whoever is not connected by then does not get it. */
  #askWhoListens(batch: Batch): void {
    const {kind} = this.#options;
    if (kind === 'direct') {
      void this.#attendance.findAbsent(batch.targets ?? []).then((absent) => {
        // Where a broker just went, its nodes are about to come back elsewhere.
        if (this.#messenger.shaken?.isShaken === true) return;
        for (const identity of absent) this.#settle(identity);
      });
    } else if (kind === 'broadcast') {
      this.#askRollCall({list: true}, (answer) => this.#rollCall.expect(answer));
    }
  }

  #askRollCall(query: {readonly list: boolean}, tell: (answer: InterestAnswer | undefined) => void): void {
    const {collective, agent, timeoutMs} = this.#options;
    void this.#messenger
      .interest?.({collective, agents: [agent], ...query}, {timeoutMs})
      .then((answer) => {
        tell(answer);
        this.#endWhenAllAnswered();
      })
      // Who listens stays unknown then, and the request ends with its time.
      .catch((error: unknown) => this.#notice(`The broker did not say who listens: ${errorMessage(error)}`));
  }

  #askAgain(batch: Batch, sealed: SealedRequest, replyTo: string): AskAgain | undefined {
    const {kind, collective} = this.#options;
    const messenger = this.#messenger;
    if (kind === 'service' || messenger.federations.length > 0) return undefined;
    const common = {
      messenger,
      collective,
      failed: (error: unknown) => this.#notice(`Could not ask again: ${errorMessage(error)}`),
    };
    const {targets} = batch;
    if (targets === undefined) {
      return new AskAgain({
        ...common,
        outstanding: () => this.#rollCall.outstanding(),
        lost: (identities) => {
          for (const identity of identities) this.#rollCall.lost(identity);
          this.#endWhenAllAnswered();
        },
      });
    }
    const isSilent = (identity: string): boolean => this.#tally.isOutstanding(identity) && !this.#settled.has(identity);
    return new AskAgain({
      ...common,
      outstanding: () => targets.filter(isSilent),
      lost: (identities) => {
        for (const identity of identities) this.#settle(identity);
      },
      named: {
        isBusy: (identity) => this.#attendance.isBusy(identity),
        absent: (identities) => {
          for (const identity of identities) if (this.#attendance.wasAbsent(identity)) this.#settle(identity);
        },
        send: (identities) => {
          const transport = sealed.transport({replyTo});
          const again = encodeAgain(transport);
          for (const identity of identities) {
            const subject = messenger.nodeSubject({collective, identity});
            // What never left is sent as it is, so that other programs get it too.
            messenger.connection.publish(subject, this.#unsent.delete(subject) ? transport : again, noteWish);
          }
        },
      },
    });
  }

  #endWhenAllAnswered(): void {
    if (this.#options.kind !== 'broadcast') return;
    const rollCall = this.#rollCall;
    if (rollCall.isOver) this.#current?.end?.();
    else if (rollCall.takeRecount()) this.#askRollCall({list: false}, (answer) => rollCall.recounted(answer));
  }

  /** A target that will not answer. An answer that comes after all still counts while the request runs. */
  #settle(identity: string): void {
    const batch = this.#batchOf.get(identity);
    if (batch === undefined || this.#settled.has(identity) || !this.#tally.isOutstanding(identity)) return;
    this.#settled.add(identity);
    batch.remaining--;
    if (batch.remaining === 0) batch.end?.();
  }

  async #explain(): Promise<readonly Silence[]> {
    const {kind, explain = false} = this.#options;
    if (kind === 'broadcast') return this.#rollCall.outcome().missing;
    return this.#attendance.explain(this.#tally.noResponses(), {
      asked: (identity) => this.#batchOf.has(identity),
      knocks: explain,
    });
  }

  /**
   * With few targets their names go into the signed filter, so that nobody can pass the request on to another node. A filter
   * that names identities already is left as it is.
   */
  #filterFor(group: readonly string[] | undefined): Filter {
    const {filter} = this.#options;
    if (group === undefined || group.length > clientLimits.pinnedTargetsMax || filter.identities.length > 0)
      return filter;
    return {...filter, identities: group};
  }

  #untilAnswered(batch: Batch): Promise<void> {
    const {clock} = this.#messenger;
    const {signal, timeoutMs} = this.#options;
    return new Promise((resolve) => {
      let timer: TimerHandle | undefined;
      const end = (): void => {
        timer?.cancel();
        signal?.removeEventListener('abort', end);
        batch.end = undefined;
        resolve();
      };
      batch.end = end;
      timer = setPatientTimer(clock, end, timeoutMs);
      signal?.addEventListener('abort', end, {once: true});
      if (signal?.aborted || (batch.targets !== undefined && batch.remaining === 0)) end();
    });
  }

  async #publish(
    sealed: SealedRequest,
    options: {readonly group: readonly string[] | undefined; readonly replyTo: string},
  ): Promise<void> {
    const {group, replyTo} = options;
    const {collective, agent, kind} = this.#options;
    const messenger = this.#messenger;
    const subjects =
      group === undefined
        ? [sharedSubject(messenger, {collective, agent, kind})]
        : group.map((identity) => messenger.nodeSubject({collective, identity}));
    if (messenger.federations.length === 0) {
      const transport = sealed.transport({replyTo});
      // A broker says at once when nobody serves a subject, to the message's own reply subject. Nodes do not look at it.
      const options = kind === 'service' ? {...noteWish, replyTo} : noteWish;
      for (const [index, subject] of subjects.entries()) {
        // The broker takes what was sent before more of it is made: fifty thousand requests do not fit into the queue.
        if (index > 0 && index % clientLimits.publishAtOnceMax === 0) {
          await messenger.connection.flush({timeoutMs: clientLimits.publishFlushMs});
        }
        this.#publishOne(subject, {transport, options});
      }
      return;
    }
    for (const targets of splitBatches(subjects, clientLimits.federatedTargetsMax)) {
      const transport = sealed.transport({replyTo, federation: {requestId: this.#id, targets}});
      for (const name of messenger.federations) {
        messenger.connection.publish(messenger.federationSubject(name), transport);
      }
    }
  }

  /** A link that breaks while thousands are asked: the rest is asked when it is back. */
  #publishOne(subject: string, message: {readonly transport: Buffer; readonly options: typeof noteWish}): void {
    if (this.#unsent.size > 0) {
      this.#unsent.add(subject);
      return;
    }
    try {
      this.#messenger.connection.publish(subject, message.transport, message.options);
    } catch (error) {
      const isWaiting = error instanceof ConnectError && error.code === 'ERR_RECONNECT_BUFFER_FULL';
      if (!isWaiting || this.#options.kind !== 'direct') throw error;
      this.#notice(error.message);
      this.#unsent.add(subject);
    }
  }

  /** A link that is just coming back is waited for: what is sent meanwhile would fill the little that is kept. */
  async #untilLinked(): Promise<void> {
    const {clock, connection} = this.#messenger;
    const {signal, timeoutMs} = this.#options;
    const untilMs = clock.monotonicMs() + timeoutMs;
    const mustWait = (): boolean =>
      connection.state === 'reconnecting' && clock.monotonicMs() < untilMs && signal?.aborted !== true;
    while (mustWait()) await sleep(clock, clientLimits.linkLookMs);
  }

  /** What the broker refused reached nobody: it is told as such, and nobody waits for it. */
  #checkRights(batch: Batch, {replyTo, receives}: {readonly replyTo: string; readonly receives: boolean}): void {
    const messenger = this.#messenger;
    const {collective, agent, kind} = this.#options;
    const shared =
      messenger.federations.length > 0
        ? messenger.federations.map((name) => messenger.federationSubject(name))
        : kind === 'direct'
          ? []
          : [sharedSubject(messenger, {collective, agent, kind})];
    checkRights(messenger, {replyTo: receives ? replyTo : undefined, shared});
    if (messenger.federations.length > 0) return;
    for (const identity of batch.targets ?? []) {
      if (messenger.connection.isRefused?.(messenger.nodeSubject({collective, identity})) !== true) continue;
      this.#attendance.refused(identity);
      this.#settle(identity);
    }
  }

  /**
   * Notes how long publishing took. When replies are awaited a broker that died must not hold the request up, so a failed flush is
   * only a word there; when nothing is awaited the flush is the only proof of delivery, and its failure is the request's.
   */
  async #flush(publishedAtMs: number, receives: boolean): Promise<void> {
    const {clock, connection} = this.#messenger;
    const timeoutMs = receives ? Math.min(this.#options.timeoutMs, clientLimits.flushMsMax) : this.#options.timeoutMs;
    try {
      await connection.flush({timeoutMs});
    } catch (error) {
      if (!receives) throw error;
      this.#notice(`The broker did not confirm the request ${this.#id}: ${errorMessage(error)}`);
    }
    this.#publishMs += clock.monotonicMs() - publishedAtMs;
  }

  #receive(message: MiddlewareMessage): void {
    const {payload} = message;
    if (payload.length === 0) {
      if (this.#options.kind === 'service' && isNoResponders(message.headers, payload)) this.#nobodyServes();
      else this.#receiveNote(message.headers);
      return;
    }
    if (payload.length > clientLimits.replyBytesMax) {
      this.#tally.invalid();
      this.#notice(`Dropped a reply of ${payload.length} bytes: at most ${clientLimits.replyBytesMax} are taken`);
      return;
    }
    let opened;
    try {
      opened = this.#messenger.openReply(payload);
    } catch (error) {
      this.#tally.invalid();
      this.#notice(`Dropped a message that is not a valid reply: ${errorMessage(error)}`);
      return;
    }
    const resent = isResent(message.headers);
    const verdict = this.#tally.judge(opened, resent);
    if (verdict === 'duplicate' && resent) return;
    if (verdict !== 'counted') {
      this.#notice(`Did not count a reply in the name of ${JSON.stringify(opened.reply.senderId)}: ${verdict}`);
      return;
    }
    this.#count(opened.reply);
  }

  #nobodyServes(): void {
    const {agent, collective} = this.#options;
    this.#notice(`Nobody serves ${JSON.stringify(agent)} in the collective ${JSON.stringify(collective)}`);
    this.#current?.end?.();
  }

  #receiveNote(headers: Buffer | undefined): void {
    const note = readNote(headers);
    if (note === undefined || note.requestId !== this.#id) return;
    if (this.#options.kind === 'broadcast') {
      this.#rollCall.noted(note, this.#messenger.clock.nowMs());
      this.#endWhenAllAnswered();
    } else if (this.#tally.isOutstanding(note.identity) && this.#attendance.noted(note)) {
      this.#settle(note.identity);
    }
  }

  #count(message: ReturnType<Messenger['openReply']>['reply']): void {
    const body = parseReplyBody(message.body, this.#options.action);
    if (body.statusCode === 0) this.#ok++;
    else this.#failed++;
    const batch = this.#batchOf.get(message.senderId);
    this.#handlers.reply?.({
      sender: message.senderId,
      ...body,
      sentAtMs: message.sentAtMs,
      arrivedAfterMs: this.#messenger.clock.monotonicMs() - this.#startedMonotonicMs,
      message,
    });
    if (this.#options.kind === 'broadcast') this.#rollCall.answered(message.senderId);
    this.#attendance.answered(message.senderId);
    if (batch !== undefined) {
      if (this.#settled.delete(message.senderId)) return;
      batch.remaining--;
      if (batch.remaining === 0) batch.end?.();
    } else if (this.#options.kind === 'broadcast') {
      this.#endWhenAllAnswered();
    } else if (this.#options.kind === 'service') {
      this.#current?.end?.();
    }
  }

  /** A flood of odd replies gives a few words, not a flood of words; the counts are in the statistics. */
  #notice(text: string): void {
    if (this.#noticesLeft <= 0) return;
    this.#noticesLeft--;
    this.#handlers.notice?.(text);
  }

  #statistics(outcome: {
    readonly startedAtMs: number;
    readonly requestMs: number;
    readonly silences: readonly Silence[];
  }): RequestStatistics {
    const {startedAtMs, requestMs, silences} = outcome;
    const strays = this.#tally.strays();
    const {kind, targets, discoverMs = 0, signal, agent, action} = this.#options;
    const responses = this.#ok + this.#failed;
    const asked = [...new Set(targets)];
    return {
      requestId: this.#id,
      agent,
      action,
      noResponses: silences.map(({identity}) => identity),
      unexpectedResponses: strays.unexpected,
      targets: kind === 'direct' ? asked : [],
      discovered: kind === 'direct' ? asked.length : responses,
      ok: this.#ok,
      failed: this.#failed,
      responses,
      publishMs: this.#publishMs,
      requestMs,
      discoverMs,
      startedAtMs,
      strays,
      silences,
      knowsConnected: this.#attendance.knowsConnected || this.#rollCall.outcome().isKnown,
      interrupted: signal?.aborted === true,
    };
  }
}
