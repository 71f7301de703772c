/** The public door of `connect`: connections to the middleware. */
export type {ConnectAuth} from './auth.ts';
export {backoffMs, fiveSecondBackoff, twentySecondBackoff} from './backoff.ts';
export {ConnectError, type ConnectErrorCode, connectErrorCodes} from './errors.ts';
export {type ConnectTurns, createConnectTurns} from './connect-turns.ts';
export {headerBlock, isNoResponders} from './headers.ts';
export {createHeartbeats, type HeartbeatMember, type Heartbeats} from './heartbeats.ts';
export {queryInterest} from './interest.ts';
export {connectLimits} from './limits.ts';
export type {ServerSource} from './links.ts';
export {type OpenConnectionOptions, openConnection} from './open.ts';
export {
  chooseSecurityProvider,
  type ConnectSecurity,
  connectSecurity,
  createSecurityProvider,
  puppetCertname,
  puppetSslDirectory,
  type SecurityOptions,
  type SecuritySwitches,
  securitySwitches,
  systemUserName,
} from './security.ts';
export {
  federationCollectives,
  orderSrv,
  type ResolveOptions,
  resolveServers,
  resolveSrv,
  serverSource,
} from './servers.ts';
export {parseServerUrl, type ServerScheme, type ServerUrl} from './server-url.ts';
export type {SessionTls} from './session.ts';
export type {
  LinkFacts,
  Connection,
  ConnectionEvents,
  ConnectionState,
  ConnectionStats,
  MiddlewareMessage,
  MiddlewareSubscription,
  PublishOptions,
} from './types.ts';
export {choriaTrust, credentialPaths, issuerKeys, seedBeside} from './choria-settings.ts';
export {type CredentialWatch, watchCredentials} from './credential-watch.ts';
export {type RevocationWatch, watchRevocations} from './revocation-watch.ts';
export {type AaaLoginOptions, loginToAaa} from './aaa-login.ts';
export {signerAuthority} from './remote-signer.ts';
export {enrollWithPuppet, type PuppetEnrollOptions} from './puppet-enroll.ts';
