/** `choria tool provisioner`: who would configure a new server on this machine. */
import type {CommandSpec} from '../types.ts';

export const toolProvisionerCommand: CommandSpec = {
  name: 'provisioner',
  help: 'Shows the brokers by which new servers of this machine are configured',
  run: async () => (await import('./tool-provisioner-run.ts')).runToolProvisioner,
};
