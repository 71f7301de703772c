/**
 * Why a node that was asked did not answer, in one word for programs and in words for people.
 *
 * Pure. What is known comes from three sources: notes that nodes of this program send, what the broker says of connections, and what the
 * caller itself did.
 */
import type {NodeNote, NoteReason} from '../../protocol/index.ts';

export type SilenceReason =
  | NoteReason
  | 'not-connected'
  | 'lost'
  | 'not-permitted'
  | 'not-subscribed'
  | 'unresponsive'
  | 'other-version'
  | 'no-word'
  | 'link-lost'
  | 'not-asked'
  | 'unknown';

export interface Silence {
  readonly identity: string;
  readonly reason: SilenceReason;
  /** How far the node's clock is before (positive) or behind ours, where that is the reason. */
  readonly clockAheadMs?: number;
}

const words: Readonly<Record<SilenceReason, string>> = {
  filtered: 'does not match the filter',
  expired: 'took the request for too old or not yet valid',
  refused: 'refused the request: it does not accept who signed it, or the collective',
  protocol: 'speaks another version of the protocol than this request',
  replayed: 'had seen this request before and did not run it again',
  busy: 'had too many requests waiting',
  'no-agent': 'does not have the agent',
  waiting: 'had not begun when the time was over: other requests were before this one',
  running: 'was still running the action when the time was over',
  failed: 'failed without an answer: its log says why',
  'timed-out': 'did not end the action in the time that the agent has',
  silent: 'ran an agent that chose not to answer',
  'not-connected': 'is not connected to the broker',
  lost: 'was lost mid-request: its connection ended before it answered',
  'not-permitted': 'was not reached: the broker does not let this caller send requests to it',
  'not-subscribed': 'is connected and does not have the agent',
  unresponsive: 'is connected and gave no sign: stopped, blocked or overloaded',
  'other-version': 'is alive and gives no reasons: it runs another program or version',
  'no-word': 'is alive and said nothing of this request: it or its answer was lost, or it has only begun',
  'link-lost': 'may have answered while our own connection was lost',
  'not-asked': 'was not asked: the request ended before its turn',
  unknown: 'gave no answer; this broker does not tell who is connected',
};

/** Every reason with its words, for documentation and tests. */
export const silenceReasons: Readonly<Record<SilenceReason, string>> = words;

/** Words that go behind the name of the node. */
export function describeSilence(silence: Silence): string {
  const text = words[silence.reason];
  const {clockAheadMs} = silence;
  if (clockAheadMs === undefined) return text;
  const seconds = Math.round(Math.abs(clockAheadMs) / 1_000);
  return `${text}: its clock is ${seconds} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} this one`;
}

/** Clocks this close explain nothing. */
const clockDifferenceMs = 5_000;

export function silenceOfNote(note: NodeNote, receivedAtMs: number): Silence {
  const {identity, reason, clockMs} = note;
  const clockAheadMs = clockMs - receivedAtMs;
  return reason === 'expired' && Math.abs(clockAheadMs) >= clockDifferenceMs
    ? {identity, reason, clockAheadMs}
    : {identity, reason};
}
