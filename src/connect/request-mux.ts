/**
 * Requests over one shared inbox: one subscription for all requests of a connection, answers told apart by the last token.
 */
import type {Clock, Random} from '../lib/platform.ts';
import {ConnectError} from './errors.ts';
import {isNoResponders} from './headers.ts';
import {connectLimits} from './limits.ts';
import type {Connection, MiddlewareMessage} from './types.ts';

interface Waiting {
  readonly subject: string;
  resolve(message: MiddlewareMessage): void;
  reject(error: Error): void;
}

export class RequestMux {
  readonly #connection: Pick<Connection, 'publish' | 'subscribe'>;
  readonly #clock: Clock;
  readonly #inbox: string;
  readonly #waiting = new Map<string, Waiting>();
  #listening = false;
  #sequence = 0;

  constructor(
    connection: Pick<Connection, 'publish' | 'subscribe'>,
    options: {readonly clock: Clock; readonly random: Random; readonly inboxPrefix: string},
  ) {
    this.#connection = connection;
    this.#clock = options.clock;
    this.#inbox = `${options.inboxPrefix}.${options.random.bytes(16).toString('hex')}`;
  }

  async request(
    subject: string,
    payload: Uint8Array,
    options: Parameters<Connection['request']>[2],
  ): Promise<MiddlewareMessage> {
    const {timeoutMs, signal, headers} = options;
    signal?.throwIfAborted();
    if (this.#waiting.size >= connectLimits.pendingRequestsMax) {
      throw new ConnectError(
        'ERR_TOO_MANY_PENDING',
        `Cannot send a request to "${subject}": ${this.#waiting.size} requests wait already`,
        {details: {subject}},
      );
    }
    if (!this.#listening) this.#connection.subscribe(`${this.#inbox}.*`, (message) => this.#answer(message));
    this.#listening = true;
    const token = (this.#sequence++).toString(36);
    let cleanUp = (): void => {};
    try {
      return await new Promise<MiddlewareMessage>((resolve, reject) => {
        const onAbort = (): void => reject(signal?.reason as Error);
        signal?.addEventListener('abort', onAbort, {once: true});
        const timer = this.#clock.setTimer(
          () =>
            reject(
              new ConnectError('ERR_REQUEST_TIMEOUT', `The request to "${subject}" had no answer in ${timeoutMs} ms`, {
                details: {subject, timeoutMs},
              }),
            ),
          timeoutMs,
        );
        cleanUp = () => {
          timer.cancel();
          signal?.removeEventListener('abort', onAbort);
        };
        this.#waiting.set(token, {subject, resolve, reject});
        const replyTo = `${this.#inbox}.${token}`;
        this.#connection.publish(subject, payload, headers === undefined ? {replyTo} : {replyTo, headers});
      }).then((message) => {
        if (!isNoResponders(message.headers, message.payload)) return message;
        throw new ConnectError('ERR_NO_RESPONDERS', `Nobody listens on "${subject}"`, {details: {subject}});
      });
    } finally {
      this.#waiting.delete(token);
      cleanUp();
    }
  }

  /** The broker does not let us publish there: nobody will answer. False when no request waits for that subject. */
  refused(subject: string, error: Error): boolean {
    let isMatched = false;
    for (const waiting of this.#waiting.values()) {
      if (waiting.subject !== subject) continue;
      isMatched = true;
      waiting.reject(error);
    }
    return isMatched;
  }

  /** Rejects everything that waits. */
  fail(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  #answer(message: MiddlewareMessage): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    this.#waiting.get(token)?.resolve(message);
  }
}
