/**
 * Goes from a broker that is about to stop to another without losing a message and without giving one twice.
 *
 * For a moment both have our subscriptions. What comes from both is one message: each is remembered by its bytes, and given as often as the broker that gave it
 * more often gave it.
 */
import {createHash} from 'node:crypto';
import {type Clock, sleep} from '../lib/platform.ts';
import type {WireMessage} from '../natswire/index.ts';
import type {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';
import type {Session, SessionOwner} from './session.ts';

type Side = 'old' | 'next';

/** Counts of one message by side. */
interface Seen {
  old: number;
  next: number;
  given: number;
}

export class Overlap {
  readonly #seen = new Map<string, Seen>();

  /** Whether this copy is to be given on. */
  isNew(side: Side, message: Pick<WireMessage, 'sid' | 'subject' | 'replyTo' | 'headerBytes' | 'payload'>): boolean {
    const digest = createHash('sha1')
      .update(message.headerBytes ?? '')
      .update(message.payload)
      .digest('base64');
    const key = `${message.sid} ${message.subject} ${message.replyTo ?? ''} ${digest}`;
    const seen = this.#seen.get(key) ?? {old: 0, next: 0, given: 0};
    // A flood beyond the bound may be given twice: that is better than not at all.
    if (this.#seen.size < connectLimits.moveMessagesMax) this.#seen.set(key, seen);
    seen[side] += 1;
    if (seen[side] <= seen.given) return false;
    seen.given += 1;
    return true;
  }
}

export interface MoveOptions {
  readonly clock: Clock;
  readonly old: Session;
  readonly next: Session;
  /** Makes our subscriptions there. */
  readonly announce: (session: Session) => void;
  /** Takes them back there. */
  readonly withdraw: (session: Session) => void;
  /** From here on what is published goes this way. */
  readonly use: (session: Session) => void;
  readonly owner: SessionOwner;
}

/** Resolves when the old link is closed. Whichever link breaks meanwhile, the other goes on; when both do, the owner is told. */
export async function moveSession(options: MoveOptions): Promise<void> {
  const {clock, old, next, owner} = options;
  const overlap = new Overlap();
  const broken: {old?: ConnectError; next?: ConnectError} = {};
  const listen = (side: Side): SessionOwner => ({
    message: (message) => {
      if (overlap.isNew(side, message)) owner.message(message);
    },
    complaint: (error) => owner.complaint(error),
    leaving: () => {},
    ended: (error) => {
      broken[side] = error;
      if (broken.old !== undefined && broken.next !== undefined) owner.ended(error);
    },
  });
  old.adopt(listen('old'));
  next.adopt(listen('next'));
  options.announce(next);
  await answered(next, clock);
  if (broken.next !== undefined) {
    if (broken.old === undefined) old.adopt(owner);
    return;
  }
  options.use(next);
  await sleep(clock, connectLimits.moveOverlapMs);
  if (broken.old === undefined) {
    options.withdraw(old);
    await answered(old, clock);
    old.close();
  }
  if (broken.next === undefined) next.adopt(owner);
  else if (broken.old === undefined) owner.ended(broken.next);
}

/** Everything sent before was handled, or too much time has passed. */
async function answered(session: Session, clock: Clock): Promise<void> {
  const controller = new AbortController();
  const pong = new Promise<void>((resolve) => session.sendPing(resolve));
  const late = sleep(clock, connectLimits.moveAnswerMs, {signal: controller.signal}).catch(() => {});
  await Promise.race([pong, late]);
  controller.abort();
}
