/** What can be wrong with the bytes of a NATS connection. */
import {ChoriaError} from '../lib/errors.ts';

export type WireErrorCode =
  | 'ERR_WIRE_UNKNOWN_OPERATION'
  | 'ERR_WIRE_ARGUMENTS'
  | 'ERR_WIRE_CONTROL_LINE_TOO_LONG'
  | 'ERR_WIRE_PAYLOAD_TOO_LARGE'
  | 'ERR_WIRE_CONNECT_FIRST'
  | 'ERR_WIRE_PEER_ERROR'
  | 'ERR_WIRE_HEADERS'
  | 'ERR_WIRE_SUBJECT'
  | 'ERR_WIRE_WEBSOCKET';

export const WireErrorCodes: Readonly<Record<WireErrorCode, string>> = {
  ERR_WIRE_UNKNOWN_OPERATION: 'The bytes are no NATS operation, or a payload is longer or shorter than its size says',
  ERR_WIRE_ARGUMENTS: 'An operation has too few or too many arguments, or a size that is not a number',
  ERR_WIRE_CONTROL_LINE_TOO_LONG: 'A control line is longer than the limit',
  ERR_WIRE_PAYLOAD_TOO_LARGE: 'A message is larger than the limit',
  ERR_WIRE_CONNECT_FIRST: 'The peer sent something before CONNECT although it has to say who it is',
  ERR_WIRE_PEER_ERROR: 'The peer reported an error of its own',
  ERR_WIRE_HEADERS: 'A header block cannot be read, or a header cannot be written as it is',
  ERR_WIRE_SUBJECT: 'A subject is empty or holds spaces, empty tokens or misplaced wildcards',
  ERR_WIRE_WEBSOCKET: 'A WebSocket handshake or frame breaks the rules, or is larger than the limit',
};

export class WireError extends ChoriaError<WireErrorCode> {}
