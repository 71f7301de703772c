import {ChoriaError, type ChoriaErrorOptions} from '../lib/errors.ts';

/** What can go wrong with a protocol message. */
export const protocolErrorCodes = {
  ERR_MESSAGE_TOO_LARGE: 'A message or a part of it is larger than what is accepted',
  ERR_JSON_INVALID: 'A document is not JSON, nests too deep, or names a key twice',
  ERR_PROTOCOL_UNKNOWN: 'A message is of no known protocol version, or of one that the security provider cannot speak',
  ERR_TRANSPORT_INVALID: 'The outermost layer of a message is malformed or names a subject that must not be used',
  ERR_SCHEMA: 'A document does not have the shape that its protocol asks for',
  ERR_BASE64_INVALID: 'A field that carries bytes is not base64',
  ERR_REQUEST_UNVERIFIED: 'A request was not signed by the caller that it names',
  ERR_REQUEST_INVALID: 'A request has a field that cannot be used',
  ERR_COLLECTIVE_UNKNOWN: 'A request is for a collective that this process does not belong to',
  ERR_REPLY_SUBJECT_REFUSED: 'A request asks for its reply on a subject that is no reply inbox',
  ERR_REQUEST_EXPIRED: 'A request is older than its life allows, or too far in the future',
  ERR_REQUEST_REPLAYED: 'A request was already accepted once',
  ERR_REPLAY_MEMORY_FULL: 'No further request can be remembered, so none is accepted',
  ERR_REPLAY_STORE_FAILED: 'An accepted request could not be written down, so it is not executed',
  ERR_REPLY_INVALID: 'A reply is malformed',
  ERR_REPLY_UNVERIFIED: 'A reply is not signed by the server that it names',
  ERR_REPLY_HASH_MISMATCH: 'A reply does not have the hash that came with it',
  ERR_FACT_FILTER_INVALID: 'A text is not a fact, an operator and a value',
  ERR_NAME_INVALID: 'A name cannot be part of a subject',
} as const;

export type ProtocolErrorCode = keyof typeof protocolErrorCodes;

/** Where in the reference's order of receiving a message was refused. */
export type ProtocolStage =
  | 'transport'
  | 'secure_request'
  | 'request'
  | 'message'
  | 'ttl'
  | 'replay'
  | 'secure_reply'
  | 'reply'
  | 'name';

export interface ProtocolErrorOptions extends ChoriaErrorOptions {
  readonly stage: ProtocolStage;
}

export class ProtocolError extends ChoriaError<ProtocolErrorCode> {
  readonly stage: ProtocolStage;

  constructor(code: ProtocolErrorCode, message: string, options: ProtocolErrorOptions) {
    super(code, message, options);
    this.stage = options.stage;
  }
}
