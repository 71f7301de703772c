/**
 * The replies of a running request as an async iterable, with its statistics at the end.
 *
 * The request runs whether or not anybody reads: replies wait in a bounded queue. Leaving the loop early ends the request.
 */
import {assert} from '../../lib/errors.ts';
import {RequestError} from './errors.ts';
import {clientLimits} from './limits.ts';
import type {NodeReply, RequestStatistics} from './types.ts';

/** @example for await (const reply of replies) console.log(reply.sender); const statistics = await replies.finished; */
export interface ReplyStream extends AsyncIterable<NodeReply> {
  /** Resolves when the request has ended; rejects when it could not be made. */
  readonly finished: Promise<RequestStatistics>;
  /** Ends the request now; `finished` still resolves, with what is known. */
  cancel(): void;
}

export type RunRequest = (options: {
  readonly signal: AbortSignal;
  readonly reply: (reply: NodeReply) => void;
}) => Promise<RequestStatistics>;

export function streamReplies(run: RunRequest, options: {readonly signal?: AbortSignal | undefined} = {}): ReplyStream {
  const controller = new AbortController();
  const cancel = (): void =>
    controller.abort(new RequestError('ERR_REQUEST_CONSUMED', 'The request was ended by its reader'));
  const onOuterAbort = (): void => controller.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', onOuterAbort, {once: true});
  if (options.signal?.aborted) onOuterAbort();

  const queue = new ReplyQueue();
  const finished = run({signal: controller.signal, reply: (reply) => queue.push(reply)});
  // Whoever only iterates learns of a failure from the loop, whoever only awaits `finished` from there.
  finished
    .then(
      () => queue.end(undefined),
      (error: unknown) => queue.end(error),
    )
    .finally(() => options.signal?.removeEventListener('abort', onOuterAbort))
    .catch(() => undefined);

  let isRead = false;
  return {
    finished,
    cancel,
    [Symbol.asyncIterator](): AsyncIterator<NodeReply> {
      if (isRead)
        throw new RequestError(
          'ERR_REQUEST_CONSUMED',
          'Cannot read the replies of a request twice: keep them in a list',
        );
      isRead = true;
      return {
        next: () => queue.next(),
        return: () => {
          cancel();
          return Promise.resolve({done: true, value: undefined});
        },
      };
    },
  };
}

class ReplyQueue {
  #waiting: NodeReply[] = [];
  #head = 0;
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;

  push(reply: NodeReply): void {
    assert(
      this.#waiting.length - this.#head < clientLimits.queuedRepliesMax,
      'a request has a bounded number of targets',
    );
    this.#waiting.push(reply);
    this.#notify();
  }

  end(error: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async next(): Promise<IteratorResult<NodeReply>> {
    for (;;) {
      const reply = this.#waiting[this.#head];
      if (reply !== undefined) {
        this.#head++;
        if (this.#head > 1024) {
          this.#waiting = this.#waiting.slice(this.#head);
          this.#head = 0;
        }
        return {done: false, value: reply};
      }
      if (this.#ended) {
        if (this.#error !== undefined) throw this.#error;
        return {done: true, value: undefined};
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
