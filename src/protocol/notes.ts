/**
 * Notes: what a server that will not answer a request tells the caller in place of an answer, so that silence has a reason.
 *
 * Ours alone. A caller asks for notes in a header of the message around the request, which other servers do not look at; nobody who did
 * not ask is ever sent one. A note is an empty message with one header. It proves nothing and decides nothing but what a person is told
 * and when a client stops waiting. Decision and rules: docs/design/complete-answers.md.
 */
import {isSubjectName} from './names.ts';
import {protocolLimits} from './limits.ts';

/** Why a node does not answer, or does not answer yet (`waiting`, `running`). */
export const noteReasons = [
  'filtered',
  'expired',
  'refused',
  'protocol',
  'replayed',
  'busy',
  'no-agent',
  'waiting',
  'running',
  'failed',
  'timed-out',
  'silent',
] as const;

export type NoteReason = (typeof noteReasons)[number];

/** After these nothing else will come. */
export function isFinalNote(reason: NoteReason): boolean {
  return reason !== 'waiting' && reason !== 'running';
}

export interface NodeNote {
  readonly identity: string;
  readonly requestId: string;
  readonly reason: NoteReason;
  /** The node's clock, ms since 1970. */
  readonly clockMs: number;
}

const wantedName = 'Choria-Notes';
const noteName = 'Choria-Note';
const wantedLine = Buffer.from(`\r\n${wantedName}: 1\r\n`, 'latin1');
const noteStart = Buffer.from(`\r\n${noteName}: `, 'latin1');

/** Beside a request: please say when you will not answer. Beside an answer: whoever sent this would have said so. */
export const notesWanted: Readonly<Record<string, readonly string[]>> = {[wantedName]: ['1']};

/** Whether the header block of a message has the line above. Looks at bytes only, because every server does this for every request. */
export function wantsNotes(headers: Buffer | undefined): boolean {
  return headers !== undefined && headers.length <= protocolLimits.noteHeaderBytesMax && headers.includes(wantedLine);
}

export function noteHeaders(note: NodeNote): Readonly<Record<string, readonly string[]>> {
  return {[noteName]: [`${note.reason} ${note.identity} ${note.requestId} ${Math.trunc(note.clockMs)}`]};
}

/** The note in a header block; undefined for anything else. */
export function readNote(headers: Buffer | undefined): NodeNote | undefined {
  if (headers === undefined || headers.length > protocolLimits.noteHeaderBytesMax) return undefined;
  const start = headers.indexOf(noteStart);
  if (start < 0) return undefined;
  const from = start + noteStart.length;
  const end = headers.indexOf('\r\n', from, 'latin1');
  const words = headers.toString('utf8', from, end < 0 ? headers.length : end).split(' ');
  const [reasonText, identity = '', requestId = '', clockText = ''] = words;
  const reason = noteReasons.find((known) => known === reasonText);
  if (
    words.length !== 4 ||
    reason === undefined ||
    !isSubjectName(identity) ||
    !/^[0-9A-Za-z]{1,64}$/.test(requestId)
  ) {
    return undefined;
  }
  const clockMs = /^\d{1,15}$/.test(clockText) ? Number(clockText) : Number.NaN;
  return Number.isNaN(clockMs) ? undefined : {identity, requestId, reason, clockMs};
}
