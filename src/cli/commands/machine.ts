/** `choria machine`: the autonomous agents. So far the lists of plugins that nodes download. */
import type {CommandSpec, FlagSpec} from '../types.ts';
import {configFlag} from './flags.ts';

const manifestFlag: FlagSpec = {
  name: 'manifest',
  kind: 'string',
  default: 'plugins.json',
  help: 'The list of plugins to edit',
};

const addCommand: CommandSpec = {
  name: 'add',
  help: 'Adds a plugin to the list, or updates it',
  arguments: [
    {name: 'name', required: true, help: 'The name of the plugin, one in the list'},
    {name: 'plugin', required: true, help: 'The URL of the tar archive that holds the plugin'},
    {name: 'checksum', required: true, help: 'SHA256 checksum of the archive'},
    {name: 'verify-checksum', required: true, help: 'SHA256 checksum of the file of checksums in the archive'},
  ],
  flags: [
    manifestFlag,
    {name: 'matcher', kind: 'string', help: 'An expression that chooses the nodes that have the plugin'},
    {name: 'governor', kind: 'string', help: 'A Governor that limits how many nodes download at once'},
  ],
  run: async () => (await import('./machine-plugins-run.ts')).runPluginsAdd,
};

const matcherCommand: CommandSpec = {
  name: 'matcher',
  help: 'Tests an expression that chooses the nodes of a plugin',
  arguments: [{name: 'matcher', required: true, help: 'The expression'}],
  flags: [
    {name: 'identity', kind: 'string', help: 'The identity of the node; of --config when left out'},
    {name: 'facts', kind: 'file', help: 'JSON file of the facts of the node; of --config when left out'},
  ],
  run: async () => (await import('./machine-plugins-run.ts')).runPluginsMatcher,
};

const packCommand: CommandSpec = {
  name: 'pack',
  help: 'Encodes and signs the list for the plugins watcher',
  arguments: [
    {name: 'source', required: true, kind: 'file', help: 'The list of plugins'},
    {name: 'seed', kind: 'file', help: 'File of the Ed25519 seed to sign with, such as "choria jwt keys" makes'},
  ],
  flags: [
    {
      name: 'force',
      kind: 'boolean',
      negatable: true,
      help: 'Pack an empty list, replace the output, and say nothing of a missing seed',
    },
    {name: 'output', kind: 'string', help: 'Write the result to a file'},
  ],
  run: async () => (await import('./machine-plugins-run.ts')).runPluginsPack,
};

const rmCommand: CommandSpec = {
  name: 'rm',
  help: 'Removes a plugin from the list',
  arguments: [{name: 'name', required: true, help: 'The name of the plugin'}],
  flags: [manifestFlag],
  run: async () => (await import('./machine-plugins-run.ts')).runPluginsRemove,
};

const verifyCommand: CommandSpec = {
  name: 'verify',
  help: 'Checks the signature of a packed list',
  arguments: [
    {name: 'source', required: true, kind: 'file', help: 'What "choria machine plugins pack" made'},
    {name: 'key', required: true, help: 'Public Ed25519 key that must have signed it, in hex or in a file'},
  ],
  run: async () => (await import('./machine-plugins-run.ts')).runPluginsVerify,
};

export const machineCommand: CommandSpec = {
  name: 'machine',
  help: 'Autonomous agents',
  flags: [configFlag],
  commands: [
    {
      name: 'plugins',
      help: 'Lists of plugins that nodes download and keep',
      commands: [addCommand, matcherCommand, packCommand, rmCommand, verifyCommand],
    },
  ],
};
