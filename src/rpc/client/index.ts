/** The request side of RPC: who is asked, what counts as an answer, when it is over. */
export {runRequest, isUnfiltered} from './run.ts';
export {mergeStatistics} from './merge-statistics.ts';
export {noteWish} from './note-wish.ts';
export {checkRights} from './rights.ts';
export {RollCall} from './roll-call.ts';
export {Shaken, type ShakenOptions} from './shaken.ts';
export type {RollCallOutcome} from './roll-call.ts';
export {describeSilence, silenceReasons} from './silence.ts';
export type {Silence, SilenceReason} from './silence.ts';
export {streamReplies} from './reply-stream.ts';
export type {ReplyStream, RunRequest} from './reply-stream.ts';
export {checkTargets, isUsableIdentity, limitTargets, splitBatches} from './targets.ts';
export type {LimitOptions} from './targets.ts';
export {clientLimits} from './limits.ts';
export {parseReplyBody, type ReplyBody} from './reply-body.ts';
export {RequestError, requestErrorCodes} from './errors.ts';
export type {RequestErrorCode} from './errors.ts';
export type {
  Messenger,
  NodeReply,
  OpenedReply,
  OutgoingRequest,
  RequestHandlers,
  BatchProgress,
  RequestKind,
  RequestOptions,
  RequestStatistics,
  SealedRequest,
  StrayReplies,
} from './types.ts';
