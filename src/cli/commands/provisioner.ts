/** `choria provisioner run`. */
import type {CommandSpec} from '../types.ts';

export const provisionerCommand: CommandSpec = {
  name: 'provisioner',
  help: 'Configures servers that wait for it',
  commands: [
    {
      name: 'run',
      help: 'Runs the provisioner in the foreground',
      isDefault: true,
      flags: [
        {name: 'config', kind: 'string', valueName: 'FILE', help: 'Configuration file of the provisioner, YAML'},
        {name: 'choria-config', kind: 'string', valueName: 'FILE', help: 'Configuration file of Choria to use'},
        {name: 'pid', kind: 'string', valueName: 'FILE', help: 'Write running PID to a file'},
      ],
      run: async () => (await import('./provisioner-run.ts')).runProvisioner,
    },
  ],
};
