/** The door of `machine`: lists of plugins of the autonomous agents. See README.md. */
export {MachineError, machineErrorCodes} from './errors.ts';
export {manifestBytesMax, specificationBytesMax} from './limits.ts';
export {type ManagedPlugin, parseManifest, putPlugin, renderManifest, splitCredentials} from './manifest.ts';
export {compileMatcher, matchesNode} from './matcher.ts';
export {isSpecificationSignedBy, packManifest, parseSpecification} from './specification.ts';
