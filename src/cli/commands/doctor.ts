/** `choria doctor`: what is wrong, why, and what to do. */
import type {CommandSpec} from '../types.ts';

export const doctorCommand: CommandSpec = {
  name: 'doctor',
  help: 'Finds out what is wrong with a client, server or broker, and says what to do\n\nExit codes: 0 nothing was found, 1 warnings only, 2 at least one error.',
  flags: [
    {
      name: 'config',
      kind: 'string',
      valueName: 'FILE',
      help: 'Configuration to look at; without it the one of client commands',
    },
    {
      name: 'role',
      kind: 'enum',
      values: ['client', 'server', 'broker'],
      help: 'Program that the configuration is for; without it what the file sets',
    },
    {name: 'offline', kind: 'boolean', help: 'Look at files only, touch no network'},
    {name: 'json', short: 'j', kind: 'boolean', help: 'Show findings as JSON'},
  ],
  run: async () => (await import('./doctor-run.ts')).runDoctor,
};
