/** What can be wrong with the plugins of the autonomous agents. */
import {ChoriaError} from '../lib/errors.ts';

export const machineErrorCodes = {
  ERR_MACHINE_MANIFEST: 'A list of plugins cannot be read, or an entry of it lacks something or is not safe.',
  ERR_MACHINE_SPECIFICATION: 'A packed list of plugins, or its signature, cannot be read.',
  ERR_MACHINE_MATCHER: 'An expression that chooses the nodes of a plugin cannot be used.',
} as const;

type MachineErrorCode = keyof typeof machineErrorCodes;

export class MachineError extends ChoriaError<MachineErrorCode> {}
