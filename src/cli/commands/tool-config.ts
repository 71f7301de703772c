/** `choria tool config`: the configuration in force, and what each setting means. */
import type {CommandSpec} from '../types.ts';

export const toolConfigCommand: CommandSpec = {
  name: 'config',
  help: 'Shows the active configuration and describes settings',
  arguments: [{name: 'key', help: 'Settings to describe, a regular expression'}],
  flags: [{name: 'list', short: 'l', kind: 'boolean', help: 'Only list the names of matching settings'}],
  run: async () => (await import('./tool-config-run.ts')).runToolConfig,
};
