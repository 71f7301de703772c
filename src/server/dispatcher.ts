/**
 * Runs agents and sends their replies.
 *
 * Each agent has its own bounded queue, in which callers take turns: one slow agent or one busy caller never holds up the others.
 */
import {errorMessage} from '../lib/errors.ts';
import type {TimerHandle} from '../lib/platform.ts';
import {createReply, encodeReplyTransport, isWithinTtl, type NoteReason, notesWanted} from '../protocol/index.ts';
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

/** One call and what its caller is told of it. */
interface FollowedCall {
  readonly opened: Opened;
  started(): void;
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
    if (queue.offer(request.callerId, () => this.#run(agent, call).finally(() => this.#underWay.delete(request.id)))) {
      return;
    }
    this.#underWay.delete(request.id);
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
    const timer = opened.wantsNotes
      ? node.platform.clock.setTimer(() => notes.write(opened, state), serverLimits.progressNoteMs)
      : undefined;
    return {
      opened,
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

  /** Ends when the agent has ended, also after its time: a call that goes on keeps its place in the bound. */
  async #run(agent: Agent, call: FollowedCall): Promise<void> {
    const {opened} = call;
    const {node, counters, refusals, ttlCeilingSeconds} = this.#options;
    const {request} = opened;
    const {clock} = node.platform;
    if (!isWithinTtl(request, {nowMs: clock.nowMs(), ttlCeilingSeconds})) {
      // It waited too long for its turn; whoever sent it has stopped waiting.
      counters.add('ttlExpired');
      refusals.write('ttl', {level: 'error', message: expiredText(request)});
      call.end('expired');
      return;
    }
    call.started();
    const end = new CallEnd();
    const seconds = agent.metadata.timeoutSeconds;
    let expired = false;
    const timer = clock.setTimer(() => {
      expired = true;
      node.logger.warn(`agent dispatcher for request ${request.id} exiting on ${seconds}s timeout`, {
        agent: request.agent,
        request: request.id,
      });
      call.end('timed-out');
      end.abort(new Error(`agent ${request.agent} did not end in ${seconds} s`));
    }, seconds * 1000);
    this.#calls.add(end);
    try {
      const body = await agent.handle({
        request,
        node,
        get signal() {
          return end.signal;
        },
        ...(opened.claims === undefined ? {} : {claims: opened.claims}),
        ...this.#decisions,
      });
      // What comes after its time is dropped: the caller was told the agent's time limit and counts on it.
      if (!expired) call.end(body === undefined ? 'silent' : undefined);
      if (!expired && body !== undefined) await this.#reply(opened, body);
    } catch (error) {
      if (!expired) {
        call.end('failed');
        node.logger.error(`Agent ${request.agent} failed on request ${request.id}: ${errorMessage(error)}`, {
          agent: request.agent,
          request: request.id,
        });
      }
    } finally {
      timer.cancel();
      this.#calls.delete(end);
    }
  }

  async #reply(opened: Opened, body: Buffer): Promise<void> {
    const {transport, request} = opened;
    const {node, provider, counters, publish, replies} = this.#options;
    if (transport.replyTo === undefined) {
      node.logger.error(`do not know how to reply, no reply-to header has been set on message ${request.id}`);
      return;
    }
    counters.add('replies');
    try {
      const payload = await createReply(request, {
        senderId: node.identity,
        body,
        nowMs: node.platform.clock.nowMs(),
        ...(this.#options.signReplies === false ? {} : {provider}),
      });
      const message = encodeReplyTransport(transport, {
        payload,
        senderId: node.identity,
        connectedServer: node.connectedServer() ?? '',
      });
      // Those who answer a ping also say that they would have said so if they had not.
      if (opened.wantsNotes) {
        const {replyTo} = transport;
        replies.remember({requestId: request.id, callerId: request.callerId, replyTo, message});
      }
      const isPong = opened.wantsNotes && request.agent === 'discovery';
      publish(transport.replyTo, message, isPong ? notesWanted : undefined);
    } catch (error) {
      node.logger.error(`Could not publish the reply to request ${request.id}: ${errorMessage(error)}`, {
        request: request.id,
      });
    }
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
