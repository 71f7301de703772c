/**
 * Runs agents and sends their replies.
 *
 * Each agent has its own bounded queue, in which callers take turns: one slow agent or one busy caller never holds up the others.
 */
import {headerBlock, type PublishOptions} from '../connect/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {setPatientTimer, setStarvingTimer} from '../lib/patient-timer.ts';
import type {TimerHandle} from '../lib/platform.ts';
import {
  createReply,
  createUnsignedReply,
  encodeReplyTransport,
  isWithinTtl,
  type NoteReason,
  notesWanted,
  signsReplies,
} from '../protocol/index.ts';
import type {Agent, AgentCall} from '../rpc/types.ts';
import {createFairQueue, type FairQueue} from './fair-queue.ts';
import {serverLimits} from './limits.ts';
import type {NoteWriter} from './notes.ts';
import {expiredText, type Opened, type PipelineOptions} from './pipeline-types.ts';
import type {RefusalLog} from './refusal-log.ts';

export interface DispatcherOptions extends PipelineOptions {
  readonly refusals: RefusalLog;
  readonly notes: NoteWriter;
}

export interface Dispatcher {
  dispatch(agent: Agent, opened: Opened): void;
  /** Whether this request waits for its agent or runs. */
  isUnderWay(requestId: string): boolean;
  stop(graceMs: number): Promise<void>;
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new AgentDispatcher(options);
}

const timedOut = Symbol('timed out');
/** Beside each answer to a ping. */
const pongOptions: PublishOptions = {headerBlock: headerBlock(notesWanted)};

/** One call and what its caller is told of it. */
interface FollowedCall {
  readonly opened: Opened;
  started(): void;
  /** It did not end at once. */
  lasts(): void;
  /** Ends the following; with a reason when there is no answer. */
  end(reason: NoteReason | undefined): void;
}

/** A call's signal, made when somebody asks for it: most calls end before anybody does, and a signal costs more than they do. */
class CallEnd {
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason);
  }
}

/** A class and no object with a getter: those are made the slow way, one by one. */
class RunningCall implements AgentCall {
  readonly request: AgentCall['request'];
  readonly node: AgentCall['node'];
  declare readonly claims?: NonNullable<AgentCall['claims']>;
  declare readonly authorizer?: NonNullable<AgentCall['authorizer']>;
  declare readonly auditor?: NonNullable<AgentCall['auditor']>;
  readonly #end: CallEnd;

  constructor(parts: {
    readonly opened: Opened;
    readonly node: AgentCall['node'];
    readonly end: CallEnd;
    readonly decisions: Pick<AgentCall, 'authorizer' | 'auditor'>;
  }) {
    const {claims, request} = parts.opened;
    const {authorizer, auditor} = parts.decisions;
    this.request = request;
    this.node = parts.node;
    this.#end = parts.end;
    if (claims !== undefined) this.claims = claims;
    if (authorizer !== undefined) this.authorizer = authorizer;
    if (auditor !== undefined) this.auditor = auditor;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }
}

class AgentDispatcher implements Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #queues = new Map<string, FairQueue>();
  readonly #underWay = new Set<string>();
  /** Calls under way, to be told when the server stops. */
  readonly #calls = new Set<CallEnd>();

  /** Who may run what, and who writes it down: handed to the agent with each call. */
  readonly #decisions: Pick<AgentCall, 'authorizer' | 'auditor'>;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#decisions = {
      ...(options.authorizer === undefined ? {} : {authorizer: options.authorizer}),
      ...(options.auditor === undefined ? {} : {auditor: options.auditor}),
    };
  }

  dispatch(agent: Agent, opened: Opened): void {
    const {request} = opened;
    const queue = this.#queueOf(agent.metadata.name);
    const call = this.#follow(opened);
    this.#underWay.add(request.id);
    const done = (): void => void this.#underWay.delete(request.id);
    const job = (): Promise<void> | undefined => {
      const work = this.#run(agent, call);
      if (work !== undefined) return work.finally(done);
      done();
      return undefined;
    };
    if (queue.offer(request.callerId, job)) {
      if (this.#underWay.has(request.id)) call.lasts();
      return;
    }
    done();
    // Agents with a description answer that they are busy; of others only a note tells it.
    call.end(agent.ddl === undefined ? 'busy' : undefined);
    const {counters, refusals} = this.#options;
    counters.add('refused');
    const message = `Refused request ${request.id} from ${request.callerId}@${request.senderId}: agent ${request.agent} has ${queue.running} calls running and ${queue.waiting} waiting`;
    refusals.write(`busy ${request.agent}`, {level: 'warn', message});
    // The caller learns it too: a node that is busy is no node that is gone.
    if (agent.ddl !== undefined) void this.#reply(opened, busyBody(request.agent));
  }

  isUnderWay(requestId: string): boolean {
    return this.#underWay.has(requestId);
  }

  async stop(graceMs: number): Promise<void> {
    const {counters, node} = this.#options;
    let forgotten = 0;
    for (const queue of this.#queues.values()) forgotten += queue.close();
    for (let count = 0; count < forgotten; count++) counters.add('refused');
    if (forgotten > 0)
      node.logger.warn(`Refused ${forgotten} requests that waited for an agent when the server stopped`);
    const idle = Promise.all([...this.#queues.values()].map((queue) => queue.idle()));
    let timer: TimerHandle | undefined;
    const grace = new Promise<typeof timedOut>((resolve) => {
      timer = node.platform.clock.setTimer(() => resolve(timedOut), graceMs);
    });
    const outcome = await Promise.race([idle, grace]);
    timer?.cancel();
    if (outcome !== timedOut) return;
    node.logger.warn(`${this.#calls.size} calls still run after ${graceMs} ms and are told to stop`);
    for (const call of this.#calls) call.abort(new Error('the server stops'));
  }

  /** Tells a caller who asked for notes when the call takes long, and when there will be no answer. */
  #follow(opened: Opened): FollowedCall {
    const {notes, node} = this.#options;
    let state: 'waiting' | 'running' = 'waiting';
    let timer: TimerHandle | undefined;
    return {
      opened,
      lasts: () => {
        if (!opened.wantsNotes) return;
        timer = node.platform.clock.setTimer(() => notes.write(opened, state), serverLimits.progressNoteMs);
      },
      started: () => {
        state = 'running';
      },
      end: (reason) => {
        timer?.cancel();
        if (reason !== undefined) notes.write(opened, reason);
      },
    };
  }

  #queueOf(agent: string): FairQueue {
    const known = this.#queues.get(agent);
    if (known !== undefined) return known;
    const {node, agentConcurrency} = this.#options;
    const queue = createFairQueue({
      concurrency: agentConcurrency,
      waitingMax: serverLimits.agentWaitingMax,
      failed: (error) => node.logger.error(`Could not run agent ${agent}: ${errorMessage(error)}`),
    });
    this.#queues.set(agent, queue);
    return queue;
  }

  /** Undefined when the agent had nothing to wait for: then it was answered and no timer was needed. */
  #run(agent: Agent, call: FollowedCall): Promise<void> | undefined {
    const {opened} = call;
    const {node, counters, refusals, ttlCeilingSeconds} = this.#options;
    const {request} = opened;
    if (!isWithinTtl(request, {nowMs: node.platform.clock.nowMs(), ttlCeilingSeconds})) {
      // It waited too long for its turn; whoever sent it has stopped waiting.
      counters.add('ttlExpired');
      refusals.write('ttl', {level: 'error', message: expiredText(request)});
      call.end('expired');
      return undefined;
    }
    call.started();
    const end = new CallEnd();
    let given: ReturnType<Agent['handle']>;
    try {
      given = agent.handle(new RunningCall({opened, node, end, decisions: this.#decisions}));
    } catch (error) {
      this.#failed(call, error);
      return undefined;
    }
    if (given !== undefined && !Buffer.isBuffer(given)) return this.#await(given, {agent, call, end});
    call.end(given === undefined ? 'silent' : undefined);
    return given === undefined ? undefined : this.#reply(opened, given);
  }

  #failed(call: FollowedCall, error: unknown): void {
    const {agent, id: request} = call.opened.request;
    call.end('failed');
    this.#options.node.logger.error(`Agent ${agent} failed on request ${request}: ${errorMessage(error)}`, {
      agent,
      request,
    });
  }

  /** Ends when the agent has ended, also after its time: a call that goes on keeps its place in the bound. */
  async #await(
    answer: Promise<Buffer | undefined>,
    running: {readonly agent: Agent; readonly call: FollowedCall; readonly end: CallEnd},
  ): Promise<void> {
    const {agent, call, end} = running;
    const {opened} = call;
    const {request} = opened;
    const {node} = this.#options;
    const seconds = agent.metadata.timeoutSeconds;
    let expired = false;
    const giveUp = (): void => {
      expired = true;
      node.logger.warn(`agent dispatcher for request ${request.id} exiting on ${seconds}s timeout`, {
        agent: request.agent,
        request: request.id,
      });
      call.end('timed-out');
      end.abort(new Error(`agent ${request.agent} did not end in ${seconds} s`));
    };
    // Patient: a process of thousands of servers that were all asked at once has not been idle meanwhile.
    const {clock} = node.platform;
    const delayMs = seconds * 1000;
    const {lateness} = this.#options;
    const timer =
      lateness === undefined
        ? setPatientTimer(clock, giveUp, delayMs)
        : setStarvingTimer(clock, giveUp, {delayMs, lateness});
    this.#calls.add(end);
    try {
      const body = await answer;
      // What comes after its time is dropped: the caller was told the agent's time limit and counts on it.
      if (!expired) call.end(body === undefined ? 'silent' : undefined);
      if (!expired && body !== undefined) await this.#reply(opened, body);
    } catch (error) {
      if (!expired) this.#failed(call, error);
    } finally {
      timer.cancel();
      this.#calls.delete(end);
    }
  }

  /** Undefined when there is no signature to wait for. */
  #reply(opened: Opened, body: Buffer): Promise<void> | undefined {
    const {request} = opened;
    const {node, provider, counters, signReplies} = this.#options;
    if (opened.transport.replyTo === undefined) {
      node.logger.error(`do not know how to reply, no reply-to header has been set on message ${request.id}`);
      return undefined;
    }
    counters.add('replies');
    const parts = {senderId: node.identity, body, nowMs: node.platform.clock.nowMs()};
    const lost = (error: unknown): void =>
      node.logger.error(`Could not publish the reply to request ${request.id}: ${errorMessage(error)}`, {
        request: request.id,
      });
    if (signReplies !== false && signsReplies(request, provider)) {
      return createReply(request, {...parts, provider})
        .then((payload) => this.#send(opened, payload))
        .catch(lost);
    }
    try {
      this.#send(opened, createUnsignedReply(request, parts));
    } catch (error) {
      lost(error);
    }
    return undefined;
  }

  #send({transport, request, wantsNotes}: Opened, payload: Buffer): void {
    const {node, publish, replies} = this.#options;
    const {replyTo} = transport;
    if (replyTo === undefined) return;
    const message = encodeReplyTransport(transport, {
      payload,
      senderId: node.identity,
      connectedServer: node.connectedServer() ?? '',
    });
    // Those who answer a ping also say that they would have said so if they had not.
    if (wantsNotes) replies.remember({requestId: request.id, callerId: request.callerId, replyTo, message});
    publish(replyTo, message, wantsNotes && request.agent === 'discovery' ? pongOptions : undefined);
  }
}

function busyBody(agent: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      statuscode: 5,
      statusmsg: `Agent ${agent} is busy: too many requests wait on this node, try again later`,
      data: {},
    }),
  );
}
