/**
 * Tells a caller who asked for it why this node will not answer (docs/design/complete-answers.md). Never answers anybody else, never to a
 * subject that is no inbox, and tells those who proved nothing only a few times a second.
 */
import {isReplySubject, type NoteReason, noteHeaders, type Transport} from '../protocol/index.ts';
import {serverLimits} from './limits.ts';
import type {PipelineOptions} from './pipeline-types.ts';

/** What is known of a message when its fate is decided; the request only once its signature was proven. */
export interface Noted {
  readonly transport: Transport;
  readonly request?: {readonly id: string};
  readonly wantsNotes: boolean;
}

export interface NoteWriter {
  write(noted: Noted, reason: NoteReason): void;
}

const nothing = Buffer.alloc(0);

export function createNoteWriter(options: PipelineOptions): NoteWriter {
  const {node, publish, extraReplySubjects} = options;
  const {clock} = node.platform;
  let secondStartMs = Number.NEGATIVE_INFINITY;
  let unprovenInSecond = 0;

  /** Who could not prove anything may make this node send a few messages, not a flood. */
  const mayTellUnproven = (): boolean => {
    const nowMs = clock.monotonicMs();
    if (nowMs - secondStartMs >= 1_000) {
      secondStartMs = nowMs;
      unprovenInSecond = 0;
    }
    unprovenInSecond++;
    return unprovenInSecond <= serverLimits.unprovenNotesPerSecondMax;
  };

  return {
    write({transport, request, wantsNotes}, reason) {
      const {replyTo} = transport;
      if (!wantsNotes || replyTo === undefined) return;
      const allowed = extraReplySubjects === undefined ? {} : {extraSubjects: extraReplySubjects};
      if (!isReplySubject(replyTo, allowed)) return;
      if (request === undefined && !mayTellUnproven()) return;
      // The inbox of a request ends in its id.
      const requestId = request?.id ?? replyTo.slice(replyTo.lastIndexOf('.') + 1);
      try {
        const headers = noteHeaders({identity: node.identity, requestId, reason, clockMs: clock.nowMs()});
        publish(replyTo, nothing, {headers});
      } catch (error) {
        // A note is worth no trouble: while there is no connection there is nobody to tell.
        node.logger.debug(`Could not send a note: ${String(error)}`);
      }
    },
  };
}
