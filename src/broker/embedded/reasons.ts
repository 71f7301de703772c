/** Why a connection ended, in the words that monitoring shows, and what the peer is told. */
export const closeReasons = {
  clientClosed: 'Client Closed',
  authenticationTimeout: 'Authentication Timeout',
  authenticationFailure: 'Authentication Failure',
  authenticationExpired: 'Authentication Expired',
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
