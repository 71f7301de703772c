/** `choria plugin`: what agents and data providers can do. */
import type {CommandSpec} from '../types.ts';
import {configFlag} from './flags.ts';

export const pluginCommand: CommandSpec = {
  name: 'plugin',
  help: 'Plugin inspection and documentation',
  flags: [configFlag],
  commands: [
    {
      name: 'doc',
      help: 'Shows what a plugin does and takes',
      arguments: [{name: 'name', help: 'Plugin to inspect, as NAME or TYPE/NAME'}],
      flags: [
        {name: 'json', short: 'j', kind: 'boolean', help: 'Produce JSON output only'},
        {name: 'markdown', short: 'm', kind: 'boolean', help: 'Produce Markdown output'},
      ],
      run: async () => (await import('./plugin-run.ts')).runPluginDoc,
    },
    {
      name: 'schema',
      help: 'Retrieves the description of a plugin',
      arguments: [
        {name: 'kind', kind: 'enum', values: ['agent'], required: true, help: 'The kind of plugin'},
        {name: 'plugin', required: true, help: 'The name of the plugin'},
      ],
      flags: [{name: 'format', kind: 'enum', values: ['json', 'ddl'], default: 'json', help: 'The format to show'}],
      run: async () => (await import('./plugin-run.ts')).runPluginSchema,
    },
  ],
};
