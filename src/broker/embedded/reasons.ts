/** Why a connection ended, in the words that monitoring shows, and what the peer is told. */
export const closeReasons = {
  clientClosed: 'Client Closed',
  authenticationTimeout: 'Authentication Timeout',
  authenticationFailure: 'Authentication Failure',
  authenticationExpired: 'Authentication Expired',
  revoked: 'Credentials Revoked',
  tlsHandshake: 'TLS Handshake Failure',
  slowPending: 'Slow Consumer (Pending Bytes)',
  slowDeadline: 'Slow Consumer (Write Deadline)',
  readError: 'Read Error',
  parseError: 'Parse Error',
  staleConnection: 'Stale Connection',
  protocolViolation: 'Protocol Violation',
  badProtocolVersion: 'Bad Client Protocol Version',
  tooManyConnections: 'Maximum Connections Exceeded',
  payloadExceeded: 'Maximum Message Payload Exceeded',
  controlLineExceeded: 'Maximum Control Line Exceeded',
  noRespondersNeedsHeaders: 'No Responders Requires Headers',
  serverShutdown: 'Server Shutdown',
  kicked: 'Kicked',
} as const;

export type CloseReason = (typeof closeReasons)[keyof typeof closeReasons];

export const errorTexts = {
  unknownOperation: 'Unknown Protocol Operation',
  authorization: 'Authorization Violation',
  authenticationTimeout: 'Authentication Timeout',
  authenticationExpired: 'User Authentication Expired',
  authenticationRevoked: 'User Authentication Revoked',
  staleConnection: 'Stale Connection',
  tooManyConnections: 'maximum connections exceeded',
  tooManySubscriptions: 'maximum subscriptions exceeded',
  payload: 'Maximum Payload Violation',
  controlLine: 'maximum control line exceeded',
  invalidSubject: 'Invalid Subject',
  invalidPublishSubject: 'Invalid Publish Subject',
  invalidProtocol: 'invalid client protocol',
  noRespondersNeedsHeaders: 'no responders requires headers support',
} as const;

/** The code of the WebSocket closing frame that says why. */
export function webSocketCloseCode(reason: CloseReason): number {
  switch (reason) {
    case closeReasons.clientClosed:
      return 1000;
    case closeReasons.authenticationTimeout:
    case closeReasons.authenticationFailure:
    case closeReasons.authenticationExpired:
    case closeReasons.slowPending:
    case closeReasons.slowDeadline:
    case closeReasons.tooManyConnections:
    case closeReasons.controlLineExceeded:
      return 1008;
    case closeReasons.tlsHandshake:
      return 1015;
    case closeReasons.parseError:
    case closeReasons.protocolViolation:
    case closeReasons.badProtocolVersion:
      return 1002;
    case closeReasons.payloadExceeded:
      return 1009;
    case closeReasons.readError:
    case closeReasons.staleConnection:
    case closeReasons.serverShutdown:
      return 1001;
    default:
      return 1011;
  }
}
