/** The public door of `choria/client`: act as an operator from a program. */
export {createClient} from './create-client.ts';
export {ActionOutput, ActionRequest, AgentClient} from './agent-client.ts';
export type {ActionResult, ActionStart, AgentClientOptions, ReplyDetails} from './agent-client.ts';
export {type AgentCalls, agentCalls, type TypedReplies, type TypedReply} from './typed-agent.ts';
// What a program needs to make a client of its user's configuration.
export {findUserConfig, loadConfig} from '../config/index.ts';
export {createNodePlatform} from '../lib/node-platform.ts';
export {FleetClient, findAction} from './client.ts';
export {ClientError, clientErrorCodes} from './errors.ts';
export type {ClientErrorCode} from './errors.ts';
export {compileReplyFilter} from './reply-filter.ts';
export {
  createRequestRecords,
  type NodeTrouble,
  recordOf,
  type RequestRecord,
  type RequestRecords,
  troubleOf,
} from './request-record.ts';
export {clientStateDirectory} from './state-directory.ts';
export {buildFilter} from './filter.ts';
export {type Ceiling, ceilingFor} from './reach/ceiling.ts';
export {mayChange} from './reach/changes.ts';
export {planRamp, quorumOf, type RampPlan, type RampState, type RampStep} from './reach/ramp.ts';
export {loadRamp, rampPath, type RampRecord} from './reach/ramp-file.ts';
export {runRamp} from './reach/run-ramp.ts';
export type {FilterText} from './filter.ts';
export type {
  Client,
  ClientOptions,
  DiscoverOptions,
  Discovered,
  Filter,
  NodeReply,
  PerformOptions,
  PingOptions,
  PingResult,
  RequestOptions,
  RequestProgress,
} from './types.ts';
export {mergeStatistics} from '../rpc/index.ts';
export type {ReplyStream, RequestHandlers, RequestStatistics, StrayReplies} from '../rpc/index.ts';
