/** Fakes for tests of the request side: a connection in memory, a clock that moves by hand, messages as plain JSON. */
import type {Connection, MiddlewareMessage} from '../../src/connect/types.ts';
import type {Clock, TimerHandle} from '../../src/lib/platform.ts';
import {encodeHeaders} from '../../src/natswire/index.ts';
import {noteHeaders, type NoteReason} from '../../src/protocol/index.ts';
import type {Filter} from '../../src/protocol/types.ts';
import type {Messenger, OutgoingRequest, RequestOptions} from '../../src/rpc/client/types.ts';

export class ManualClock implements Clock {
  #nowMs = 1_000_000;
  readonly #timers: {at: number; callback: () => void}[] = [];

  nowMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    const timer = {at: this.#nowMs + delayMs, callback};
    this.#timers.push(timer);
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }

  /** Lets what waits for promises run, moves the time, fires what is due, in order. */
  async advance(ms: number): Promise<void> {
    await settle();
    const end = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.splice(this.#timers.indexOf(due), 1);
      this.#nowMs = due.at;
      due.callback();
      await settle();
    }
    this.#nowMs = end;
    await settle();
  }
}

/** Enough turns for every promise chain of the code under test. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

export interface Published {
  readonly subject: string;
  readonly message: Readonly<Record<string, unknown>>;
}

export interface FakeMessengerOptions {
  readonly federations?: readonly string[];
  /** The broker's word on who listens. */
  readonly interest?: Messenger['interest'];
  readonly shaken?: Messenger['shaken'];
}

export class FakeFleet {
  readonly clock = new ManualClock();
  readonly published: Published[] = [];
  readonly sealed: OutgoingRequest[] = [];
  flushError: Error | undefined;
  #handler: ((message: MiddlewareMessage) => void) | undefined;
  #ids = 0;
  onPublish: ((published: Published) => void) | undefined;

  get isSubscribed(): boolean {
    return this.#handler !== undefined;
  }

  /** Delivers bytes to the reply subject. */
  deliver(payload: Buffer, headers?: Buffer): void {
    this.#handler?.({subject: 'reply', replyTo: undefined, headers, payload});
  }

  answer(sender: string, changes: Readonly<Record<string, unknown>> = {}): void {
    const {body = {statuscode: 0, statusmsg: 'OK', data: {}}, ...rest} = changes;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    this.deliver(Buffer.from(JSON.stringify({request: 'id1', sender, agent: 'rpcutil', body: text, ...rest})));
  }

  /** An empty message with a note, as servers of this program send it. */
  note(identity: string, reason: NoteReason, requestId = 'id1'): void {
    const headers = noteHeaders({identity, reason, requestId, clockMs: this.clock.nowMs()});
    this.#handler?.({
      subject: 'reply',
      replyTo: undefined,
      headers: encodeHeaders(new Map(Object.entries(headers))),
      payload: Buffer.alloc(0),
    });
  }

  messenger(options: FakeMessengerOptions = {}): Messenger {
    return {
      connection: this.#connection(),
      clock: this.clock,
      callerId: 'choria=rip.mcollective',
      mainCollective: 'mcollective',
      federations: options.federations ?? [],
      newRequestId: () => `id${++this.#ids}`,
      replySubject: ({collective, requestId}) => `${collective}.reply.x.${requestId}`,
      nodeSubject: ({collective, identity}) => `${collective}.node.${identity}`,
      agentSubject: ({collective, agent}) => `${collective}.broadcast.agent.${agent}`,
      serviceSubject: ({collective, agent}) => `${collective}.broadcast.service.${agent}`,
      federationSubject: (cluster) => `choria.federation.${cluster}.federation`,
      seal: (request) => {
        this.sealed.push(request);
        return Promise.resolve({
          transport: ({replyTo, federation}) => Buffer.from(JSON.stringify({id: request.id, replyTo, federation})),
        });
      },
      openReply: (payload) => {
        const value = JSON.parse(payload.toString()) as Readonly<Record<string, string>>;
        const sender = value['sender'] ?? '';
        return {
          reply: {
            version: 1,
            requestId: value['request'] ?? '',
            senderId: sender,
            agent: value['agent'] ?? '',
            sentAtMs: 0,
            body: Buffer.from(value['body'] ?? ''),
            senderVerified: false,
          },
          transportSender: value['transport'] ?? sender,
        };
      },
      peekSender: () => undefined,
      ...(options.interest === undefined ? {} : {interest: options.interest}),
      ...(options.shaken === undefined ? {} : {shaken: options.shaken}),
    };
  }

  #connection(): Connection {
    const stats = {inMessages: 0, outMessages: 0, inBytes: 0, outBytes: 0, reconnects: 0};
    return {
      state: 'connected',
      connectedServer: 'nats://broker:4222',
      stats,
      publish: (subject, payload) => {
        const published = {subject, message: JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>};
        this.published.push(published);
        this.onPublish?.(published);
      },
      subscribe: (subject, handler) => {
        this.#handler = handler;
        return {
          subject,
          unsubscribe: () => {
            this.#handler = undefined;
          },
        };
      },
      request: () => Promise.reject(new Error('not used')),
      flush: () => (this.flushError === undefined ? Promise.resolve() : Promise.reject(this.flushError)),
      drain: () => Promise.resolve(),
      close: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

export const agentFilter: Filter = {facts: [], classes: [], agents: ['rpcutil'], identities: [], compounds: []};

export function requestOptions(changes: Partial<RequestOptions> = {}): RequestOptions {
  return {
    agent: 'rpcutil',
    action: 'ping',
    data: {},
    kind: 'direct',
    targets: ['n1', 'n2', 'n3'],
    filter: agentFilter,
    collective: 'mcollective',
    ttlSeconds: 60,
    timeoutMs: 4_000,
    ...changes,
  };
}
