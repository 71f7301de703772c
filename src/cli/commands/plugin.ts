/** `choria plugin`: what agents and data providers can do. */
import type {CommandSpec} from '../types.ts';
import {configFlag} from './flags.ts';

const pluginGenerateAgentCommand: CommandSpec = {
  name: 'agent',
  help: 'Writes a new agent in TypeScript or JavaScript, with tests',
  arguments: [
    {name: 'name', required: true, help: 'The name of the agent'},
    {name: 'target', help: 'The directory to write it to; one of its name when left out'},
  ],
  flags: [
    {name: 'description', kind: 'string', help: 'What the agent is for'},
    {name: 'author', kind: 'string', help: 'Who writes it'},
    {name: 'typescript', kind: 'boolean', help: 'Write TypeScript instead of JavaScript'},
  ],
  run: async () => (await import('./plugin-generate-agent-run.ts')).runGenerateAgent,
};

const pluginGenerateClientCommand: CommandSpec = {
  name: 'client',
  help: 'Writes a typed TypeScript client for an agent',
  arguments: [
    {name: 'ddl', required: true, kind: 'file', help: 'The JSON description of the agent'},
    {name: 'target', required: true, help: 'The directory to write the package to'},
  ],
  flags: [{name: 'package', kind: 'string', help: 'Name of the package'}],
  run: async () => (await import('./plugin-generate-run.ts')).runGenerateClient,
};

const pluginGenerateDdlCommand: CommandSpec = {
  name: 'ddl',
  help: 'Checks a JSON description of an agent and writes its Ruby form',
  arguments: [
    {name: 'json_output', required: true, help: 'The JSON description'},
    {name: 'ruby_output', help: 'Where to write the Ruby form'},
  ],
  flags: [
    {name: 'skip-verify', kind: 'boolean', help: 'Do not check the description against its schema'},
    {name: 'convert', kind: 'boolean', help: 'Convert without asking'},
  ],
  run: async () => (await import('./plugin-generate-run.ts')).runGenerateDdl,
};

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
      name: 'generate',
      help: 'Writes files for plugins',
      commands: [pluginGenerateAgentCommand, pluginGenerateClientCommand, pluginGenerateDdlCommand],
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
