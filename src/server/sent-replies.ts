/**
 * Remembers answers for a short time, so that one that a dying broker swallowed can be given once more: when our link comes back, and when the
 * caller asks again. Never to anybody but the inbox that it was meant for.
 */
import type {Clock} from '../lib/platform.ts';
import {serverLimits} from './limits.ts';

export interface SentReply {
  readonly requestId: string;
  readonly callerId: string;
  readonly replyTo: string;
  readonly message: Buffer;
  readonly sentMs: number;
}

/** Bytes held by all the servers of one process. */
export interface ReplyBudget {
  heldBytes: number;
  /** Where the next answers are kept, and how much of it is used. */
  chunk?: Buffer;
  usedBytes?: number;
}

const chunkBytes = 16 * 1024;

/**
 * Small buffers are slices of pages that Node shares among all of them: an answer of a kilobyte that is kept for two minutes would keep a page of eight, and in
 * a process of thousands of servers that is most of its memory. So what is kept is put together.
 */
function compact(message: Buffer, budget: ReplyBudget): Buffer {
  if (message.length * 4 > chunkBytes) return message;
  let {chunk, usedBytes = 0} = budget;
  if (chunk === undefined || usedBytes + message.length > chunk.length) {
    chunk = Buffer.allocUnsafeSlow(chunkBytes);
    usedBytes = 0;
    budget.chunk = chunk;
  }
  message.copy(chunk, usedBytes);
  budget.usedBytes = usedBytes + message.length;
  return chunk.subarray(usedBytes, usedBytes + message.length);
}

export class SentReplies {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #budget: ReplyBudget;
  readonly #replies = new Map<string, SentReply>();
  #bytes = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>, budget: ReplyBudget = {heldBytes: 0}) {
    this.#clock = clock;
    this.#budget = budget;
  }

  remember(reply: Omit<SentReply, 'sentMs'>): void {
    const {requestId, message} = reply;
    this.#forgetOld();
    this.#forget(requestId);
    const limits = serverLimits;
    if (message.length > limits.sentReplyBytesMax) return;
    while (this.#replies.size >= limits.sentRepliesMax || this.#bytes + message.length > limits.sentReplyBytesMax) {
      const oldest = this.#replies.keys().next();
      if (oldest.done) break;
      this.#forget(oldest.value);
    }
    if (this.#budget.heldBytes + message.length > limits.sentRepliesProcessBytesMax) return;
    const {callerId, replyTo} = reply;
    const kept = compact(message, this.#budget);
    this.#replies.set(requestId, {requestId, callerId, replyTo, message: kept, sentMs: this.#clock.monotonicMs()});
    this.#bytes += message.length;
    this.#budget.heldBytes += message.length;
  }

  /** The answer to this very request, for the same caller and inbox. */
  find(asked: Pick<SentReply, 'requestId' | 'callerId' | 'replyTo'>): SentReply | undefined {
    this.#forgetOld();
    const reply = this.#replies.get(asked.requestId);
    return reply?.callerId === asked.callerId && reply.replyTo === asked.replyTo ? reply : undefined;
  }

  /** What was sent within this time, oldest first. */
  recent(withinMs: number): readonly SentReply[] {
    const sinceMs = this.#clock.monotonicMs() - withinMs;
    return [...this.#replies.values()].filter(({sentMs}) => sentMs >= sinceMs);
  }

  #forgetOld(): void {
    const untilMs = this.#clock.monotonicMs() - serverLimits.sentReplyMs;
    for (const [requestId, {sentMs}] of this.#replies) {
      if (sentMs > untilMs) return;
      this.#forget(requestId);
    }
  }

  #forget(requestId: string): void {
    const reply = this.#replies.get(requestId);
    if (reply === undefined) return;
    this.#replies.delete(requestId);
    this.#bytes -= reply.message.length;
    this.#budget.heldBytes -= reply.message.length;
  }
}
