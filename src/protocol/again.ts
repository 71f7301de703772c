/**
 * Asking again: when a broker died under way, a client sends the very bytes of its request a second time, to those that have not answered.
 *
 * Ours alone. A server of this program that never saw the request runs it; one that ran it sends the answer it gave once more, and never runs it
 * twice. The bytes are wrapped, because other servers keep no record of what they ran: they do not understand the wrapping and do nothing. The
 * wrapping proves nothing; what is inside is judged like any request. Decision and rules: docs/design/asking-again.md.
 */
import {notesWanted} from './notes.ts';

const start = Buffer.from('{"protocol":"choria:again:1","data":"', 'latin1');
const end = Buffer.from('"}', 'latin1');
const resentName = 'Choria-Again';
const resentLine = Buffer.from(`\r\n${resentName}: 1\r\n`, 'latin1');

/** Beside an answer that was sent before: a second copy is no surprise. */
export const resentMark: Readonly<Record<string, readonly string[]>> = {...notesWanted, [resentName]: ['1']};

export function isResent(headers: Buffer | undefined): boolean {
  return headers !== undefined && headers.includes(resentLine);
}

/** Wraps a whole transport message. */
export function encodeAgain(transport: Buffer): Buffer {
  return Buffer.concat([start, Buffer.from(transport.toString('base64'), 'latin1'), end]);
}

/** The transport message inside; undefined for what is not wrapped. Wrapped twice is not unwrapped twice. */
export function decodeAgain(payload: Buffer): Buffer | undefined {
  if (payload.length < start.length + end.length || !payload.subarray(0, start.length).equals(start)) return undefined;
  if (!payload.subarray(-end.length).equals(end)) return undefined;
  return Buffer.from(payload.toString('latin1', start.length, payload.length - end.length), 'base64');
}
