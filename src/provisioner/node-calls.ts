/**
 * Requests to single nodes that wait to be configured, and the question who they are. One subscription takes all answers.
 *
 * An answer counts once, when it is to a request of ours and says the name of the node that was asked.
 */
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import type {MiddlewareSubscription} from '../connect/types.ts';
import {emptyFilter, inboxPrefix} from '../protocol/index.ts';
import {type Messenger, parseReplyBody, type ReplyBody} from '../rpc/index.ts';
import {provisionerLimits} from './limits.ts';

export interface NodeCall {
  readonly identity: string;
  readonly agent: string;
  readonly action: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface NodeCaller {
  /** The node's answer, whatever it says; undefined when there is none in time. */
  call(call: NodeCall): Promise<ReplyBody | undefined>;
  /** Asks who waits; each name that answers is told, until the next question or `close`. */
  discover(onNode: (identity: string) => void): Promise<void>;
  close(): void;
}

interface Pending {
  readonly agent: string;
  /** Undefined: anybody may answer. */
  readonly identity: string | undefined;
  readonly answered: (sender: string, body: Buffer) => void;
}

export function createNodeCaller(options: {
  readonly messenger: Messenger;
  readonly collective: string;
  readonly logger: Logger;
}): NodeCaller {
  return new Caller(options);
}

class Caller implements NodeCaller {
  readonly #messenger: Messenger;
  readonly #collective: string;
  readonly #logger: Logger;
  readonly #pending = new Map<string, Pending>();
  readonly #subscription: MiddlewareSubscription;
  #discoveryId: string | undefined;

  constructor(options: {readonly messenger: Messenger; readonly collective: string; readonly logger: Logger}) {
    this.#messenger = options.messenger;
    this.#collective = options.collective;
    this.#logger = options.logger;
    const inbox = inboxPrefix(options.collective, options.messenger.callerId);
    this.#subscription = options.messenger.connection.subscribe(`${inbox}.*`, ({payload}) => this.#receive(payload));
  }

  async call(call: NodeCall): Promise<ReplyBody | undefined> {
    const {clock} = this.#messenger;
    const {identity, agent, action, data, timeoutMs = provisionerLimits.callMs, signal} = call;
    const id = this.#messenger.newRequestId();
    const body = Buffer.from(JSON.stringify({agent, action, data}), 'utf8');
    let stop = (): void => undefined;
    try {
      return await new Promise<ReplyBody | undefined>((resolve, reject) => {
        const timer = clock.setTimer(() => resolve(undefined), timeoutMs);
        const abort = (): void => resolve(undefined);
        signal?.addEventListener('abort', abort, {once: true});
        stop = () => {
          timer.cancel();
          signal?.removeEventListener('abort', abort);
        };
        if (signal?.aborted) resolve(undefined);
        this.#pending.set(id, {agent, identity, answered: (_sender, raw) => resolve(parseReplyBody(raw, action))});
        const subject = this.#messenger.nodeSubject({collective: this.#collective, identity});
        this.#send({id, agent, subject, body}).catch(reject);
      });
    } finally {
      stop();
      this.#pending.delete(id);
    }
  }

  async discover(onNode: (identity: string) => void): Promise<void> {
    if (this.#discoveryId !== undefined) this.#pending.delete(this.#discoveryId);
    const id = this.#messenger.newRequestId();
    this.#discoveryId = id;
    this.#pending.set(id, {agent: 'discovery', identity: undefined, answered: (sender) => onNode(sender)});
    const subject = this.#messenger.agentSubject({collective: this.#collective, agent: 'discovery'});
    await this.#send({id, agent: 'discovery', wanted: 'choria_provision', subject, body: Buffer.from('ping')});
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#pending.clear();
  }

  async #send(request: {
    readonly id: string;
    readonly agent: string;
    /** The agent that receivers must have. */
    readonly wanted?: string;
    readonly subject: string;
    readonly body: Buffer;
  }): Promise<void> {
    const {id, agent, subject, body} = request;
    const collective = this.#collective;
    const sealed = await this.#messenger.seal({
      id,
      agent,
      collective,
      filter: {...emptyFilter, agents: [request.wanted ?? agent]},
      ttlSeconds: provisionerLimits.ttlSeconds,
      body,
    });
    const replyTo = this.#messenger.replySubject({collective, requestId: id});
    this.#messenger.connection.publish(subject, sealed.transport({replyTo}));
  }

  #receive(payload: Buffer): void {
    if (payload.length > provisionerLimits.replyBytesMax) return;
    try {
      const {reply, transportSender} = this.#messenger.openReply(payload);
      const pending = this.#pending.get(reply.requestId);
      if (pending === undefined || reply.agent !== pending.agent) return;
      const isAsked = pending.identity === undefined || reply.senderId === pending.identity;
      if (!isAsked || (transportSender !== undefined && transportSender !== reply.senderId)) {
        this.#logger.warn(
          `An answer in the name of ${JSON.stringify(reply.senderId.slice(0, 200))} is not from the node that was asked`,
        );
        return;
      }
      pending.answered(reply.senderId, reply.body);
    } catch (error) {
      this.#logger.debug(`A message is no answer: ${errorMessage(error)}`);
    }
  }
}
