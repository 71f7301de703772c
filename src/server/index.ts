/** The public door of `server`: nodes of the fleet, alone, embedded in another program, or by the thousand. */
// What a program needs to make a server of a configuration.
export {configFromEntries, loadConfig} from '../config/index.ts';
export {createLogger} from '../lib/node-logger.ts';
export {createNodePlatform} from '../lib/node-platform.ts';
export {prepareServerStart} from '../provision/index.ts';
export type {RegistrationSource} from './registration/start.ts';
export {createServer, createSharedParts, type ServerOptions, type SharedParts} from './create.ts';
export {
  createEmulatedAgent,
  emulatedDelayMsMax,
  type EmulatedAgentSettings,
  emulatedReplyBytesMax,
} from './emulator/agents.ts';
export {
  createEmulator,
  type Emulator,
  type EmulatorOptions,
  type EmulatorReport,
  type EmulatorTotals,
} from './emulator/emulator.ts';
export {ServerError, type ServerErrorCode, serverErrorCodes} from './errors.ts';
export type {ServerEvent} from './lifecycle.ts';
export {serverLimits} from './limits.ts';
export type {ServerProvisioning} from './provisioning.ts';
export {createServerFromParts} from './server.ts';
export {serverStatePaths} from './state-directory.ts';
export type {
  AgentProviderMaker,
  ChoriaServer,
  ServerDataPlugins,
  ServerParts,
  ServerState,
  SharedResources,
} from './types.ts';
export {serverStateDirectory} from './state-directory.ts';
export {createClassSource} from './classes.ts';
export {createFactSource, factPaths} from './facts.ts';
