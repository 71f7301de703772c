export {createStaticAuthenticator, type StaticCredentials, type StaticUser} from './authentication/static.ts';
export type {
  Admission,
  AuthDecision,
  Authenticator,
  ConnectFields,
  ConnectionFacts,
  Refusal,
} from './authentication/types.ts';
export {
  createEmbeddedEngine,
  EmbeddedEngine,
  type EmbeddedEngineOptions,
  embeddedNatsVersion,
} from './embedded/engine.ts';
export type {EngineTls} from './embedded/parts.ts';
export type {WebSocketListenerOptions} from './embedded/websocket-door.ts';
export {BrokerError, type BrokerErrorCode, BrokerErrorCodes} from './errors.ts';
export {type BrokerLimits, defaultBrokerLimits} from './limits.ts';
export {CompiledPermissions, type Permissions, type SubjectRules} from './permissions.ts';
export type {Engine, EngineAddresses, EngineStatistics} from './types.ts';
export {
  type AccountExport,
  accountExports,
  fleetAccountName,
  provisioningAccountName,
  systemAccountName,
} from './authentication/accounts.ts';
export {
  type BrokerAuthOptions,
  createBrokerAuthenticator,
  type ProvisioningAuth,
  provisionerUser,
} from './authentication/broker-auth.ts';
export {nodePermissions} from './authentication/certificate.ts';
export {type BrokerSettings, readSettings} from './settings.ts';
export {type RunningBroker, startBroker, type StartBrokerOptions} from './start.ts';
export {type ReloadChanges, SupervisedEngine, type SupervisedEngineOptions} from './supervised/engine.ts';
export {CalloutError, CalloutErrorCodes, SupervisedError, SupervisedErrorCodes} from './supervised/errors.ts';
export {findNatsServer, type NatsServerProgram} from './supervised/program.ts';
export {type BrokerMetric, brokerMetrics, createBrokerMetrics} from './stats/metrics.ts';
export {startStatsListener, type StatsListener, type StatsListenerOptions} from './stats/listener.ts';
export {embeddedSource, proxySource, type StatsSource} from './stats/source.ts';
