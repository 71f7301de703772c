/** Messages of both protocol versions: bytes in, values out. */
export {decodeBase64, encodeBase64} from './base64.ts';
export {decodeBody, encodeBody} from './body.ts';
export {ProtocolError, type ProtocolErrorCode, protocolErrorCodes, type ProtocolStage} from './errors.ts';
export {emptyFilter, filterFromWire, filterToWire, type FilterWire} from './filter-wire.ts';
export {nanosecondsToMs, newRequestId} from './ids.ts';
export {
  decodeInterestAnswer,
  decodeInterestQuery,
  defaultInterestAgents,
  encodeInterestAnswer,
  encodeInterestFailure,
  encodeInterestQuery,
  type InterestAnswer,
  type InterestQuery,
  interestSubject,
} from './interest.ts';
export {protocolLimits} from './limits.ts';
export {
  isDisplayName,
  isPublishSubject,
  isSubjectName,
  isSubjectToken,
  quoteName,
  requireSubjectName,
} from './names.ts';
export {type LayerNames, protocolNames} from './protocol-names.ts';
export {createReplayGuard, type ReplayGuard, type ReplayGuardOptions} from './replay-guard.ts';
export {
  createFileReplayStore,
  type LoadedReplayState,
  type ReplayRecord,
  type ReplayState,
  type ReplayStore,
} from './replay-store.ts';
export {
  createReply,
  createUnsignedReply,
  encodeReplyTransport,
  openReply,
  type OpenReplyOptions,
  replyToJson,
  signsReplies,
} from './reply.ts';
export {
  createRequestCache,
  decodeRequest,
  type OpenedRequest,
  openRequest,
  protocolVersionOf,
  type RequestCache,
} from './request.ts';
export {
  checkCollective,
  checkReplySubject,
  checkTtl,
  isWithinTtl,
  requestExpiresAtMs,
  type TtlOptions,
} from './request-checks.ts';
export {completeRequest, encodeRequest, encodeRequestDocument, type NewRequest} from './request-encode.ts';
export {adoptSignedRequest} from './remote-signed.ts';
export {
  isFinalNote,
  type NodeNote,
  type NoteReason,
  noteHeaders,
  noteReasons,
  notesWanted,
  readNote,
  wantsNotes,
} from './notes.ts';
export {decodeAgain, encodeAgain, isResent, resentMark} from './again.ts';
export {requireSchema, schemaProblems} from './schema.ts';
export {type ReadJson, readStrictJson} from './strict-json.ts';
export {
  broadcastSubject,
  federationReplySubject,
  federationRequestSubject,
  governorSubject,
  inboxPrefix,
  isReplySubject,
  lifecycleSubject,
  machineTransitionSubject,
  machineWatcherSubject,
  nodeSubject,
  nowhereSubject,
  replySubject,
  serviceSubject,
  submissionSubject,
  uniqueId,
} from './subjects.ts';
export {encodeTransport, openTransport, peekTransportSender} from './transport.ts';
export {createTransportCache, type TransportCache} from './transport-cache.ts';
export type {
  CompoundEntry,
  FactFilter,
  FactOperator,
  FederationHeader,
  Filter,
  Hop,
  ProtocolVersion,
  Reply,
  Request,
  Transport,
} from './types.ts';
export {
  classTest,
  type CombinedFilter,
  comparisonFunctions,
  comparisonSignatures,
  type CompiledFilter,
  compileFilter,
  createFilterMatcher,
  createPatternPool,
  type FactVerdict,
  type FilterData,
  filterLimits,
  type FilterMatcher,
  type FilterNode,
  type FilterNodeSource,
  type FilterVerdict,
  isEmptyFilter,
  matchClasses,
  matchCompiledFilter,
  matchFact,
  matchFilterOn,
  parseCombinedFilter,
  parseFactFilter,
  type PatternPool,
  tryFactFilter,
} from './filter/index.ts';
