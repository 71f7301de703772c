/** `choria aaa run`. */
import type {CommandSpec} from '../types.ts';

export const aaaCommand: CommandSpec = {
  name: 'aaa',
  help: 'Central login, authorization and signing of requests',
  commands: [
    {
      name: 'run',
      help: 'Runs the AAA service',
      isDefault: true,
      flags: [
        {name: 'config', kind: 'string', valueName: 'FILE', required: true, help: 'Configuration file to use, JSON'},
        {name: 'pid', kind: 'string', valueName: 'FILE', help: 'Write running PID to a file'},
      ],
      run: async () => (await import('./aaa-run-run.ts')).runAaa,
    },
  ],
};
