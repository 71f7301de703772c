export {ClientParser, type ClientHandler, type ClientParserOptions, type WireMessage} from './client-parser.ts';
export {WireError, type WireErrorCode, WireErrorCodes} from './errors.ts';
export {decodeHeaders, encodeHeaders, type MessageHeaders} from './headers.ts';
export {wireLimits} from './limits.ts';
export {
  hashBytes,
  type PublishFrame,
  type ServerHandler,
  ServerParser,
  type ServerParserOptions,
} from './server-parser.ts';
export {
  checkPublishSubject,
  checkSubscribeSubject,
  hasWildcard,
  isPublishSubject,
  isSubscribeSubject,
  isWithin,
  matchesLiterally,
  overlaps,
} from './subject.ts';
export {type Match, type QueueMatch, Sublist, type SublistCounters} from './sublist.ts';
export {
  type ConnectWire,
  encodeConnect,
  encodeError,
  encodeInfo,
  encodePublish,
  encodeSubscribe,
  encodeUnsubscribe,
  toBytesText,
  wireOk,
  wirePing,
  wirePong,
} from './writer.ts';
export {
  answerUpgrade,
  checkUpgradeResponse,
  encodeUpgradeRequest,
  isRequestLine,
  parseHttpHead,
  tooLargeHeadResponse,
  type Upgrade,
} from './websocket-handshake.ts';
export {WebSocketStream, type WebSocketStreamOptions} from './websocket-stream.ts';
