/** The door of `provisioner`: the service that configures nodes which wait for it. See README.md. */
export {ProvisionerError, type ProvisionerErrorCode, provisionerErrorCodes} from './errors.ts';
export {type HelperInput, type HelperOutput, parseHelperOutput} from './helper.ts';
export {provisionerLimits} from './limits.ts';
export type {ProvisionerMetrics} from './metrics.ts';
export {createProvisioner, type Provisioner, type ProvisionerOptions} from './provisioner.ts';
export {defaultDenyList, parseProvisionerSettings, type ProvisionerSettings} from './settings.ts';
export type {LeaderElection, ProvisionPolicy} from './types.ts';
