/** The door of `provision`: servers that wait to be configured. See README.md. */
export {createProvisionAgent, type ProvisionAgentOptions, type ServerControl} from './agent.ts';
export {provisioningServers} from './brokers.ts';
export {ProvisionError, type ProvisionErrorCode, provisionErrorCodes} from './errors.ts';
export {provisionLimits} from './limits.ts';
export {prepareServerStart, type ServerStart} from './mode.ts';
export {provisioningCollective, provisioningComponent, provisioningSettings} from './settings.ts';
export {releaseStatement} from './release.ts';
export {type ProvisioningTarget, readProvisioningTarget, readProvisioningToken} from './token.ts';
export {type UpgradeState, watchUpgrade} from './upgrade-watch.ts';
